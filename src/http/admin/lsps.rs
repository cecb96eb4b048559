//! Registration of LSPs: who they are, where their callbacks go, which keys count.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::page::{self, Page};
use crate::app::SharedApp;
use crate::config::{Config, Mode, OwnInbox};
use crate::delivery::address::check_literal;
use crate::domain::ids::OrgId;
use crate::domain::personal::is_unseen;
use crate::http::problem::{self, Path, Problem, Query};
use crate::jose::VerifyingKey;
use crate::lsp::{Change, Lsp, LspKey, Settings};
use crate::protocol;
use crate::store::audit;
use crate::store::lsp::{self as store, PutError};

/// Most keys that count at one time: the one in use and the next (`ocen-v3.md` §4.4).
const ACTIVE_KEYS: usize = 2;
/// Most client certificates that an LSP may be bound to.
const BINDINGS: usize = 16;
/// Most networks that one LSP may call from.
const NETWORKS: usize = 64;
/// Most seconds that an LSP's clock may be ahead.
const LONGEST_SKEW: u32 = 3_600;
/// Longest id or name, in characters.
const LONGEST: usize = 128;

/// `PUT /admin/lsps/{orgId}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewLsp")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LspIn {
    /// The one in the path, as the LSP is shown.
    org_id: Option<String>,
    /// For people.
    name: String,
    /// Left out where there is an inbox of our own: that.
    callback_base_url: Option<String>,
    /// All that count: two at most, the one in use and the next. Those that are not in the list are revoked; without a
    /// list those that it has stay.
    keys: Option<Vec<KeyIn>>,
    /// Those to be changed; the others stay.
    settings: Option<Change>,
}

impl LspIn {
    /// The registration as it will stand in place of the one before.
    fn over(self, before: Option<&Lsp>) -> Result<Draft, Problem> {
        let kept = before.map(|lsp| lsp.settings.clone()).unwrap_or_default();
        let settings = match self.settings {
            Some(change) => kept.with(change).map_err(|error| {
                let pointer = format!("/settings{}", problem::pointer(error.path()));
                Problem::unprocessable(pointer, error.inner().to_string())
            })?,
            None => kept,
        };
        let counts = |key: &&LspKey| key.revoked_at.is_none();
        let stay = |lsp: &Lsp| lsp.keys.iter().filter(counts).map(KeyIn::from).collect();
        Ok(Draft {
            org_id: self.org_id,
            name: self.name,
            callback_base_url: self.callback_base_url,
            keys: self.keys.or_else(|| before.map(stay)).unwrap_or_default(),
            settings,
        })
    }
}

/// A whole registration, not checked yet.
#[derive(Debug)]
pub struct Draft {
    /// As told beside the path.
    org_id: Option<String>,
    name: String,
    callback_base_url: Option<String>,
    keys: Vec<KeyIn>,
    settings: Settings,
}

impl Draft {
    /// Of a new LSP.
    #[must_use]
    pub fn new(name: String, callback_base_url: Option<String>, keys: Vec<KeyIn>, settings: Settings) -> Self {
        Self { org_id: None, name, callback_base_url, keys, settings }
    }
}

/// A key to be registered.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewKey")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyIn {
    /// Of the JWS header; never the same for another key.
    kid: String,
    /// SPKI PEM of an RSA key of 2048 bits or more, which stands under no other kid, here or at another LSP, and never did.
    public_key_pem: String,
    /// As a revoked key is shown: it stays revoked, and counts as left out.
    revoked_at: Option<DateTime<Utc>>,
}

impl From<&LspKey> for KeyIn {
    fn from(key: &LspKey) -> Self {
        Self { kid: key.kid.clone(), public_key_pem: key.public_key_pem.clone(), revoked_at: key.revoked_at }
    }
}

impl KeyIn {
    /// A key that counts.
    #[must_use]
    pub fn new(kid: String, public_key_pem: String) -> Self {
        Self { kid, public_key_pem, revoked_at: None }
    }
}

