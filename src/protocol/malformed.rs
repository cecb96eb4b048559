//! Why a message cannot be read: a code, words, and where.

use super::codes::Code;

/// A message that is refused for its form (`ocen-v3.md` §3.2); nothing of it is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail} ({pointer})")]
pub struct Malformed {
    /// Which rule it breaks.
    pub code: Code,
    /// Words for the sender's engineer.
    pub detail: String,
    /// JSON pointer (RFC 6901) to the member in question.
    pub pointer: String,
    /// Seconds after which it may be tried again, where that is known.
    pub retry_after: Option<u32>,
}

impl Malformed {
    /// A refusal with its place.
    #[must_use]
    pub fn new(code: Code, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), pointer: pointer.into(), retry_after: None }
    }

    /// The same, to be tried again after so many seconds.
    #[must_use]
    pub fn after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// A mandatory member is missing, null or empty.
    #[must_use]
    pub fn missing(pointer: impl Into<String>) -> Self {
        Self::new(Code::MissingMember, pointer, "this member is mandatory")
    }

    /// A value of the wrong type or form.
    #[must_use]
    pub fn form(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Code::MalformedMessage, pointer, detail)
    }

    /// A value outside its enum, with the values allowed.
    #[must_use]
    pub fn not_one_of(pointer: impl Into<String>, allowed: &[&str]) -> Self {
        Self::new(Code::NotInEnum, pointer, format!("must be one of {}", allowed.join(", ")))
    }
}
