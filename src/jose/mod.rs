//! JSON Web Signature (RFC 7515) framing over raw bytes.
//!
//! Pure: bytes and keys in, bytes or a precise refusal out. What is verified are the base64url
//! strings as they were received; no JSON is ever written again to check a signature.

pub mod base64url;
mod cache;
pub mod flattened;
pub mod header;
mod jwk;
pub mod keys;
mod pem;
mod recover;
#[cfg(test)]
mod tests;

pub use cache::KeyCache;
pub use flattened::{
    FlattenedError, HeaderMember, Incoming, SignedMessage, Unverified, rebuild, sign_flattened, sign_message,
};
pub use header::{Header, HeaderError};
pub use keys::{BadSignature, KeyError, SignError, SigningKey, VerifyingKey};
pub use recover::Recovered;

/// A signature algorithm a protocol version may allow (RFC 7518 §3.1).
///
/// Asymmetric only: with `none` or an HMAC in this list a sender could choose how it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
}

impl Algorithm {
    /// The value of `alg`, compared literally.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs512 => "RS512",
        }
    }
}

/// What OCEN v3 messages may be signed with (OCEN v3, Security: RS512 only).
pub const OCEN_V3_ALGORITHMS: &[Algorithm] = &[Algorithm::Rs512];
