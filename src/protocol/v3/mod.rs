//! OCEN v3: one file per API family, each with its requests, its callbacks, and the way between
//! them and the domain. `core`, `party`, `plan`, `chosen`, `terms` and `account` hold what families share.

pub mod acceptance;
pub mod account;
pub mod chosen;
pub mod consent;
pub mod core;
pub mod disbursement;
pub mod dispute;
pub mod document;
mod echo;
pub mod grant;
pub mod loan_application;
pub mod loan_details;
pub mod loan_summary;
pub mod meta;
mod needless;
pub mod offer;
pub mod party;
pub mod payment;
pub mod payment_order;
pub mod plan;
pub mod repayment;
pub mod statement;
pub mod terms;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::malformed::{Malformed, in_words};
use crate::domain::application::command::Command;

/// What decoding needs beside the message.
#[derive(Debug, Clone, Copy)]
pub struct Decoding {
    /// For members that default to now.
    pub now: DateTime<Utc>,
}

/// The members that a request has beside its envelope.
pub trait RequestBody: DeserializeOwned + Serialize + JsonSchema {
    /// Checks every member that is needed (`ocen-v3.md` appendix A).
    ///
    /// # Errors
    /// [`Malformed`] names the first member that is missing or wrong.
    fn into_command(self, decoding: &Decoding) -> Result<Command, Malformed>;

    /// A realistic body, envelope left out.
    fn example() -> Value;
}

/// Decodes the text of a message.
///
/// # Errors
/// [`Malformed`] names the first member that is missing or wrong, or that no lender may take.
pub fn decode<T: RequestBody>(message: &str, decoding: &Decoding) -> Result<Command, Malformed> {
    let body = parse::<T>(message)?;
    needless::refuse(message)?;
    body.into_command(decoding)
}

/// Reads some members of a message.
///
/// # Errors
/// [`Malformed`] with the place of a member of the wrong type.
pub(super) fn parse<T: DeserializeOwned>(message: &str) -> Result<T, Malformed> {
    // serde would also read an array as a struct, member by member.
    if !message.trim_start().starts_with('{') {
        return Err(Malformed::form("", "the message must be a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_str(message);
    let parsed = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| Malformed::form(pointer(error.path()), in_words(error.inner())))?;
    json.end().map_err(|error| Malformed::form("", in_words(&error)))?;
    Ok(parsed)
}

/// A JSON pointer (RFC 6901) of the place where reading stopped.
fn pointer(path: &Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
