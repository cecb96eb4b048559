//! Standard Webhooks, symmetric (`v1`): how calls to the lender's systems and their later answers are signed.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretSlice};

/// Header with the message's id: the same for every try of the same message.
pub const ID: &str = "webhook-id";
/// Header with the time of signing, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Header with one or more signatures, parted by blanks.
pub const SIGNATURE: &str = "webhook-signature";
/// How far a timestamp may be from our time, either way, in seconds.
pub const TOLERANCE_SECONDS: i64 = 300;
/// Most signatures of one message that are looked at.
const MAX_SIGNATURES: usize = 8;

/// The headers of a signed message, as they came.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// Why a message is not taken for the other side's. The texts may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No time can be read.
    #[error("webhook-timestamp is no time in seconds")]
    Timestamp,
    /// It was signed too long ago, or ahead of time.
    #[error("webhook-timestamp is more than {TOLERANCE_SECONDS} seconds from now")]
    Stale,
    /// None of the signatures is by a key that both sides know.
    #[error("no signature of webhook-signature fits")]
    Unknown,
}

/// The secrets shared with one of the lender's systems: the first is the newest.
#[derive(Clone)]
pub struct Keys(Vec<hmac::Key>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl Keys {
    /// Keys from the bytes behind `whsec_`.
    #[must_use]
    pub fn new(secrets: &[SecretSlice<u8>]) -> Self {
        Self(secrets.iter().map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret())).collect())
    }

    /// The value of `webhook-signature`: one signature by each key, so that the other side may know either.
    #[must_use]
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let signed = content(id, &seconds.to_string(), body);
        let signatures = self.0.iter().map(|key| format!("v1,{}", STANDARD.encode(hmac::sign(key, &signed))));
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// Whether one of the signatures is by one of the keys, and fresh.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&self, headers: Signed<'_>, body: &[u8], now: DateTime<Utc>) -> Result<(), SignatureError> {
        let seconds: i64 = headers.timestamp.trim().parse().map_err(|_| SignatureError::Timestamp)?;
        if now.timestamp().saturating_sub(seconds).saturating_abs() > TOLERANCE_SECONDS {
            return Err(SignatureError::Stale);
        }
        let signed = content(headers.id, headers.timestamp.trim(), body);
        let given = headers.signature.split_ascii_whitespace().take(MAX_SIGNATURES);
        let tags = given.filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
        let fits = tags.into_iter().any(|tag| self.0.iter().any(|key| hmac::verify(key, &signed, &tag).is_ok()));
        if fits { Ok(()) } else { Err(SignatureError::Unknown) }
    }
}

fn content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp}.").as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn keys(secrets: &[&str]) -> Keys {
        let secrets: Vec<SecretSlice<u8>> = secrets.iter().map(|text| STANDARD.decode(text).unwrap().into()).collect();
        Keys::new(&secrets)
    }

    fn check(keys: &Keys, signature: &str, seconds_later: i64) -> Result<(), SignatureError> {
        let now = DateTime::from_timestamp(1_614_265_330 + seconds_later, 0).unwrap();
        keys.verify(Signed { id: ID, timestamp: "1614265330", signature }, BODY, now)
    }

    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let keys = keys(&[SECRET]);
        assert_eq!(keys.sign(ID, 1_614_265_330, BODY), SIGNED);
        assert_eq!(check(&keys, SIGNED, 0), Ok(()));
        assert_eq!(check(&keys, &format!("v1a,x v1,AAAA {SIGNED}"), 300), Ok(()));
    }

    #[test]
    fn a_secret_is_replaced_without_a_gap() {
        let (old, new) = ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
        let signed = keys(&[new, old]).sign(ID, 1_614_265_330, BODY);
        for side in [keys(&[old]), keys(&[new]), keys(&[old, new])] {
            assert_eq!(check(&side, &signed, 0), Ok(()));
        }
    }

    #[test]
    fn strangers_and_stale_messages_are_refused() {
        let other = keys(&["AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"]);
        assert_eq!(check(&other, SIGNED, 0), Err(SignatureError::Unknown));
        let keys = keys(&[SECRET]);
        assert_eq!(check(&keys, "", 0), Err(SignatureError::Unknown));
        assert_eq!(check(&keys, SIGNED, 301), Err(SignatureError::Stale));
        assert_eq!(check(&keys, SIGNED, -301), Err(SignatureError::Stale));
        let now = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let without = Signed { id: ID, timestamp: "soon", signature: SIGNED };
        assert_eq!(keys.verify(without, BODY, now), Err(SignatureError::Timestamp));
    }
}
