//! The protected header: what it may say and what gets a message refused.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use super::{Algorithm, base64url};

/// Longest encoded header that is looked at, in characters; real ones have about a hundred.
const MAX_ENCODED: usize = 4096;
/// Longest `kid`, in characters: the limit of every id on the wire.
const MAX_KID: usize = 128;
/// Longest piece of a sender's text that an error repeats, in characters.
const MAX_QUOTED: usize = 32;

/// Members that would let the sender bring its own key or change what is signed
/// (RFC 7515 §4.1.2–4.1.6 and §4.1.11, RFC 7797 §3). No extension is understood, so any `crit`
/// is one too many.
const REFUSED: [&str; 6] = ["crit", "b64", "jwk", "jku", "x5u", "x5c"];

/// A protected header that passed every check. Nothing about it is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The algorithm, one of those the protocol version allows.
    pub algorithm: Algorithm,
    /// Which of the sender's keys signed, when it says so.
    pub kid: Option<String>,
}

/// Why a protected header is refused. The texts go to the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum HeaderError {
    #[error("the protected header is longer than {MAX_ENCODED} characters")]
    TooLong,
    #[error("the protected header is not base64url: {0}")]
    NotBase64(base64::DecodeError),
    #[error("the protected header does not decode to a JSON object: {0}")]
    NotJson(String),
    #[error("the protected header has `{0}` twice")]
    Duplicate(String),
    #[error("the protected header must not have `{0}`")]
    Refused(&'static str),
    #[error("the protected header has no `alg`")]
    NoAlgorithm,
    #[error("`alg` is {found}; only {allowed} is accepted")]
    Algorithm { found: String, allowed: String },
    #[error("`kid` must be a string of 1 to {MAX_KID} printable characters")]
    BadKid,
}

impl Header {
    /// Decodes and checks a protected header against the algorithms of one protocol version.
    ///
    /// Members that are neither used nor refused are ignored (RFC 7515 §4).
    ///
    /// # Errors
    /// See [`HeaderError`]; among others any `alg` outside `allowed`, compared literally.
    pub fn parse(encoded: &str, allowed: &[Algorithm]) -> Result<Self, HeaderError> {
        if encoded.len() > MAX_ENCODED {
            return Err(HeaderError::TooLong);
        }
        let json = base64url::decode(encoded).map_err(HeaderError::NotBase64)?;
        let Members(members) = serde_json::from_slice(&json).map_err(|e| HeaderError::NotJson(e.to_string()))?;
        refuse_duplicates(&members)?;
        if let Some(name) = REFUSED.into_iter().find(|name| find(&members, name).is_some()) {
            return Err(HeaderError::Refused(name));
        }
        let algorithm = check_algorithm(find(&members, "alg"), allowed)?;
        let kid = find(&members, "kid").map(check_kid).transpose()?;
        Ok(Self { algorithm, kid })
    }
}

/// Whether a text can be a key id: 1 to 128 characters, none of them a control character.
pub(super) fn is_kid(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_KID && !text.chars().any(char::is_control)
}

fn refuse_duplicates(members: &[(String, Value)]) -> Result<(), HeaderError> {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let repeated = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
    match repeated {
        Some((name, _)) => Err(HeaderError::Duplicate(quote(name))),
        None => Ok(()),
    }
}

fn find<'a>(members: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
}

fn check_algorithm(found: Option<&Value>, allowed: &[Algorithm]) -> Result<Algorithm, HeaderError> {
    let found = found.ok_or(HeaderError::NoAlgorithm)?;
    allowed.iter().copied().find(|algorithm| found.as_str() == Some(algorithm.name())).ok_or_else(|| {
        HeaderError::Algorithm {
            found: quote(&found.to_string()),
            allowed: allowed.iter().map(|a| a.name()).collect::<Vec<_>>().join(" or "),
        }
    })
}

fn check_kid(kid: &Value) -> Result<String, HeaderError> {
    kid.as_str().filter(|kid| is_kid(kid)).map(str::to_owned).ok_or(HeaderError::BadKid)
}

fn quote(text: &str) -> String {
    text.chars().take(MAX_QUOTED).collect()
}

/// A JSON object with every member it has, repeated ones included.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
