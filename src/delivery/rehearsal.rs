//! The sandbox's hook in delivery: callbacks are held, dropped or spoilt on purpose. In `serve` there is no bench
//! (`app::bench`), and nothing of this happens.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::client::Manner;
use crate::app::{App, Fault, OurKeys, Spoilt};
use crate::jose::SigningKey;
use crate::store::stream::{self, Head};

/// What an LSP finds in a message that has members which nobody knows.
const EXTRA: &str = r#""sandboxUnknownMember":{"note":"added by the sandbox","list":[1,2,3]},"#;
/// Letters of a signature or payload that stand for other bits.
const SWAPPED: (char, char) = ('A', 'B');

/// The heads of leased streams that may leave now.
pub(super) async fn heads(
    app: &App,
    conn: &mut PgConnection,
    streams: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<Head>, sqlx::Error> {
    let heads = stream::heads(conn, streams, now).await?;
    match &app.bench {
        Some(bench) if !heads.is_empty() => bench.hold(conn, heads, now).await,
        _ => Ok(heads),
    }
}

/// What is done to one attempt.
pub(super) async fn spoil(app: &App, head: &Head) -> Spoilt {
    let Some(bench) = &app.bench else {
        return Spoilt::default();
    };
    match bench.spoil(head, &app.config.lender.org_id, app.clock.now()).await {
        Ok(spoilt) => {
            if spoilt.has(Fault::RotatedKey) {
                publish(app, &spoilt);
            }
            spoilt
        }
        Err(error) => {
            tracing::warn!(%error, "faults on purpose could not be read");
            Spoilt::default()
        }
    }
}

/// LSPs must find the other key among ours.
fn publish(app: &App, spoilt: &Spoilt) {
    let Some(key) = &spoilt.key else { return };
    let current = app.keys.current();
    if current.published.iter().any(|known| known.kid() == key.kid()) {
        return;
    }
    let published = current.published.iter().chain([key]).map(Arc::clone).collect();
    if let Err(error) = app.keys.replace(OurKeys { signing: Arc::clone(&current.signing), published }) {
        tracing::warn!(%error, "the other key of the sandbox could not be published");
    }
}

/// The key that signs: ours, unless another one is to. A wrong key stands under our kid.
pub(super) fn key(app: &App, spoilt: &Spoilt) -> Result<Arc<SigningKey>, String> {
    let ours = app.keys.signing();
    match &spoilt.key {
        Some(stranger) if spoilt.has(Fault::WrongKey) => {
            let pem = stranger.to_pkcs8_pem().map_err(|error| error.to_string())?;
            let key = SigningKey::from_pem(ours.kid(), pem.expose_secret()).map_err(|error| error.to_string())?;
            Ok(Arc::new(key))
        }
        Some(other) => Ok(Arc::clone(other)),
        None => Ok(ours),
    }
}

/// The payload as it is to be signed.
pub(super) fn payload(spoilt: &Spoilt, payload: String) -> String {
    let payload = match payload.strip_prefix('{') {
        Some(rest) if spoilt.has(Fault::ExtraFields) => format!("{{{EXTRA}{rest}"),
        _ => payload,
    };
    if !spoilt.has(Fault::ErrorResponse) {
        return payload;
    }
    match serde_json::from_str::<Value>(&payload) {
        Ok(Value::Object(mut members)) => {
            let response = json!({"error": "GEN5004", "description": "the sandbox lets this request fail (injected)"});
            members.insert("response".to_owned(), response);
            Value::Object(members).to_string()
        }
        _ => payload,
    }
}

/// The bytes as they leave, after signing.
pub(super) fn message(spoilt: &Spoilt, message: Bytes) -> Bytes {
    let Ok(text) = std::str::from_utf8(&message) else { return message };
    let mut text = text.to_owned();
    if spoilt.has(Fault::BrokenSignature) {
        swap(&mut text, r#""signature":""#);
    }
    if spoilt.has(Fault::AlteredByte) && !swap(&mut text, r#""payload":""#) {
        swap(&mut text, r#""traceId":""#);
    }
    if spoilt.has(Fault::MissingHeader) {
        text = text.replacen(r#""header":""#, r#""noHeader":""#, 1).replacen(r#""protected":""#, r#""noHeader":""#, 1);
    }
    text.into()
}

/// Changes a letter shortly after some words; false where there are no such words.
fn swap(text: &mut String, after: &str) -> bool {
    let Some(start) = text.find(after).map(|at| at + after.len()) else {
        return false;
    };
    let Some((place, letter)) = text.char_indices().find(|(at, c)| *at >= start + 8 && c.is_ascii_alphanumeric())
    else {
        return false;
    };
    let other = if letter == SWAPPED.0 { SWAPPED.1 } else { SWAPPED.0 };
    text.replace_range(place..=place, other.encode_utf8(&mut [0; 4]));
    true
}

/// How the bytes are handed over.
pub(super) fn manner(spoilt: &Spoilt, signed: bool) -> Manner {
    if spoilt.has(Fault::ConnectionReset) {
        Manner::Reset
    } else if spoilt.has(Fault::SlowBody) {
        Manner::Slow
    } else if spoilt.has(Fault::WrongContentType) {
        Manner::Typed("text/plain")
    } else if spoilt.has(Fault::MissingHeader) && !signed {
        Manner::Untyped
    } else {
        Manner::Usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fault: Fault) -> Spoilt {
        Spoilt { faults: vec![fault], key: None }
    }

    #[test]
    fn each_fault_changes_what_it_says() {
        let signed =
            || Bytes::from_static(br#"{"payload":"eyJhIjoxfQeyJhIjoxfQ","header":"h","signature":"c2lnbmF0dXJl"}"#);
        let broken = message(&with(Fault::BrokenSignature), signed());
        assert_eq!(broken, r#"{"payload":"eyJhIjoxfQeyJhIjoxfQ","header":"h","signature":"c2lnbmF0AXJl"}"#);
        let altered = message(&with(Fault::AlteredByte), signed());
        assert_eq!(altered, r#"{"payload":"eyJhIjoxAQeyJhIjoxfQ","header":"h","signature":"c2lnbmF0dXJl"}"#);
        assert!(
            message(&with(Fault::MissingHeader), signed())
                .starts_with(br#"{"payload":"eyJhIjoxfQeyJhIjoxfQ","noHeader""#)
        );
        assert_eq!(message(&Spoilt::default(), signed()), signed());
        let extra = payload(&with(Fault::ExtraFields), r#"{"a":1}"#.to_owned());
        assert_eq!(serde_json::from_str::<Value>(&extra).unwrap()["a"], 1);
        let failed = payload(&with(Fault::ErrorResponse), r#"{"response":{"error":"0"}}"#.to_owned());
        assert!(failed.contains("GEN5004"));
    }
}
