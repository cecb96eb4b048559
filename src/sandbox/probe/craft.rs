//! Writes a probe: the message, its envelope, and the one thing that is wrong with it.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::base::Base;
use super::defect::Defect;
use crate::delivery::stamp::Stamp;
use crate::jose::{HeaderMember, SignError, SigningKey};

/// How old a message is that no honest sender would still send: longer than any sender's retries (`ocen-v3.md` §4.6).
const LONG_AGO: TimeDelta = TimeDelta::days(7);
/// How far ahead a clock is that is wrong.
const AHEAD: TimeDelta = TimeDelta::days(1);
/// An extension of JWS that does not exist.
const UNKNOWN_EXTENSION: &str = "urn:ocen-lender:unknown-extension";
/// A member that no schema knows.
const UNKNOWN_MEMBER: &str = "unknownToEverySchema";

/// What a probe is made with.
pub(super) struct Makings<'a> {
    /// The lender's `orgId`.
    pub(super) lender: &'a str,
    /// How the LSP likes its messages.
    pub(super) member: HeaderMember,
    /// Our key.
    pub(super) ours: Arc<SigningKey>,
    /// The key that this probe is signed with.
    pub(super) signer: Arc<SigningKey>,
    /// The time.
    pub(super) now: DateTime<Utc>,
    /// An id for what needs a fresh one.
    pub(super) fresh: String,
}

/// A probe as it will be posted.
#[derive(Debug)]
pub(super) struct Forged {
    pub(super) body: Bytes,
    pub(super) path: String,
    pub(super) request_id: String,
    pub(super) trace_id: String,
}

/// Why a probe could not be written: all of them are ours to mend.
#[derive(Debug, thiserror::Error)]
pub(super) enum CraftError {
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error("the message to be probed with is no JSON object")]
    NoObject,
}

/// The three members of the envelope.
struct Parts {
    protected: Option<String>,
    payload: String,
    signature: String,
}

pub(super) fn forge(base: &Base, defect: Defect, with: &Makings<'_>) -> Result<Forged, CraftError> {
    let mut base = base.clone();
    change_base(&mut base, defect, with)?;
    let message = message(&base, defect, with)?;
    let member = match (defect, with.member) {
        (Defect::OtherMember, HeaderMember::Header) => HeaderMember::Protected,
        (Defect::OtherMember, HeaderMember::Protected) => HeaderMember::Header,
        (_, member) => member,
    };
    let body = match defect {
        Defect::MissingEnvelope => message.into_bytes(),
        Defect::NotJson => b"{\"payload\": \"".to_vec(),
        _ => envelope(&parts(&message, defect, with)?, member, defect == Defect::LooseEnvelope),
    };
    let path = if defect == Defect::LowerCasePath { base.path.to_lowercase() } else { base.path };
    Ok(Forged { body: body.into(), path, request_id: base.request_id, trace_id: base.trace_id })
}

/// What must not look like an answer that the LSP has had already gets an id that nobody has asked with.
fn change_base(base: &mut Base, defect: Defect, with: &Makings<'_>) -> Result<(), CraftError> {
    if !matches!(defect, Defect::UnknownRequest | Defect::ErrorAnswer) {
        return Ok(());
    }
    let mut members: Map<String, Value> = serde_json::from_str(&base.payload).map_err(|_| CraftError::NoObject)?;
    base.request_id.clone_from(&with.fresh);
    members.insert("requestId".to_owned(), json!(base.request_id));
    if defect == Defect::ErrorAnswer {
        members.insert("response".to_owned(), json!({"error": "GEN5004"}));
    }
    base.payload = Value::Object(members).to_string();
    Ok(())
}

fn message(base: &Base, defect: Defect, with: &Makings<'_>) -> Result<String, CraftError> {
    let now = match defect {
        Defect::Expired => with.now - LONG_AGO,
        Defect::Future => with.now + AHEAD,
        _ => with.now,
    };
    let stranger = format!("{}-OTHER", with.lender);
    let lender = if defect == Defect::OtherOrg { &stranger } else { with.lender };
    let stamp = Stamp { version: &base.version, lender, trace_id: &base.trace_id, now };
    let message = stamp.onto(&base.payload).map_err(|_| CraftError::NoObject)?;
    if defect != Defect::UnknownFields {
        return Ok(message);
    }
    // In the metadata, which differs from try to try: elsewhere it would be another answer to the same request.
    let mut value: Value = serde_json::from_str(&message).map_err(|_| CraftError::NoObject)?;
    let metadata = value.pointer_mut("/metadata").and_then(Value::as_object_mut).ok_or(CraftError::NoObject)?;
    metadata.insert(UNKNOWN_MEMBER.to_owned(), json!({"nested": [1, null, "text"]}));
    Ok(value.to_string())
}

fn parts(message: &str, defect: Defect, with: &Makings<'_>) -> Result<Parts, CraftError> {
    let protected = protected(defect, with);
    let payload = URL_SAFE_NO_PAD.encode(message);
    let input = [protected.as_bytes(), b".", payload.as_bytes()];
    let signature = match defect {
        Defect::AlgNone => Vec::new(),
        Defect::AlgHs256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, with.ours.public_key_pem().as_bytes());
            hmac::sign(&key, &input.concat()).as_ref().to_vec()
        }
        _ => with.signer.sign(&input)?,
    };
    let signature = if defect == Defect::BrokenSignature { with_another_byte(signature) } else { signature };
    let payload = if defect == Defect::AlteredByte { URL_SAFE_NO_PAD.encode(altered(message)) } else { payload };
    let protected = (defect != Defect::MissingHeader).then_some(protected);
    Ok(Parts { protected, payload, signature: URL_SAFE_NO_PAD.encode(signature) })
}

