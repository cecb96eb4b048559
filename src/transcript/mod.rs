//! Transcripts: all that was said about one application, in a zip that anybody can open and whoever has the lender's
//! key set can verify.
//!
//! `index.json` lists every file with its SHA-256 and a chain: each link is the SHA-256 of the link before, the file's
//! name and its digest, a line each; the first follows 64 zeros. `index.jws` is the lender's signature over the bytes
//! of `index.json`, in the envelope of every OCEN message. `keys.json` has the keys of both sides. What holds the files
//! together (names and lengths in a zip's headers, its times) no signature covers: the zip's comment, its last bytes, is
//! the SHA-256 of all bytes before it, so that no altered byte goes unseen.

pub mod verify;
pub mod write;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What `format` says; a change that old readers misread gets another number.
pub const FORMAT: &str = "ocen-transcript/1";
/// The list of everything else.
pub const INDEX: &str = "index.json";
/// The lender's signature over it.
pub const SIGNATURE: &str = "index.jws";
/// The keys of both sides.
pub const KEYS: &str = "keys.json";
/// How long the zip's comment is: a SHA-256 in hexadecimal digits.
const COMMENT: usize = 64;
/// What the first link follows.
pub const FIRST_LINK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// `index.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// [`FORMAT`].
    pub format: String,
    /// `masked`: personal data is hidden. `full`: the bytes as they were.
    pub view: String,
    /// What it is about, for people and programs: ids, stage, who made it and when.
    pub about: Value,
    /// The files in the order of what happened.
    pub entries: Vec<Entry>,
    /// The last link.
    pub chain: String,
    /// SHA-256 of `keys.json`.
    pub keys_sha256: String,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its name in the zip; absent when its content was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// `request`, `callback`, `answer` or `events`.
    pub kind: String,
    /// Operation, ids, times.
    pub details: Value,
    /// SHA-256 of the file, or of nothing.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The link that ends here.
    pub chain: String,
}

/// The link after another one.
fn link(before: &str, file: Option<&str>, sha256: &str) -> String {
    sha256_of(format!("{before}\n{}\n{sha256}\n", file.unwrap_or_default()).as_bytes())
}

/// SHA-256, 64 lower-case hexadecimal digits.
#[must_use]
pub fn sha256_of(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}
