//! Public keys as key sets publish them (RFC 7517, RFC 7518 §6.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{KeyError, VerifyingKey, base64url};

/// `rsaEncryption` with no parameters, as an `AlgorithmIdentifier` (RFC 8017 appendix A.1) in DER.
const RSA_ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

impl VerifyingKey {
    /// Reads an RSA key from its JWK, by writing it as the SPKI that keys are exchanged in otherwise. Gives its `kid`,
    /// empty when it has none, with it.
    ///
    /// # Errors
    /// As [`VerifyingKey::from_pem`]; a JWK of another kind is [`KeyError::NotRsa`].
    pub fn from_jwk(jwk: &Value) -> Result<(String, Self), KeyError> {
        let text = |member| jwk.get(member).and_then(Value::as_str).unwrap_or_default();
        if text("kty") != "RSA" {
            return Err(KeyError::NotRsa);
        }
        let number = |member| {
            let bytes = base64url::decode(text(member)).map_err(|_| KeyError::Malformed)?;
            // A number that begins with a set bit would be negative without a zero before it.
            let zero: &[u8] = if bytes.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
            Ok(der(0x02, &[zero, bytes.as_slice()].concat()))
        };
        let key = der(0x30, &[number("n")?, number("e")?].concat());
        let bits = der(0x03, &[&[0], key.as_slice()].concat());
        let spki = der(0x30, &[RSA_ALGORITHM.as_slice(), &bits].concat());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki));
        Ok((text("kid").to_owned(), Self::from_pem(&pem)?))
    }
}

/// One DER element: tag, length, content (X.690 §8.1).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut element = vec![tag];
    match significant.as_slice() {
        [] => element.push(0),
        [short] if *short < 0x80 => element.push(*short),
        long => {
            element.push(0x80 | u8::try_from(long.len()).unwrap_or(u8::MAX));
            element.extend_from_slice(long);
        }
    }
    element.extend_from_slice(content);
    element
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::SigningKey;

    #[test]
    fn a_published_key_is_read_back() {
        let key = SigningKey::generate("k-1").unwrap();
        let (kid, read) = VerifyingKey::from_jwk(&key.jwk()).unwrap();
        assert_eq!(kid, "k-1");
        assert_eq!(read.fingerprint(), key.verifying_key().fingerprint());
    }

    #[test]
    fn other_keys_are_refused() {
        assert_eq!(VerifyingKey::from_jwk(&json!({"kty": "EC"})).err(), Some(KeyError::NotRsa));
        let broken = json!({"kty": "RSA", "kid": "k", "n": "!", "e": "AQAB"});
        assert_eq!(VerifyingKey::from_jwk(&broken).err(), Some(KeyError::Malformed));
    }
}
