//! What an LSP has to look at before it believes a callback (`ocen-v3.md` §4).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::keys::KeyRing;
use crate::jose::{FlattenedError, HeaderMember, Incoming, OCEN_V3_ALGORITHMS};

/// Oldest timestamp that is believed: a callback is stamped anew with each attempt, a slow way included.
const MAX_AGE: TimeDelta = TimeDelta::hours(72);
/// How far the lender's clock may be ahead.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(5);

/// A callback and what is thought of it.
#[derive(Debug)]
pub(super) struct Checked {
    /// The message, as far as it can be read; from a message that does not verify, nothing in it is to be believed.
    pub(super) message: Value,
    /// How its envelope was written; `None` for a plain one.
    pub(super) signed_with: Option<HeaderMember>,
    /// The key that it names.
    pub(super) kid: Option<String>,
    /// Why it is not to be accepted, if so.
    pub(super) fault: Option<Fault>,
}

/// A callback that must not be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// HTTP status to refuse it with; 503 asks to send it again.
    pub(super) status: u16,
    /// OCEN's error code.
    pub(super) code: &'static str,
    /// Words.
    pub(super) why: String,
}

/// Takes a body apart and checks it.
pub(super) async fn check(keys: &KeyRing, body: &[u8], now: DateTime<Utc>) -> Checked {
    match Incoming::parse(body, OCEN_V3_ALGORITHMS) {
        Err(error) => {
            let (status, code) = match error {
                FlattenedError::NotJson(_) => (400, "GEN5010"),
                _ => (401, "AUTH1001"),
            };
            let fault = Fault { status, code, why: error.to_string() };
            Checked { message: Value::Null, signed_with: None, kid: None, fault: Some(fault) }
        }
        Ok(Incoming::Plain) => {
            let message = serde_json::from_slice(body).unwrap_or_default();
            let fault = claims(&message, now).err();
            Checked { message, signed_with: None, kid: None, fault }
        }
        Ok(Incoming::Signed(jws)) => {
            let message: Value = serde_json::from_slice(jws.unverified_payload()).unwrap_or_default();
            let kid = jws.kid().map(str::to_owned);
            let verified = match keys.get(kid.as_deref().unwrap_or_default()).await {
                Err(why) => Err(Fault { status: 503, code: "GEN5004", why: format!("the lender's keys: {why}") }),
                Ok(None) => Err(fault(401, "AUTH1002", "the lender publishes no key with this kid")),
                Ok(Some(key)) => jws.verify(&key).map(drop).map_err(|_| {
                    fault(401, "AUTH1001", "the signature does not verify with the lender's published key")
                }),
            };
            let fault = verified.and_then(|()| claims(&message, now)).err();
            Checked { message, signed_with: Some(jws.member()), kid, fault }
        }
    }
}

fn fault(status: u16, code: &'static str, why: &str) -> Fault {
    Fault { status, code, why: why.to_owned() }
}

fn claims(message: &Value, now: DateTime<Utc>) -> Result<(), Fault> {
    let text = |pointer| message.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    if !message.is_object() {
        return Err(fault(400, "GEN5010", "the message is no JSON object"));
    }
    for pointer in ["/metadata/orgId", "/metadata/traceId", "/requestId"] {
        text(pointer).ok_or_else(|| fault(400, "GEN5010", &format!("{pointer} is missing")))?;
    }
    let sent = text("/metadata/timestamp").and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let sent = sent.ok_or_else(|| fault(400, "GEN5010", "/metadata/timestamp is no RFC 3339 time"))?.to_utc();
    if sent < now - MAX_AGE || sent > now + MAX_AHEAD {
        return Err(fault(401, "AUTH1004", &format!("/metadata/timestamp is {sent}: older than 72 hours, or ahead")));
    }
    Ok(())
}