fn protected(defect: Defect, with: &Makings<'_>) -> String {
    let kid = with.ours.kid();
    let header = match defect {
        Defect::AlgNone => json!({"kid": kid, "alg": "none"}),
        Defect::AlgHs256 => json!({"kid": kid, "alg": "HS256"}),
        Defect::UnknownCrit => {
            json!({"kid": kid, "alg": "RS512", "crit": [UNKNOWN_EXTENSION], UNKNOWN_EXTENSION: true})
        }
        Defect::UnknownFields => json!({"kid": kid, "alg": "RS512", "typ": "JOSE", UNKNOWN_MEMBER: 1}),
        Defect::WrongKey => return with.ours.protected_header().to_owned(),
        _ => return with.signer.protected_header().to_owned(),
    };
    URL_SAFE_NO_PAD.encode(header.to_string())
}

fn with_another_byte(mut signature: Vec<u8>) -> Vec<u8> {
    if let Some(byte) = signature.last_mut() {
        *byte ^= 1;
    }
    signature
}

/// The message with another last digit in its timestamp's milliseconds: an answer like the real one, so that nothing but
/// its signature gives it away.
fn altered(message: &str) -> String {
    let mut bytes = message.as_bytes().to_vec();
    let end = message.find("Z\",\"traceId\"").unwrap_or(1);
    if let Some(digit) = bytes.get_mut(end.saturating_sub(1)) {
        *digit = if *digit == b'0' { b'1' } else { b'0' };
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn envelope(parts: &Parts, member: HeaderMember, loose: bool) -> Vec<u8> {
    let Parts { protected, payload, signature } = parts;
    let header = protected.as_ref().map(|protected| format!(r#""{}":"{protected}""#, member.name()));
    let (payload, signature) = (format!(r#""payload":"{payload}""#), format!(r#""signature":"{signature}""#));
    if loose {
        let members = [Some(signature), header, Some(payload)];
        let members: Vec<String> = members.into_iter().flatten().map(|one| one.replacen(':', " : ", 1)).collect();
        return format!("\r\n{{\n  {}\n}}\n", members.join(",\n\t")).into_bytes();
    }
    let members: Vec<String> = [Some(payload), header, Some(signature)].into_iter().flatten().collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Incoming, OCEN_V3_ALGORITHMS};

    fn forged(defect: Defect) -> (Forged, Arc<SigningKey>) {
        let ours = Arc::new(SigningKey::generate("lender-1").unwrap());
        let base = Base {
            path: "/v3/offer/setOfferResponse".to_owned(),
            payload: r#"{"requestId":"r-1","response":{"error":"0"}}"#.to_owned(),
            request_id: "r-1".to_owned(),
            version: "1.0".to_owned(),
            trace_id: "t-1".to_owned(),
            protected_member: false,
            replayed: true,
        };
        let makings = Makings {
            lender: "LENDER",
            member: HeaderMember::Header,
            ours: Arc::clone(&ours),
            signer: Arc::clone(&ours),
            now: DateTime::UNIX_EPOCH,
            fresh: "fresh".to_owned(),
        };
        (forge(&base, defect, &makings).unwrap(), ours)
    }

    fn verifies(defect: Defect) -> bool {
        let (forged, key) = forged(defect);
        match Incoming::parse(&forged.body, OCEN_V3_ALGORITHMS) {
            Ok(Incoming::Signed(jws)) => jws.verify(key.verifying_key()).is_ok(),
            _ => false,
        }
    }

    #[test]
    fn what_is_to_be_accepted_verifies_and_what_is_to_be_refused_does_not() {
        use Defect as D;
        for defect in [D::Valid, D::SameBytes, D::UnknownFields, D::OtherMember, D::LooseEnvelope, D::Expired] {
            assert!(verifies(defect), "{defect:?}");
        }
        for defect in [
            D::AlteredByte,
            D::BrokenSignature,
            D::AlgNone,
            D::AlgHs256,
            D::UnknownCrit,
            D::MissingHeader,
            D::MissingEnvelope,
            D::NotJson,
        ] {
            assert!(!verifies(defect), "{defect:?}");
        }
    }

    #[test]
    fn an_altered_message_is_json_that_differs_in_its_timestamp_alone() {
        let (forged, _) = forged(Defect::AlteredByte);
        let Ok(Incoming::Signed(jws)) = Incoming::parse(&forged.body, OCEN_V3_ALGORITHMS) else { panic!() };
        let message: Value = serde_json::from_slice(jws.unverified_payload()).unwrap();
        assert_eq!(message["metadata"]["timestamp"], "1970-01-01T00:00:00.001Z");
        assert_eq!(message["requestId"], "r-1");
    }

    #[test]
    fn an_unasked_answer_has_an_id_of_its_own() {
        let (forged, _) = forged(Defect::ErrorAnswer);
        assert_eq!(forged.request_id, "fresh");
        let Ok(Incoming::Signed(jws)) = Incoming::parse(&forged.body, OCEN_V3_ALGORITHMS) else { panic!() };
        let message: Value = serde_json::from_slice(jws.unverified_payload()).unwrap();
        assert_eq!((&message["requestId"], &message["response"]["error"]), (&json!("fresh"), &json!("GEN5004")));
    }
}
