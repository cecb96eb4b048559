//! RSA keys, parsed once: ours to sign with, the counterparties' to verify with.

use std::fmt::{self, Write as _};

use aws_lc_rs::digest::{Context, Digest, SHA256, SHA512, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKey};
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA512};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::header::is_kid;
use super::{Algorithm, base64url, pem};

/// Smallest modulus, in bits (RFC 7518 §3.3; OCEN v3 asks for exactly this size).
const MIN_BITS: usize = 2048;
/// Largest modulus, in bits; beyond it one check costs more than a sender should be able to ask.
const MAX_BITS: usize = 8192;

/// The object identifier 1.2.840.113549.1.1.1 (rsaEncryption, RFC 8017 appendix A.1) in DER.
const RSA_ENCRYPTION: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// Where the algorithm of a `SubjectPublicKeyInfo` ends at the latest, in bytes.
const ALGORITHM_END: usize = 32;

/// Why a key cannot be used. The texts go to whoever registers or configures it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum KeyError {
    #[error("the key is not PEM: no complete BEGIN/END block with base64 inside")]
    NotPem,
    #[error("the PEM block must be `{expected}`, not `{found}`")]
    Label { expected: &'static str, found: String },
    #[error("the key is not an RSA key")]
    NotRsa,
    #[error("the RSA key is malformed")]
    Malformed,
    #[error("the RSA key has {0} bits; {MIN_BITS} to {MAX_BITS} are accepted")]
    Size(usize),
    #[error("a key id needs 1 to 128 printable characters")]
    BadKid,
    #[error("the cryptographic library could not make or write the key")]
    Library,
}

/// A signature that does not belong to these bytes and this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify with the sender's key")]
pub struct BadSignature;

/// The cryptographic library refused to sign; with a parsed key this means no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signing failed")]
pub struct SignError;

/// One of our signing keys. Its `Debug` shows the key id and the public fingerprint only.
pub struct SigningKey {
    kid: String,
    pair: KeyPair,
    public: VerifyingKey,
    protected: String,
}

/// The encoded protected header of every message that a key with this id signs.
pub(super) fn protected_header(kid: &str) -> String {
    // OCEN v3, Security: exactly these two members, in this order.
    base64url::encode(format!(r#"{{"kid":{},"alg":"{}"}}"#, Value::from(kid), Algorithm::Rs512.name()))
}

impl SigningKey {
    /// Reads an unencrypted private key: PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`).
    ///
    /// # Errors
    /// When the text is not such a key, the key has fewer than 2048 or more than 8192 bits, or
    /// `kid` is no key id.
    pub fn from_pem(kid: impl Into<String>, text: &str) -> Result<Self, KeyError> {
        let block = pem::decode(text).ok_or(KeyError::NotPem)?;
        let pair = match block.label {
            "PRIVATE KEY" if !names_rsa(&block.der) => return Err(KeyError::NotRsa),
            "PRIVATE KEY" => KeyPair::from_pkcs8(&block.der),
            "RSA PRIVATE KEY" => KeyPair::from_der(&block.der),
            other => {
                let found = other.to_owned();
                return Err(KeyError::Label { expected: "PRIVATE KEY", found });
            }
        };
        Self::new(kid.into(), pair.map_err(|_| KeyError::Malformed)?)
    }

    /// Makes a new key of 2048 bits, the size OCEN v3 prescribes.
    ///
    /// # Errors
    /// When `kid` is no key id, or the library has no randomness.
    pub fn generate(kid: impl Into<String>) -> Result<Self, KeyError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Library)?;
        Self::new(kid.into(), pair)
    }

    fn new(kid: String, pair: KeyPair) -> Result<Self, KeyError> {
        if !is_kid(&kid) {
            return Err(KeyError::BadKid);
        }
        let public = VerifyingKey::new(pair.public_key())?;
        let protected = protected_header(&kid);
        Ok(Self { kid, pair, public, protected })
    }

    /// The id under which counterparties know this key.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The half that counterparties verify with.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The private key as unencrypted PKCS#8 PEM, to be written to a key file.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library cannot encode it.
    pub fn to_pkcs8_pem(&self) -> Result<SecretString, KeyError> {
        let der: Pkcs8V1Der<'static> = self.pair.as_der().map_err(|_| KeyError::Library)?;
        Ok(pem::encode("PRIVATE KEY", der.as_ref()).into())
    }

    /// The public key as SPKI PEM, to be handed to counterparties.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        self.public.to_pem()
    }

    /// The public key as a JSON Web Key (RFC 7517 §4, RFC 7518 §6.3.1) for `jwks.json`.
    #[must_use]
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "n": base64url::encode(&self.public.modulus),
            "e": base64url::encode(&self.public.exponent),
            "kid": self.kid,
            "alg": Algorithm::Rs512.name(),
            "use": "sig",
        })
    }

    /// The encoded protected header of every message this key signs: `{"kid":..,"alg":"RS512"}`.
    #[must_use]
    pub fn protected_header(&self) -> &str {
        &self.protected
    }

    /// Signs the concatenation of `parts` with RS512. About a millisecond for 2048 bits.
    ///
    /// # Errors
    /// [`SignError`] when the library fails.
    pub fn sign(&self, parts: &[&[u8]]) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign_digest(&RSA_PKCS1_SHA512, &sha512(parts), &mut signature).map_err(|_| SignError)?;
        Ok(signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).field("public", &self.public).finish_non_exhaustive()
    }
}