/// Paging of the list.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ListQuery {
    cursor: Option<String>,
    limit: Option<i64>,
}

/// What a registration must respect beyond its form.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether callbacks may go to private addresses.
    pub private_addresses: bool,
    /// Whether an LSP may send unsigned messages.
    pub unsigned: bool,
    /// The endpoint of our own that callbacks may go to.
    pub inbox: Option<OwnInbox>,
}

impl Policy {
    /// The policy of a server: the sandbox allows more.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            private_addresses: config.delivery.allow_private_addresses,
            unsigned: config.mode == Mode::Dev,
            inbox: config.delivery.inbox.clone(),
        }
    }
}

/// Registers an LSP or replaces what is known about it.
///
/// # Errors
/// 409 for a revoked kid, a kid with another key, or a key that stands or stood under another kid, 422 for a member that makes no sense.
pub async fn put(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(org_id): Path<String>,
    problem::Json(body): problem::Json<LspIn>,
) -> Result<Json<Lsp>, Problem> {
    let mut tx = app.pool.begin().await?;
    // What is kept must not be what somebody else is replacing.
    store::lock(&mut tx, &org_id).await?;
    let before = store::find(&mut tx, &OrgId(org_id.clone())).await?;
    let lsp = admitted(org_id, body.over(before.as_ref())?, &app.config)?;
    store::put(&mut tx, &lsp, app.clock.now()).await.map_err(|error| match error {
        PutError::Database(error) => error.into(),
        refused => Problem::conflict(refused.to_string()),
    })?;
    let stored = store::find(&mut tx, &lsp.org_id).await?.ok_or_else(|| Problem::not_found("LSP"))?;
    let active = stored.keys.iter().filter(|key| key.revoked_at.is_none()).map(|key| key.kid.as_str());
    let entry =
        caller.did("LSP_PUT").about("orgId", &stored.org_id).about("kids", active.collect::<Vec<_>>().join(" "));
    let entry =
        changes(before.as_ref(), &stored).into_iter().fold(entry, |entry, (kind, what)| entry.about(kind, what));
    let before = before.map(|lsp| audit::digest(&app.sealer, &lsp)).transpose()?;
    let after = audit::digest(&app.sealer, &stored)?;
    entry.changed(before, Some(after)).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    tracing::info!(org = %lsp.org_id, keys = lsp.keys.len(), "LSP registered");
    Ok(Json(stored))
}

/// What an auditor should see of a registration beside its digests: where callbacks go from now on, and which parts are
/// others than before. None of it is personal.
fn changes(before: Option<&Lsp>, after: &Lsp) -> Vec<(&'static str, String)> {
    let Some(before) = before else {
        return vec![("callbackBaseUrl", after.callback_base_url.clone())];
    };
    let kids = |lsp: &Lsp| -> BTreeSet<String> {
        lsp.keys.iter().filter(|key| key.revoked_at.is_none()).map(|key| key.kid.clone()).collect()
    };
    let changed = [
        ("name", before.name != after.name),
        ("callbackBaseUrl", before.callback_base_url != after.callback_base_url),
        ("keys", kids(before) != kids(after)),
        ("settings", before.settings != after.settings),
    ];
    let changed: Vec<&str> = changed.into_iter().filter_map(|(what, is)| is.then_some(what)).collect();
    let mut told = vec![("changed", changed.join(" "))];
    if before.callback_base_url != after.callback_base_url {
        told.push(("callbackBaseUrlBefore", before.callback_base_url.clone()));
        told.push(("callbackBaseUrl", after.callback_base_url.clone()));
    }
    if before.settings.client_certificates != after.settings.client_certificates {
        told.push(("clientCertificates", listed(&after.settings.client_certificates)));
    }
    if before.settings.ip_allow_list != after.settings.ip_allow_list {
        told.push(("ipAllowList", listed(&after.settings.ip_allow_list)));
    }
    told
}

fn listed(items: &[impl ToString]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(" ") }
}

