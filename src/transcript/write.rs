//! Writing a transcript.

use std::io::{Cursor, Write as _};

use serde_json::Value;
use zip::ZipWriter;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;

use super::{COMMENT, Entry, FIRST_LINK, FORMAT, INDEX, Index, KEYS, SIGNATURE, link, sha256_of};
use crate::jose::{HeaderMember, SignError, SigningKey, sign_flattened};

/// A transcript that could not be written.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum WriteError {
    #[error("the zip could not be written: {0}")]
    Zip(#[from] ZipError),
    #[error("the zip could not be written: {0}")]
    Io(#[from] std::io::Error),
    #[error("the index could not be written: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the index could not be signed: {0}")]
    Sign(#[from] SignError),
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Item {
    /// As [`Entry::kind`].
    pub kind: &'static str,
    /// What the file's name ends with, e.g. `setOfferRequest`.
    pub name: String,
    /// As [`Entry::details`].
    pub details: Value,
    /// The content; `None` when it was erased.
    pub content: Option<Vec<u8>>,
}

/// What a transcript says beside its items.
#[derive(Debug, Clone)]
pub struct Cover {
    /// As [`Index::view`].
    pub view: &'static str,
    /// As [`Index::about`].
    pub about: Value,
    /// `{"lender": a JWK set, "lsp": [{"kid", "publicKeyPem", "revokedAt"}]}`.
    pub keys: Value,
}

/// Writes a transcript, its index signed with `key`.
///
/// # Errors
/// [`WriteError`]; in memory that means a bug or no memory.
pub fn zip(cover: &Cover, items: Vec<Item>, key: &SigningKey) -> Result<Vec<u8>, WriteError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // The same content makes the same bytes: no times.
    let options = SimpleFileOptions::default();
    let mut put = |name: &str, content: &[u8]| -> Result<(), WriteError> {
        zip.start_file(name, options)?;
        Ok(zip.write_all(content)?)
    };
    let mut entries = Vec::with_capacity(items.len());
    let mut chain = FIRST_LINK.to_owned();
    for (place, item) in items.into_iter().enumerate() {
        let (content, details) = (item.content.as_deref(), item.details);
        let file = content.map(|_| format!("messages/{:04}-{}-{}.json", place + 1, item.kind, plain(&item.name)));
        let bytes = content.unwrap_or_default();
        if let Some(file) = &file {
            put(file, bytes)?;
        }
        let sha256 = sha256_of(bytes);
        chain = link(&chain, file.as_deref(), &sha256);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        entries.push(Entry { file, kind: item.kind.to_owned(), details, sha256, bytes: length, chain: chain.clone() });
    }
    let keys = serde_json::to_vec_pretty(&cover.keys)?;
    put(KEYS, &keys)?;
    let index = Index {
        format: FORMAT.to_owned(),
        view: cover.view.to_owned(),
        about: cover.about.clone(),
        entries,
        chain,
        keys_sha256: sha256_of(&keys),
    };
    let index = serde_json::to_vec_pretty(&index)?;
    put(INDEX, &index)?;
    put(SIGNATURE, &sign_flattened(key, HeaderMember::Protected, &index)?)?;
    zip.set_comment("0".repeat(COMMENT))?;
    Ok(sealed(zip.finish()?.into_inner()))
}

/// A zip whose comment has the room for it, with the digest of all before as its comment.
pub(super) fn sealed(mut zip: Vec<u8>) -> Vec<u8> {
    zip.truncate(zip.len().saturating_sub(COMMENT));
    let digest = sha256_of(&zip);
    zip.extend_from_slice(digest.as_bytes());
    zip
}

/// A name that no file system minds.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).take(80).collect()
}
