//! The flattened JSON serialisation (RFC 7515 §7.2.2) in OCEN v3's two spellings.
//!
//! The RFC puts the encoded protected header under `protected`; OCEN v3's only sample puts it
//! under `header`, as a string. Both are read; an answer mirrors what came in.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::keys;
use super::{Algorithm, BadSignature, Header, HeaderError, SignError, SigningKey, VerifyingKey, base64url};

/// The member that carries the encoded protected header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderMember {
    /// `header`, as in OCEN v3's sample.
    #[default]
    Header,
    /// `protected`, as in RFC 7515.
    Protected,
}

impl HeaderMember {
    /// The member's name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Protected => "protected",
        }
    }
}

/// Why a body is no usable flattened JWS. The texts go to the sender.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum FlattenedError {
    #[error("the body is not one JSON object: {0}")]
    NotJson(String),
    #[error("the body has `{has}` but no `{lacks}`: both or neither")]
    Incomplete { has: &'static str, lacks: &'static str },
    #[error("`{0}` must be a string")]
    NotString(&'static str),
    #[error("the protected header is missing: send it encoded, as a string, in `protected` or `header`")]
    NoHeader,
    #[error("`header` is an object and `protected` is missing: an unprotected header proves nothing")]
    UnprotectedOnly,
    #[error("`header` must be the encoded protected header, or an object beside `protected`")]
    HeaderType,
    #[error("`header` and `protected` are both strings and differ")]
    HeadersDiffer,
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error("`{member}` is not base64url: {reason}")]
    NotBase64 { member: &'static str, reason: base64::DecodeError },
}

/// What a request body turned out to be.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// A well-formed JWS whose signature nobody has looked at.
    Signed(Unverified<'a>),
    /// A JSON object without `payload` and `signature`: an unsigned message.
    Plain,
}

impl<'a> Incoming<'a> {
    /// Takes a body apart and checks its protected header against the algorithms allowed.
    ///
    /// # Errors
    /// [`FlattenedError`] when the body is not a JSON object, or has one of `payload` and
    /// `signature` and is not a well-formed JWS.
    pub fn parse(body: &'a [u8], allowed: &[Algorithm]) -> Result<Self, FlattenedError> {
        // serde would also read an array as a struct, member by member.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(FlattenedError::NotJson("it does not begin with `{`".to_owned()));
        }
        let members: Members<'a> = serde_json::from_slice(body).map_err(|e| FlattenedError::NotJson(e.to_string()))?;
        let (payload, signature) = match (members.payload, members.signature) {
            (None, None) => return Ok(Self::Plain),
            (Some(payload), Some(signature)) => (payload, signature),
            (Some(_), None) => {
                return Err(FlattenedError::Incomplete { has: "payload", lacks: "signature" });
            }
            (None, Some(_)) => {
                return Err(FlattenedError::Incomplete { has: "signature", lacks: "payload" });
            }
        };
        let (member, protected) = protected_header(members.protected, members.header)?;
        let header = Header::parse(&protected, allowed)?;
        let encoded_payload = string("payload", payload)?;
        let payload = decode("payload", &encoded_payload)?;
        let signature = decode("signature", &string("signature", signature)?)?;
        Ok(Self::Signed(Unverified { header, member, protected, encoded_payload, payload, signature }))
    }
}

/// A JWS before its signature was checked. Its `Debug` leaves out the payload: personal data.
pub struct Unverified<'a> {
    header: Header,
    member: HeaderMember,
    /// As received, because that is what was signed.
    protected: Cow<'a, str>,
    /// As received, because that is what was signed.
    encoded_payload: Cow<'a, str>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl Unverified<'_> {
    /// The protected header; its algorithm is an allowed one.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The protected header as it was sent, decoded, for people to read.
    #[must_use]
    pub fn protected_json(&self) -> Value {
        let json = base64url::decode(&self.protected).unwrap_or_default();
        serde_json::from_slice(&json).unwrap_or_default()
    }

    /// What the signature is over, in its parts.
    #[must_use]
    pub fn signing_input(&self) -> [&[u8]; 3] {
        [self.protected.as_bytes(), b".", self.encoded_payload.as_bytes()]
    }

    /// Which of the sender's keys is claimed to have signed.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The spelling the sender used, for the answer to mirror. `protected` when it sent both.
    #[must_use]
    pub fn member(&self) -> HeaderMember {
        self.member
    }

    /// The decoded payload of a message that anybody may have written. Only good for finding out
    /// whose key to verify with.
    #[must_use]
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Verifies the signature over the strings as received, and releases the payload.
    ///
    /// # Errors
    /// [`BadSignature`] when `key` did not sign this header and payload.
    pub fn verify(&self, key: &VerifyingKey) -> Result<&[u8], BadSignature> {
        match self.header.algorithm {
            Algorithm::Rs512 => key.verify(&self.signing_input(), &self.signature)?,
        }
        Ok(&self.payload)
    }
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified").field("header", &self.header).field("member", &self.member).finish_non_exhaustive()
    }
}

