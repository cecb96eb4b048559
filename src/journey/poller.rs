//! Callbacks of a server that cannot reach us: read from the inbox that its sandbox keeps for us.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::admin::Admin;
use super::envelope::Opened;
use super::listener::Listener;
use super::operations::{list, text};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(150);

/// Takes over what arrives there, until `stop`.
pub async fn run((listener, admin): (Arc<Listener>, Admin), org_id: String, stop: CancellationToken) {
    let mut seen = HashSet::new();
    while !stop.is_cancelled() {
        // What cannot be read now is there later; a step that waits for it in vain says so.
        for item in fresh(&admin, &org_id, &mut seen).await.unwrap_or_default().iter().rev() {
            take_over(&listener, item);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// What was not there the last time, newest first.
async fn fresh(admin: &Admin, org_id: &str, seen: &mut HashSet<String>) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = admin.inbox(org_id, cursor.as_deref()).await?;
        let before = found.len();
        for item in list(&page, "/items") {
            let key = [text(item, "/receivedAt"), text(item, "/path"), text(item, "/body/requestId")].join(" ");
            if seen.insert(key) {
                found.push(item.clone());
            }
        }
        cursor = page.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() || found.len() == before {
            return Ok(found);
        }
    }
}

fn take_over(listener: &Listener, item: &Value) {
    let path = text(item, "/path");
    let flag = |name: &str| item.get(name).and_then(Value::as_bool).unwrap_or_default();
    if listener.envelopes.signs() && !flag("verified") {
        return listener.inbox.fail(format!("{path}, a signature that does not verify"));
    }
    let message = item.get("body").cloned().unwrap_or_default();
    listener.take_over(path, Opened { message, signed: flag("signed") });
}
