//! The messages that a probe can send: one that is right, and those with one named defect.

use serde::{Deserialize, Serialize};

/// What is special about a probe. All but [`Defect::Valid`] differ from a real callback in this one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Defect {
    /// Nothing: fresh timestamp, good signature.
    Valid,
    /// Nothing, sent three times with the same bytes.
    SameBytes,
    /// One digit of the payload was changed after signing.
    AlteredByte,
    /// One byte of the signature is wrong.
    BrokenSignature,
    /// Names our key, signed by another one.
    WrongKey,
    /// Signed by a key that is published nowhere.
    UnknownKid,
    /// `alg` is `none`, and the signature empty.
    AlgNone,
    /// `alg` is `HS256`, with our public key as the secret (RFC 8725 §2.1).
    AlgHs256,
    /// The header demands an extension that nobody knows (RFC 7515 §4.1.11).
    UnknownCrit,
    /// Sent a week ago, by its timestamp.
    Expired,
    /// Sent tomorrow, by its timestamp.
    Future,
    /// Members that no schema knows, in the metadata and in the protected header.
    UnknownFields,
    /// Our signature, another organisation's `metadata.orgId`.
    OtherOrg,
    /// Signed by a key that was published this moment.
    RotatedKey,
    /// A JWS without its header.
    MissingHeader,
    /// The message without envelope and signature.
    MissingEnvelope,
    /// No JSON at all.
    NotJson,
    /// The protected header under the other of its two names.
    OtherMember,
    /// Blanks and line ends in the envelope, its members in another order.
    LooseEnvelope,
    /// The answer path in small letters.
    LowerCasePath,
    /// Answers a request that was never made.
    UnknownRequest,
    /// The same, with an error instead of an answer.
    ErrorAnswer,
}

impl Defect {
    /// How often the same bytes are posted.
    #[must_use]
    pub const fn times(self) -> usize {
        match self {
            Self::SameBytes => 3,
            _ => 1,
        }
    }
}