/// All LSPs.
///
/// # Errors
/// When the database fails.
pub async fn list(
    State(app): State<SharedApp>,
    Query(query): Query<ListQuery>,
) -> Result<Json<impl Serialize>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut conn = app.pool.acquire().await?;
    let lsps = store::list(&mut conn, query.cursor.as_deref().unwrap_or_default(), limit + 1).await?;
    Ok(Page::of(lsps, limit, |lsp| lsp.org_id.0.clone()))
}

/// One LSP.
///
/// # Errors
/// 404 when it is not registered.
pub async fn show(State(app): State<SharedApp>, Path(org_id): Path<String>) -> Result<Json<Lsp>, Problem> {
    let mut conn = app.pool.acquire().await?;
    let found = store::find(&mut conn, &OrgId(org_id)).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("LSP"))
}

/// Revokes a key at once; a second time changes nothing.
///
/// # Errors
/// 404 when the LSP has no such key.
pub async fn revoke_key(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((org_id, kid)): Path<(String, String)>,
) -> Result<Json<Lsp>, Problem> {
    let org_id = OrgId(org_id);
    let mut tx = app.pool.begin().await?;
    let revoked = store::revoke_key(&mut tx, &org_id, &kid, app.clock.now()).await?;
    let found = store::find(&mut tx, &org_id).await?;
    let (Some(_), Some(lsp)) = (revoked, found) else {
        return Err(Problem::not_found("key"));
    };
    let entry = caller.did("LSP_KEY_REVOKED").about("orgId", &org_id).about("kid", &kid);
    entry.append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    tracing::warn!(org = %org_id, kid, "key revoked");
    Ok(Json(lsp))
}

/// Checks a registration against all that a server is configured to respect.
///
/// # Errors
/// 422, pointing at the member.
pub fn admitted(org_id: String, draft: Draft, config: &Config) -> Result<Lsp, Problem> {
    if org_id == config.lender.org_id {
        return Err(Problem::unprocessable("/orgId", "is the lender's own"));
    }
    let policy = Policy::of(config);
    let inbox = policy.inbox.clone();
    let lsp = checked(org_id, draft, policy)?;
    let url = lsp.callback_base_url.parse::<Url>().ok();
    let ours = url.zip(inbox).is_some_and(|(url, inbox)| inbox.reach(&url).is_some());
    if !ours {
        allowed_port(&lsp.callback_base_url, &config.delivery.allowed_ports)?;
    }
    Ok(lsp)
}

/// Checks a registration as a whole and brings it into the stored form.
///
/// # Errors
/// 422, pointing at the member.
pub fn checked(org_id: String, draft: Draft, policy: Policy) -> Result<Lsp, Problem> {
    text("/orgId", &org_id)?;
    if org_id.contains(['\u{200c}', '\u{200d}']) {
        return Err(Problem::unprocessable("/orgId", "must be without joiners"));
    }
    if draft.org_id.is_some_and(|said| said != org_id) {
        return Err(Problem::unprocessable("/orgId", "is another one than in the path"));
    }
    text("/name", &draft.name)?;
    let in_inbox = || policy.inbox.as_ref().and_then(|inbox| inbox.of(&org_id));
    let url = draft.callback_base_url.or_else(in_inbox);
    let url = url.ok_or_else(|| Problem::unprocessable("", "missing field `callbackBaseUrl`"))?;
    callback_base_url(&url, &policy)?;
    settings(&draft.settings, &policy)?;
    Ok(Lsp {
        org_id: OrgId(org_id),
        name: draft.name,
        callback_base_url: url.trim_end_matches('/').to_owned(),
        settings: draft.settings,
        keys: keys(draft.keys)?,
    })
}

fn text(pointer: &str, text: &str) -> Result<(), Problem> {
    let fits = (1..=LONGEST).contains(&text.chars().count());
    if fits && text.trim() == text && !text.chars().any(is_unseen) {
        Ok(())
    } else {
        let detail = format!("needs 1 to {LONGEST} printable characters, without blanks around them");
        Err(Problem::unprocessable(pointer, detail))
    }
}

