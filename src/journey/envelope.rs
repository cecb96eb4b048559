//! Signed and plain messages in and out: what both our requests and our callback listener need.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use super::operations::{list, text};
use crate::jose::{HeaderMember, Incoming, OCEN_V3_ALGORITHMS, SigningKey, VerifyingKey, sign_flattened};

/// Our signing key, if we sign, and the lender's keys.
#[derive(Debug)]
pub struct Envelopes {
    signer: Option<Arc<SigningKey>>,
    lender: RwLock<HashMap<String, VerifyingKey>>,
}

/// A message taken out of its envelope.
#[derive(Debug)]
pub struct Opened {
    /// The message.
    pub message: Value,
    /// Whether a signature stood over it and verified.
    pub signed: bool,
}

impl Envelopes {
    /// `jwks` is the lender's key set (RFC 7517 §5).
    ///
    /// # Errors
    /// In words, when a key cannot be used, or when we sign and there is none to check the answers with.
    pub fn new(signer: Option<Arc<SigningKey>>, jwks: &Value) -> Result<Self, String> {
        let lender = read_keys(jwks)?;
        if lender.is_empty() && signer.is_some() {
            return Err("no key".to_owned());
        }
        Ok(Self { signer, lender: RwLock::new(lender) })
    }

    /// Goes on with another key set of the lender's.
    ///
    /// # Errors
    /// In words, when a key cannot be used; the keys that were known stay.
    pub fn learn(&self, jwks: &Value) -> Result<(), String> {
        let lender = read_keys(jwks)?;
        *self.lender.write().unwrap_or_else(PoisonError::into_inner) = lender;
        Ok(())
    }

    /// Whether a message names a key that is not known: the lender may have changed its keys.
    #[must_use]
    pub fn names_a_new_key(&self, body: &[u8]) -> bool {
        match Incoming::parse(body, OCEN_V3_ALGORITHMS) {
            Ok(Incoming::Signed(unverified)) => unverified.kid().is_some_and(|kid| self.key(kid).is_none()),
            _ => false,
        }
    }

    fn key(&self, kid: &str) -> Option<VerifyingKey> {
        self.lender.read().unwrap_or_else(PoisonError::into_inner).get(kid).cloned()
    }

    /// Whether we sign, and so expect signatures.
    #[must_use]
    pub fn signs(&self) -> bool {
        self.signer.is_some()
    }

    /// Signs a message, or leaves it plain when we do not sign.
    ///
    /// # Errors
    /// In words, when the library fails.
    pub fn seal(&self, message: &Value) -> Result<Vec<u8>, String> {
        let payload = message.to_string().into_bytes();
        match &self.signer {
            Some(key) => sign_flattened(key, HeaderMember::Header, &payload).map_err(|error| error.to_string()),
            None => Ok(payload),
        }
    }

    /// Verifies a message and reads it.
    ///
    /// # Errors
    /// In words: no JSON, no signature although we sign, an unknown key, a wrong signature.
    pub fn open(&self, body: &[u8]) -> Result<Opened, String> {
        let read = |bytes: &[u8]| serde_json::from_slice(bytes).map_err(|error| format!("no JSON ({error})"));
        match Incoming::parse(body, OCEN_V3_ALGORITHMS).map_err(|error| error.to_string())? {
            Incoming::Plain if self.signs() => Err("a message without signature".to_owned()),
            Incoming::Plain => Ok(Opened { message: read(body)?, signed: false }),
            Incoming::Signed(unverified) => {
                let kid = unverified.kid().unwrap_or_default();
                let key = self.key(kid).ok_or_else(|| format!("a signature of the unknown key `{kid}`"))?;
                let payload = unverified.verify(&key).map_err(|error| error.to_string())?;
                Ok(Opened { message: read(payload)?, signed: true })
            }
        }
    }
}

fn read_keys(jwks: &Value) -> Result<HashMap<String, VerifyingKey>, String> {
    list(jwks, "/keys").map(read_jwk).collect()
}

fn read_jwk(jwk: &Value) -> Result<(String, VerifyingKey), String> {
    VerifyingKey::from_jwk(jwk).map_err(|error| format!("key {}: {error}", text(jwk, "/kid")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_published_key_only() {
        let ours = Arc::new(SigningKey::generate("ours").unwrap());
        let message = json!({"metadata": {"orgId": "LENDER"}});
        let envelopes = Envelopes::new(Some(Arc::clone(&ours)), &json!({"keys": [ours.jwk()]})).unwrap();
        let body = envelopes.seal(&message).unwrap();

        let opened = envelopes.open(&body).unwrap();
        assert!(opened.signed);
        assert_eq!(opened.message, message);

        let stranger = SigningKey::generate("ours").unwrap();
        let wary = Envelopes::new(Some(ours), &json!({"keys": [stranger.jwk()]})).unwrap();
        assert_eq!(wary.open(&body).unwrap_err(), "the signature does not verify with the sender's key");
        assert_eq!(wary.open(message.to_string().as_bytes()).unwrap_err(), "a message without signature");
    }
}
