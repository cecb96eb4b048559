//! What an LSP's answer means for a callback (design §6, `ocen-v3.md` §3.2). Pure.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::personal;
use crate::jose::{Incoming, OCEN_V3_ALGORITHMS};

/// What follows from one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The LSP has it.
    Delivered,
    /// To be tried again.
    Retry(String),
    /// Trying again cannot help.
    Park(String),
}

/// An ack as found in an answer, signed or plain, flat or wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// `None` when the LSP accepted the callback, else its error code.
    pub error: Option<String>,
    /// Which key is said to have signed it; `None` for a plain ack.
    pub kid: Option<String>,
}

impl Ack {
    /// Finds the ack in the body of an answer. `None` when there is none.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        match Incoming::parse(body, OCEN_V3_ALGORITHMS) {
            Ok(Incoming::Signed(jws)) => {
                let error = read(jws.unverified_payload())?;
                Some(Self { error, kid: jws.kid().map(str::to_owned) })
            }
            Ok(Incoming::Plain) => Some(Self { error: read(body)?, kid: None }),
            Err(_) => None,
        }
    }
}

#[derive(Deserialize)]
struct Shape {
    ack: Option<Flat>,
    #[serde(flatten)]
    flat: Flat,
}

#[derive(Deserialize)]
struct Flat {
    error: Option<Value>,
    #[serde(rename = "traceId")]
    trace_id: Option<Value>,
}

/// The error of an ack: outer `None` when this is no ack, inner `None` when it says that all is well.
#[expect(clippy::option_option, reason = "no ack and no error are different answers")]
fn read(json: &[u8]) -> Option<Option<String>> {
    let shape: Shape = serde_json::from_slice(json).ok()?;
    let flat = shape.ack.unwrap_or(shape.flat);
    match (flat.error, flat.trace_id) {
        (None, None) => None,
        // LSPs write "0" in several ways (`ocen-v3.md` §3.3).
        (None | Some(Value::Null), _) => Some(None),
        (Some(Value::String(code)), _) if matches!(code.trim(), "0" | "") => Some(None),
        (Some(Value::Number(code)), _) if code.as_i64() == Some(0) => Some(None),
        (Some(Value::String(code)), _) => Some(Some(code)),
        (Some(other), _) => Some(Some(other.to_string())),
    }
}

/// Judges an answer. `proven` says that the ack's signature verified with an active key of the LSP.
///
/// Only a status that blames the message itself, or a proven error, ends the tries: anybody on the way can write
/// a plain one. A busy or broken server is tried again whatever its ack says.
#[must_use]
pub fn judge(status: u16, ack: Option<&Ack>, proven: bool) -> Verdict {
    let error = ack.and_then(|ack| ack.error.as_deref());
    match (status, ack, error) {
        (200..=299, Some(_), None) => Verdict::Delivered,
        (200..=299, None, _) => Verdict::Retry(format!("HTTP {status} without an ack")),
        (400 | 410 | 413 | 422, _, error) => Verdict::Park(describe(status, error)),
        (408 | 425 | 429 | 500.., _, error) => Verdict::Retry(describe(status, error)),
        (_, _, Some(code)) if proven => Verdict::Park(describe(status, Some(code))),
        (_, _, error) => Verdict::Retry(describe(status, error)),
    }
}

/// What is logged and shown to everybody: of an ack's error only a code, since whatever else stands there may name a
/// person.
fn describe(status: u16, error: Option<&str>) -> String {
    match error {
        None => format!("HTTP {status}"),
        Some(code) if personal::is_code(code) => format!("HTTP {status}, ack error {code}"),
        Some(_) => format!("HTTP {status}, an ack error that is no code"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{HeaderMember, SigningKey, sign_flattened};

    fn plain(body: &str) -> Option<Ack> {
        Ack::parse(body.as_bytes())
    }

    #[test]
    fn zero_has_many_spellings() {
        let accepted = Some(Ack { error: None, kid: None });
        for body in [
            r#"{"error":"0","traceId":"t","timestamp":"2026-01-01T00:00:00.000Z"}"#,
            r#"{"ack":{"error":"0","traceId":"t"}}"#,
            r#"{"error":0}"#,
            r#"{"error":""}"#,
            r#"{"error":null,"traceId":"t"}"#,
            r#"{"traceId":"t"}"#,
        ] {
            assert_eq!(plain(body), accepted, "{body}");
        }
    }

    #[test]
    fn what_is_no_ack_is_not_taken_for_one() {
        for body in ["", "OK", "{}", "[]", r#"{"status":"ok"}"#, "<html></html>", r#""0""#] {
            assert_eq!(plain(body), None, "{body}");
        }
    }

    #[test]
    fn an_error_is_read_from_plain_and_signed_acks() {
        assert_eq!(plain(r#"{"error":"GEN5001"}"#), Some(Ack { error: Some("GEN5001".into()), kid: None }));
        assert_eq!(plain(r#"{"error":17}"#), Some(Ack { error: Some("17".into()), kid: None }));
        let key = SigningKey::generate("lsp-1").unwrap();
        let body = sign_flattened(&key, HeaderMember::Header, br#"{"ack":{"error":"GEN5001"}}"#).unwrap();
        assert_eq!(Ack::parse(&body), Some(Ack { error: Some("GEN5001".into()), kid: Some("lsp-1".into()) }));
    }

    #[test]
    fn a_good_ack_counts_with_a_good_status_only() {
        let good = Ack { error: None, kid: None };
        assert_eq!(judge(200, Some(&good), false), Verdict::Delivered);
        assert_eq!(judge(202, Some(&good), false), Verdict::Delivered);
        assert!(matches!(judge(500, Some(&good), false), Verdict::Retry(_)));
        assert!(matches!(judge(302, Some(&good), false), Verdict::Retry(_)));
        assert!(matches!(judge(200, None, false), Verdict::Retry(_)));
    }

    #[test]
    fn only_four_statuses_park_by_themselves() {
        let parking: Vec<u16> =
            (100..600).filter(|status| matches!(judge(*status, None, false), Verdict::Park(_))).collect();
        assert_eq!(parking, [400, 410, 413, 422]);
    }

    #[test]
    fn an_error_parks_when_proven_unless_the_server_is_busy() {
        let bad = Ack { error: Some("GEN5001".into()), kid: Some("k".into()) };
        assert_eq!(judge(200, Some(&bad), true), Verdict::Park("HTTP 200, ack error GEN5001".into()));
        assert!(matches!(judge(401, Some(&bad), true), Verdict::Park(_)));
        let unproven = Ack { error: Some("AUTH1001".into()), kid: Some("lsp-1".into()) };
        assert_eq!(judge(401, Some(&unproven), true), Verdict::Park("HTTP 401, ack error AUTH1001".into()));
        assert!(matches!(judge(401, Some(&unproven), false), Verdict::Retry(_)));
        let words = Ack { error: Some("bad request: Asha BQRPS7788K".into()), kid: None };
        assert_eq!(judge(400, Some(&words), false), Verdict::Park("HTTP 400, an ack error that is no code".into()));
        assert!(matches!(judge(200, Some(&bad), false), Verdict::Retry(_)));
        assert!(matches!(judge(503, Some(&bad), true), Verdict::Retry(_)));
        assert!(matches!(judge(429, Some(&bad), true), Verdict::Retry(_)));
    }
}
