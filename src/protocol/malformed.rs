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

/// What chrono says of a text that is no date or time, in the words that begin its messages.
const NO_TIME: [&str; 4] = ["trailing input", "premature end of input", "input ", "no possible date"];

/// What a parser of JSON says, in the words of those who write JSON: without the names of our types, and without the place
/// in a line where nobody counts columns.
#[must_use]
pub fn in_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    if NO_TIME.iter().any(|words| text.starts_with(words)) {
        return "must be a date or a time in ISO 8601, like 2026-04-01 or 2026-04-01T09:30:00Z".to_owned();
    }
    let words = match text.split_once(", expected struct ") {
        // serde reads a list as a struct, member by member.
        Some((found, _)) if found.starts_with("invalid length") => return "expected an object, not a list".to_owned(),
        Some((found, _)) => format!("{found}, expected an object"),
        None => text.to_owned(),
    };
    words
        .replace("invalid type: sequence", "invalid type: a list")
        .replace("invalid type: map", "invalid type: an object")
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, Utc};
    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Probe {
        count: u32,
        other: u32,
    }

    fn words<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
        in_words(&serde_json::from_str::<T>(json).unwrap_err())
    }

    #[test]
    fn the_parser_speaks_to_people() {
        assert_eq!(words::<Probe>("[]"), "expected an object, not a list");
        assert_eq!(words::<Vec<Probe>>("[[]]"), "expected an object, not a list");
        assert_eq!(words::<Probe>("5"), "invalid type: integer `5`, expected an object");
        assert_eq!(words::<Probe>(r#"{"count": []}"#), "invalid type: a list, expected u32");
        assert_eq!(words::<String>("{}"), "invalid type: an object, expected a string");
        for text in [r#""31-12-2099""#, r#""x""#, r#""2099""#, r#""2099-13-01""#, r#""2099-12-31x""#] {
            assert!(words::<NaiveDate>(text).starts_with("must be a date"), "{text}: {}", words::<NaiveDate>(text));
            let said = words::<DateTime<Utc>>(text);
            assert!(said.starts_with("must be a date"), "{text}: {said}");
        }
    }
}
