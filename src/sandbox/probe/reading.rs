//! An LSP's ack as the lender reads it, and whether its signature holds.

use serde::Serialize;
use serde_json::Value;

use crate::jose::{FlattenedError, Incoming, OCEN_V3_ALGORITHMS, VerifyingKey};
use crate::lsp::LspKey;

/// An ack; members that are missing or no text are nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct ReadAck {
    /// `"0"`, a code, or what else stood there as JSON.
    error: Option<String>,
    trace_id: Option<String>,
    timestamp: Option<String>,
    signature: Signature,
    /// Why the signature does not hold, or the envelope cannot be read.
    detail: Option<String>,
    /// What it says that it is signed with.
    kid: Option<String>,
}

/// What an answer's signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) enum Signature {
    /// Plain JSON.
    None,
    /// An active key of the LSP made it.
    Verified,
    /// No active key of the LSP made it.
    Invalid,
    /// The envelope is broken.
    Malformed,
}

impl ReadAck {
    /// Reads the body of an answer; nothing when there is no ack in it, as delivery sees it.
    pub(in crate::sandbox) fn of(body: &[u8], keys: &[LspKey]) -> Option<Self> {
        let parsed = Incoming::parse(body, OCEN_V3_ALGORITHMS);
        let (payload, signature, detail, kid) = match &parsed {
            Ok(Incoming::Plain) => (body, Signature::None, None, None),
            Ok(Incoming::Signed(jws)) => {
                let active = keys.iter().filter(|key| key.revoked_at.is_none());
                let mut active = active.filter(|key| jws.kid().is_none_or(|kid| kid == key.kid)).peekable();
                let known = active.peek().is_some();
                let holds = active
                    .any(|key| VerifyingKey::from_pem(&key.public_key_pem).is_ok_and(|key| jws.verify(&key).is_ok()));
                let kid = jws.kid().map(str::to_owned);
                let (signature, detail) = match (holds, known) {
                    (true, _) => (Signature::Verified, None),
                    (false, true) => (Signature::Invalid, Some("the signature does not verify".to_owned())),
                    (false, false) => (Signature::Invalid, Some("the kid is not an active key".to_owned())),
                };
                (jws.unverified_payload(), signature, detail, kid)
            }
            Err(FlattenedError::NotJson(_)) => return None,
            Err(error) => (body, Signature::Malformed, Some(error.to_string()), None),
        };
        let value: Value = serde_json::from_slice(payload).ok()?;
        let ack = value.get("ack").unwrap_or(&value);
        let text = |member: &str| match ack.get(member) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Null) | None => None,
            Some(other) => Some(other.to_string()),
        };
        let (error, trace_id, timestamp) = (text("error"), text("traceId"), text("timestamp"));
        if error.is_none() && trace_id.is_none() {
            return None;
        }
        Some(Self { error, trace_id, timestamp, signature, detail, kid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{HeaderMember, SigningKey, sign_flattened};

    #[test]
    fn an_ack_is_verified_with_the_lsps_active_keys_only() {
        let key = SigningKey::generate("lsp-1").unwrap();
        let registered = |revoked_at| LspKey { kid: "lsp-1".into(), public_key_pem: key.public_key_pem(), revoked_at };
        let body = sign_flattened(&key, HeaderMember::Header, br#"{"ack":{"error":"0","traceId":"t"}}"#).unwrap();

        let read = ReadAck::of(&body, &[registered(None)]).unwrap();
        assert_eq!((read.signature, read.error.as_deref()), (Signature::Verified, Some("0")));
        assert_eq!((read.trace_id.as_deref(), read.timestamp), (Some("t"), None));

        let revoked = ReadAck::of(&body, &[registered(Some(chrono::DateTime::UNIX_EPOCH))]).unwrap();
        assert_eq!(revoked.signature, Signature::Invalid);
        assert_eq!(ReadAck::of(br#"{"error":0}"#, &[]).unwrap().error.as_deref(), Some("0"));
        assert_eq!(ReadAck::of(b"<html>", &[]), None);
        assert_eq!(ReadAck::of(br#"{"title":"Bad Request","status":400}"#, &[]), None);
    }
}