fn callback_base_url(text: &str, policy: &Policy) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::unprocessable("/callbackBaseUrl", detail));
    // A parser of URLs leaves some of them out.
    if text.chars().any(|c| is_unseen(c) || c.is_whitespace()) {
        return refuse("must be without blanks and control characters");
    }
    let Ok(url) = text.parse::<Url>() else {
        return refuse("must be an http:// or https:// URL");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return refuse("must be an http:// or https:// URL");
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return refuse("must have no user, query or fragment: the answer paths are put behind it");
    }
    let ours = policy.inbox.as_ref().is_some_and(|inbox| inbox.reach(&url).is_some());
    if !policy.private_addresses && !ours && check_literal(&url).is_err() {
        return refuse("must not be a private, local or reserved address");
    }
    Ok(())
}

fn allowed_port(url: &str, allowed: &[u16]) -> Result<(), Problem> {
    let port = url.parse::<Url>().ok().and_then(|url| url.port_or_known_default());
    if allowed.is_empty() || port.is_some_and(|port| allowed.contains(&port)) {
        return Ok(());
    }
    let ports: Vec<String> = allowed.iter().map(u16::to_string).collect();
    Err(Problem::unprocessable("/callbackBaseUrl", format!("callbacks go to port {} only", ports.join(", "))))
}

fn settings(settings: &Settings, policy: &Policy) -> Result<(), Problem> {
    if settings.allow_unsigned && !policy.unsigned {
        return Err(Problem::unprocessable("/settings/allowUnsigned", "only the sandbox takes unsigned messages"));
    }
    if settings.client_certificates.len() > BINDINGS {
        return Err(Problem::unprocessable("/settings/clientCertificates", format!("at most {BINDINGS}")));
    }
    if settings.ip_allow_list.len() > NETWORKS {
        return Err(Problem::unprocessable("/settings/ipAllowList", format!("at most {NETWORKS}")));
    }
    if settings.clock_skew > LONGEST_SKEW {
        return Err(Problem::unprocessable("/settings/clockSkew", format!("at most {LONGEST_SKEW} seconds")));
    }
    for (member, quota) in settings.rate_limits.quotas() {
        if !quota.makes_sense() {
            let pointer = format!("/settings/rateLimits/{}", member.replace('.', "/"));
            return Err(Problem::unprocessable(pointer, "must let at least one request through"));
        }
    }
    if let Some(name) = protocol::unknown_operation(&settings.rate_limits) {
        let pointer = format!("/settings/rateLimits/operations/{}", name.replace('~', "~0").replace('/', "~1"));
        return Err(Problem::unprocessable(pointer, "there is no such operation"));
    }
    for (operation, path) in &settings.callback_path_overrides {
        let pointer = format!("/settings/callbackPathOverrides/{}", operation.replace('~', "~0").replace('/', "~1"));
        if protocol::OPERATIONS.iter().all(|known| known.name != operation) {
            return Err(Problem::unprocessable(pointer, "there is no such operation"));
        }
        let plain = path.starts_with('/') && !path.contains(['?', '#', '\\']) && !path.chars().any(char::is_control);
        if !plain || path.split('/').any(|segment| segment == "..") {
            return Err(Problem::unprocessable(pointer, "must be a path that begins with `/`"));
        }
    }
    Ok(())
}