/// Writes the JSON body of one signed message: `payload`, the protected header under `member`,
/// and `signature`. Never both spellings: strict readers refuse a `header` that is a string.
///
/// # Errors
/// [`SignError`] when the library fails to sign.
pub fn sign_flattened(key: &SigningKey, member: HeaderMember, payload: &[u8]) -> Result<Vec<u8>, SignError> {
    Ok(sign_message(key, member, payload)?.body)
}

/// A signed message with its signature by itself, which is what cannot be made again.
#[derive(Debug)]
pub struct SignedMessage {
    /// The JSON body.
    pub body: Vec<u8>,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

/// The same as [`sign_flattened`], with the signature beside the body.
///
/// # Errors
/// [`SignError`] when the library fails to sign.
pub fn sign_message(key: &SigningKey, member: HeaderMember, payload: &[u8]) -> Result<SignedMessage, SignError> {
    let protected = key.protected_header();
    let payload = base64url::encode(payload);
    let signature = key.sign(&[protected.as_bytes(), b".", payload.as_bytes()])?;
    let body = flattened(&payload, (member, protected), &signature);
    Ok(SignedMessage { body, signature })
}

/// Writes a message again that was signed before with the key `kid`, byte for byte.
#[must_use]
pub fn rebuild(kid: &str, member: HeaderMember, payload: &[u8], signature: &[u8]) -> Vec<u8> {
    flattened(&base64url::encode(payload), (member, &keys::protected_header(kid)), signature)
}

fn flattened(payload: &str, (member, protected): (HeaderMember, &str), signature: &[u8]) -> Vec<u8> {
    // Base64url needs no JSON escapes.
    let mut body = String::with_capacity(protected.len() + payload.len() + 2 * signature.len() + 64);
    body.push_str(r#"{"payload":""#);
    body.push_str(payload);
    body.push_str(r#"",""#);
    body.push_str(member.name());
    body.push_str(r#"":""#);
    body.push_str(protected);
    body.push_str(r#"","signature":""#);
    base64url::encode_onto(signature, &mut body);
    body.push_str(r#""}"#);
    body.into_bytes()
}

/// The members as they stand; serde refuses a repeated one.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    protected: Option<&'a RawValue>,
    #[serde(borrow)]
    header: Option<&'a RawValue>,
    #[serde(borrow)]
    signature: Option<&'a RawValue>,
}

fn protected_header<'a>(
    protected: Option<&'a RawValue>,
    header: Option<&'a RawValue>,
) -> Result<(HeaderMember, Cow<'a, str>), FlattenedError> {
    let protected = protected.map(|raw| string("protected", raw)).transpose()?;
    let is_object = header.is_some_and(|raw| raw.get().starts_with('{'));
    match (protected, header) {
        (None, None) => Err(FlattenedError::NoHeader),
        (None, Some(_)) if is_object => Err(FlattenedError::UnprotectedOnly),
        // RFC 7515 §7.2.1: an unprotected header may stand beside; nothing in it is used.
        (Some(protected), Some(_)) if is_object => Ok((HeaderMember::Protected, protected)),
        (Some(protected), None) => Ok((HeaderMember::Protected, protected)),
        (None, Some(header)) => Ok((HeaderMember::Header, header_string(header)?)),
        (Some(protected), Some(header)) if header_string(header)? == protected => {
            Ok((HeaderMember::Protected, protected))
        }
        (Some(_), Some(_)) => Err(FlattenedError::HeadersDiffer),
    }
}

fn header_string(raw: &RawValue) -> Result<Cow<'_, str>, FlattenedError> {
    string("header", raw).map_err(|_| FlattenedError::HeaderType)
}

fn string<'a>(member: &'static str, raw: &'a RawValue) -> Result<Cow<'a, str>, FlattenedError> {
    // Without an escape the characters between the quotes are the string, and need no copy.
    let inner = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains('\\') => Ok(Cow::Borrowed(inner)),
        _ => serde_json::from_str(raw.get()).map(Cow::Owned).map_err(|_| FlattenedError::NotString(member)),
    }
}

fn decode(member: &'static str, encoded: &str) -> Result<Vec<u8>, FlattenedError> {
    base64url::decode(encoded).map_err(|reason| FlattenedError::NotBase64 { member, reason })
}
