//! The start of a server, as the audit log tells it: which version, with which configuration, keys and operators, and
//! what of it is not as it was at the start before.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::app::App;
use crate::config::Operator;
use crate::store::StoreError;
use crate::store::audit::{self, Actor, Entry, Wanted};

/// The entry's kind.
const STARTED: &str = "SERVER_STARTED";
/// What stands for something that there is not.
const NONE: &str = "none";

/// Appends the start.
///
/// # Errors
/// When the database fails.
pub async fn record(app: &App) -> Result<(), StoreError> {
    let now = state(app);
    let mut tx = app.pool.begin().await?;
    let wanted = Wanted { action: Some(STARTED), ..Wanted::default() };
    let last = audit::list(&mut tx, wanted, 1).await?.pop();
    let last: Option<Value> = last.and_then(|row| serde_json::from_str(&row.entry).ok());
    let before = last.as_ref().and_then(|entry| entry.get("after")).and_then(Value::as_str).map(str::to_owned);
    let after = audit::digest(&app.sealer, &now)?;
    let changed = changed(&now, last.as_ref());
    let entry = now.into_iter().fold(Entry::by(&Actor::server(), STARTED), |entry, (kind, is)| entry.about(kind, is));
    let entry = if changed.is_empty() { entry } else { entry.about("changed", changed) };
    entry.changed(before, Some(after)).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    Ok(())
}

/// What an auditor wants to see change: never a secret, only its digest.
fn state(app: &App) -> BTreeMap<&'static str, String> {
    let config = &app.config;
    let keys = app.keys.current();
    let published: Vec<&str> = keys.published.iter().map(|key| key.kid()).collect();
    BTreeMap::from([
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("configSha256", config.file_sha256.clone().unwrap_or_else(|| NONE.to_owned())),
        ("signingKid", keys.signing.kid().to_owned()),
        ("signingKeySha256", keys.signing.verifying_key().fingerprint()),
        ("publishedKids", published.join(" ")),
        ("dataKey", app.sealer.active_key_id().map_or_else(|| NONE.to_owned(), |id| id.to_string())),
        ("operators", operators(&config.operators)),
        ("allRoleToken", if config.admin_token.is_some() { "yes" } else { NONE }.to_owned()),
    ])
}

/// Operators with their roles, as an auditor reads them.
#[must_use]
pub fn operators(operators: &[Operator]) -> String {
    let told = operators.iter().map(|operator| {
        let roles: Vec<&str> = operator.roles.iter().map(|role| role.name()).collect();
        format!("{}: {}", operator.name, roles.join(" "))
    });
    told.collect::<Vec<_>>().join("; ")
}

/// The members that differ from the entry before; none when there is no entry before.
fn changed(now: &BTreeMap<&'static str, String>, last: Option<&Value>) -> String {
    let Some(before) = last.and_then(|entry| entry.get("subject")) else {
        return String::new();
    };
    let differs = |kind: &&str, is: &String| before.get(kind).and_then(Value::as_str) != Some(is.as_str());
    let kinds: Vec<&str> = now.iter().filter(|(kind, is)| differs(kind, is)).map(|(kind, _)| *kind).collect();
    kinds.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_as_it_was_is_named() {
        let now = BTreeMap::from([("version", "2".to_owned()), ("signingKid", "k".to_owned())]);
        let last = json!({"subject": {"version": "1", "signingKid": "k"}});
        assert_eq!(changed(&now, Some(&last)), "version");
        assert_eq!(changed(&now, None), "");
    }
}