fn keys(given: Vec<KeyIn>) -> Result<Vec<LspKey>, Problem> {
    if given.iter().filter(|key| key.revoked_at.is_none()).count() > ACTIVE_KEYS {
        return Err(Problem::unprocessable("/keys", format!("at most {ACTIVE_KEYS} keys count at one time")));
    }
    let mut seen = BTreeSet::new();
    let mut keys = Vec::with_capacity(given.len());
    for (i, key) in given.into_iter().enumerate().filter(|(_, key)| key.revoked_at.is_none()) {
        text(&format!("/keys/{i}/kid"), &key.kid)?;
        if !seen.insert(key.kid.clone()) {
            return Err(Problem::unprocessable(format!("/keys/{i}/kid"), "is there twice"));
        }
        // Written anew, so that the same key is the same text.
        let public_key = VerifyingKey::from_pem(&key.public_key_pem)
            .map_err(|error| Problem::unprocessable(format!("/keys/{i}/publicKeyPem"), error.to_string()))?;
        keys.push(LspKey { kid: key.kid, public_key_pem: public_key.to_pem(), revoked_at: None });
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::SigningKey;

    const SERVE: Policy = Policy { private_addresses: false, unsigned: false, inbox: None };
    const DEV: Policy = Policy { private_addresses: true, unsigned: true, inbox: None };

    fn body(url: &str, keys: Vec<KeyIn>) -> Draft {
        Draft::new("An LSP".into(), Some(url.into()), keys, Settings::default())
    }

    fn pointer(result: Result<Lsp, Problem>) -> String {
        let problem = serde_json::to_value(result.unwrap_err()).unwrap();
        assert_eq!(problem["status"], 422);
        problem["pointer"].as_str().unwrap().to_owned()
    }

    #[test]
    fn callbacks_go_to_public_web_addresses() {
        for url in [
            "ftp://lsp.example",
            "lsp.example",
            "https://",
            "https://u:p@lsp.example",
            "https://lsp.example/?a=b",
            "https://lsp.example/\r\nX: y",
        ] {
            assert_eq!(pointer(checked("LSP".into(), body(url, vec![]), DEV)), "/callbackBaseUrl", "{url}");
        }
        for url in ["http://127.0.0.1:9", "https://localhost/x", "http://[::1]", "http://169.254.169.254/"] {
            assert_eq!(pointer(checked("LSP".into(), body(url, vec![]), SERVE)), "/callbackBaseUrl", "{url}");
            assert!(checked("LSP".into(), body(url, vec![]), DEV).is_ok(), "{url}");
        }
        let lsp = checked("LSP".into(), body("https://lsp.example/base/", vec![]), SERVE).unwrap();
        assert_eq!(lsp.callback_base_url, "https://lsp.example/base");
    }

    #[test]
    fn keys_are_at_most_two_different_rsa_keys() {
        let pem = SigningKey::generate("k").unwrap().public_key_pem();
        let key = |kid: &str| KeyIn::new(kid.into(), pem.clone());
        let put = |keys| checked("LSP".into(), body("https://lsp.example", keys), SERVE);
        assert_eq!(put(vec![key("a"), key("b")]).unwrap().keys.len(), 2);
        assert_eq!(pointer(put(vec![key("a"), key("b"), key("c")])), "/keys");
        assert_eq!(pointer(put(vec![key("a"), key("a")])), "/keys/1/kid");
        assert_eq!(pointer(put(vec![key("")])), "/keys/0/kid");
        let bad = KeyIn::new("a".into(), "-----BEGIN PUBLIC KEY-----".into());
        assert_eq!(pointer(put(vec![bad])), "/keys/0/publicKeyPem");
    }

    #[test]
    fn unsigned_messages_are_for_the_sandbox() {
        let unsigned = || {
            let settings = Settings { allow_unsigned: true, ..Settings::default() };
            Draft { settings, ..body("https://lsp.example", vec![]) }
        };
        assert_eq!(pointer(checked("LSP".into(), unsigned(), SERVE)), "/settings/allowUnsigned");
        assert!(checked("LSP".into(), unsigned(), DEV).is_ok());
    }

    #[test]
    fn ids_are_short_and_printable() {
        for org_id in ["", "a\u{0}b", " a", "a\u{200b}", "a\u{202e}b", &"x".repeat(129)] {
            assert_eq!(pointer(checked(org_id.into(), body("https://lsp.example", vec![]), SERVE)), "/orgId");
        }
    }
}