/// A counterparty's public key, RSA with 2048 to 8192 bits.
#[derive(Clone)]
pub struct VerifyingKey {
    key: ParsedPublicKey,
    spki: Vec<u8>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl VerifyingKey {
    /// Reads a `SubjectPublicKeyInfo` (`PUBLIC KEY`) in PEM, as OCEN parties exchange it.
    ///
    /// # Errors
    /// [`KeyError`], which tells apart: not PEM, another PEM block, not RSA, malformed, and a size
    /// outside 2048 to 8192 bits.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::decode(text).ok_or(KeyError::NotPem)?;
        if block.label != "PUBLIC KEY" {
            let found = block.label.to_owned();
            return Err(KeyError::Label { expected: "PUBLIC KEY", found });
        }
        if !names_rsa(&block.der) {
            return Err(KeyError::NotRsa);
        }
        Self::new(&PublicKey::from_der(&block.der).map_err(|_| KeyError::Malformed)?)
    }

    fn new(public: &PublicKey) -> Result<Self, KeyError> {
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        let bits = bit_length(&modulus);
        if !(MIN_BITS..=MAX_BITS).contains(&bits) {
            return Err(KeyError::Size(bits));
        }
        // Written anew, so that one key has one fingerprint however its PEM was laid out.
        let spki: PublicKeyX509Der<'static> = public.as_der().map_err(|_| KeyError::Library)?;
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, spki.as_ref()).map_err(|_| KeyError::Malformed)?;
        Ok(Self { key, spki: spki.as_ref().to_vec(), modulus, exponent })
    }

    /// The key as SPKI PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.spki)
    }

    /// SHA-256 of the key's `SubjectPublicKeyInfo` in DER, 64 lower-case hexadecimal digits: what
    /// two people read to each other to compare a key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hex = String::with_capacity(64);
        for byte in digest(&SHA256, &self.spki).as_ref() {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }

    /// Modulus and public exponent, big-endian without leading zeros.
    pub(super) fn numbers(&self) -> (&[u8], &[u8]) {
        (&self.modulus, &self.exponent)
    }

    /// The key's `SubjectPublicKeyInfo`.
    pub(super) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Size of the key, and so of its signatures, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.modulus.len()
    }

    /// Verifies an RS512 signature over the concatenation of `parts`.
    ///
    /// # Errors
    /// [`BadSignature`] when it is not this key's signature of these bytes.
    pub fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), BadSignature> {
        self.key.verify_digest_sig(&sha512(parts), signature).map_err(|_| BadSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey(sha256:{})", self.fingerprint())
    }
}

fn sha512(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA512);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

fn bit_length(modulus: &[u8]) -> usize {
    let leading = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    modulus.len() * 8 - leading
}

/// Whether the algorithm identifier at the front of an SPKI or PKCS#8 structure is RSA's.
fn names_rsa(der: &[u8]) -> bool {
    der.get(..ALGORITHM_END).is_some_and(|front| front.windows(RSA_ENCRYPTION.len()).any(|oid| oid == RSA_ENCRYPTION))
}
