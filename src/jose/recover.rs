//! What a signature says by itself: an RSA signature can be opened with the public key, and holds the digest of what was
//! signed. That tells "another key" from "other bytes". For explaining only: nothing is ever accepted by it.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use aws_lc_rs::signature::{
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, UnparsedPublicKey,
};
use num_bigint::BigUint;

use super::VerifyingKey;

/// Largest public exponent that is worked with, in bytes; real ones have three.
const LARGEST_EXPONENT: usize = 8;

/// The DER that stands before a digest in a PKCS#1 v1.5 signature (RFC 8017 §9.2, note 1).
const DIGEST_INFOS: [(&str, &Algorithm, &[u8]); 4] = [
    (
        "RS512",
        &SHA512,
        &[
            0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04,
            0x40,
        ],
    ),
    (
        "RS256",
        &SHA256,
        &[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
            0x20,
        ],
    ),
    (
        "RS384",
        &SHA384,
        &[
            0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04,
            0x30,
        ],
    ),
    (
        "RSA with SHA-1",
        &SHA1_FOR_LEGACY_USE_ONLY,
        &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14],
    ),
];

/// What a key's signature was made over.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// As JOSE calls it, e.g. `RS512`.
    pub algorithm: &'static str,
    hash: &'static Algorithm,
    digest: Vec<u8>,
}

impl Recovered {
    /// Whether this was signed.
    #[must_use]
    pub fn is_over(&self, bytes: &[u8]) -> bool {
        self.hash_of(bytes) == self.digest
    }

    /// The digest in the signature, hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        hex::encode(&self.digest)
    }

    /// The same digest of other bytes, hexadecimal.
    #[must_use]
    pub fn digest_of(&self, bytes: &[u8]) -> String {
        hex::encode(self.hash_of(bytes))
    }

    fn hash_of(&self, bytes: &[u8]) -> Vec<u8> {
        digest(self.hash, bytes).as_ref().to_vec()
    }
}

impl VerifyingKey {
    /// Opens a PKCS#1 v1.5 signature. `None` when this key did not make it, or with another padding.
    #[must_use]
    pub fn recover(&self, signature: &[u8]) -> Option<Recovered> {
        let (modulus, exponent) = self.numbers();
        if signature.len() != modulus.len() || exponent.len() > LARGEST_EXPONENT {
            return None;
        }
        let [n, e, s] = [modulus, exponent, signature].map(BigUint::from_bytes_be);
        let opened = s.modpow(&e, &n).to_bytes_be();
        // The block begins with 00 01; the number has lost the zero.
        let rest = opened.strip_prefix(&[1])?;
        let padding = rest.iter().take_while(|byte| **byte == 0xff).count();
        let info = rest.get(padding..)?.strip_prefix(&[0])?;
        DIGEST_INFOS.into_iter().find_map(|(algorithm, hash, prefix)| {
            let digest = info.strip_prefix(prefix).filter(|digest| digest.len() == hash.output_len())?.to_vec();
            Some(Recovered { algorithm, hash, digest })
        })
    }

    /// The RSA-PSS algorithm under which a signature verifies, if one does.
    #[must_use]
    pub fn pss(&self, message: &[u8], signature: &[u8]) -> Option<&'static str> {
        let known = [
            ("PS512", &RSA_PSS_2048_8192_SHA512),
            ("PS256", &RSA_PSS_2048_8192_SHA256),
            ("PS384", &RSA_PSS_2048_8192_SHA384),
        ];
        let fits = |algorithm| UnparsedPublicKey::new(algorithm, self.spki()).verify(message, signature).is_ok();
        known.into_iter().find(|(_, algorithm)| fits(*algorithm)).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Incoming, OCEN_V3_ALGORITHMS, SigningKey};

    macro_rules! fixture {
        ($name:literal) => {
            include_str!(concat!("../../tests/fixtures/jose/", $name))
        };
    }

    #[test]
    fn a_signature_tells_its_digest_to_its_own_key_only() {
        let key = SigningKey::generate("k").unwrap();
        let signature = key.sign(&[b"what was signed"]).unwrap();
        let recovered = key.verifying_key().recover(&signature).unwrap();
        assert_eq!(recovered.algorithm, "RS512");
        assert!(recovered.is_over(b"what was signed") && !recovered.is_over(b"something else"));
        assert_eq!(recovered.digest(), recovered.digest_of(b"what was signed"));

        let other = SigningKey::generate("k").unwrap();
        assert!(other.verifying_key().recover(&signature).is_none());
        assert!(key.verifying_key().recover(b"short").is_none());
    }

    #[test]
    fn a_signature_made_by_openssl_with_another_hash_is_told() {
        let body: serde_json::Value = serde_json::from_str(fixture!("rs256.json")).unwrap();
        assert!(Incoming::parse(fixture!("rs256.json").as_bytes(), OCEN_V3_ALGORITHMS).is_err());
        let signature = crate::jose::base64url::decode(body["signature"].as_str().unwrap()).unwrap();
        let recovered = VerifyingKey::from_pem(fixture!("lsp.pub.pem")).unwrap().recover(&signature).unwrap();
        assert_eq!(recovered.algorithm, "RS256");
    }
}
