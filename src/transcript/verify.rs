//! Verifying a transcript: that it is whole, unchanged, and the lender's.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Seek, SeekFrom};

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;
use zip::ZipArchive;

use super::{COMMENT, FIRST_LINK, FORMAT, INDEX, Index, KEYS, SIGNATURE, link, sha256_of};
use crate::jose::{Incoming, OCEN_V3_ALGORITHMS, VerifyingKey};

/// Most files that are looked at.
const MOST_FILES: usize = 50_000;
/// Most bytes of all files together, unpacked.
const MOST_BYTES: u64 = 1024 * 1024 * 1024;

/// Bytes of a file's header in a zip before its name.
const LOCAL_HEADER: u64 = 30;

/// A transcript that is not what it says.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum Wrong {
    #[error("it is no zip that can be read: {0}")]
    Zip(String),
    #[error("it holds more than {MOST_FILES} files or {MOST_BYTES} bytes")]
    TooLarge,
    #[error("{0} is missing")]
    Missing(String),
    #[error("{0} cannot be read: {1}")]
    Unreadable(&'static str, String),
    #[error("its format is `{0}`; known is {FORMAT}")]
    Format(String),
    #[error("index.jws names the key `{0}`, which is not among the lender's")]
    UnknownKey(String),
    #[error("index.jws is not the lender's signature over index.json: {0}")]
    Signature(&'static str),
    #[error("{0} was changed: its SHA-256 is not the one in the index")]
    Changed(String),
    #[error("the chain breaks at entry {0}")]
    Chain(usize),
    #[error("{0} is not in the index")]
    Extra(String),
    #[error("the zip itself was changed or packed anew: its comment is not the SHA-256 of all before it")]
    Container,
    #[error("{file} does not verify with the LSP's key: {why}")]
    Message { file: String, why: String },
}

/// What a good transcript holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// The index.
    pub index: Index,
    /// The key that signed it.
    pub kid: String,
    /// SHA-256 of that key.
    pub fingerprint: String,
    /// Requests in it whose own signatures verify; in a masked view there are none to look at.
    pub signed_requests: usize,
}

/// Verifies a transcript against the lender's key set: a given one, or the one inside, which only proves that the
/// file is one piece.
///
/// # Errors
/// [`Wrong`], the first thing that is.
pub fn verify(mut file: impl Read + Seek, trusted: Option<&Value>) -> Result<Findings, Wrong> {
    let files = unpack(&mut file)?;
    let get = |name: &str| files.get(name).ok_or_else(|| Wrong::Missing(name.to_owned()));
    let (bytes, keys_file) = (get(INDEX)?, get(KEYS)?);
    let keys: Value = serde_json::from_slice(keys_file).map_err(|e| Wrong::Unreadable(KEYS, e.to_string()))?;
    let (kid, fingerprint) = signed(get(SIGNATURE)?, bytes, trusted.or_else(|| keys.get("lender")))?;
    let index: Index = serde_json::from_slice(bytes).map_err(|e| Wrong::Unreadable(INDEX, e.to_string()))?;
    if index.format != FORMAT {
        return Err(Wrong::Format(index.format));
    }
    if sha256_of(keys_file) != index.keys_sha256 {
        return Err(Wrong::Changed(KEYS.to_owned()));
    }
    unbroken(&index, &files)?;
    let signed_requests = requests(&index, &files, &keys)?;
    // Last, because whatever else is wrong says more.
    as_written(file)?;
    Ok(Findings { index, kid, fingerprint, signed_requests })
}

fn unpack(file: impl Read + Seek) -> Result<BTreeMap<String, Vec<u8>>, Wrong> {
    let unreadable = |error: &dyn std::fmt::Display| Wrong::Zip(error.to_string());
    let mut zip = ZipArchive::new(file).map_err(|error| unreadable(&error))?;
    if zip.len() > MOST_FILES {
        return Err(Wrong::TooLarge);
    }
    let (mut files, mut left) = (BTreeMap::new(), MOST_BYTES);
    if !is_seamless(&mut zip).map_err(|error| unreadable(&error))? {
        return Err(Wrong::Container);
    }
    for place in 0..zip.len() {
        let mut file = zip.by_index(place).map_err(|error| unreadable(&error))?;
        if file.is_dir() {
            continue;
        }
        let name = file.name().map_err(|error| unreadable(&error))?.into_owned();
        let mut content = Vec::new();
        // What a header says of the length is not believed.
        let read = (&mut file).take(left + 1).read_to_end(&mut content).map_err(|error| unreadable(&error))?;
        left = left.checked_sub(u64::try_from(read).unwrap_or(u64::MAX)).ok_or(Wrong::TooLarge)?;
        files.insert(name, content);
    }
    Ok(files)
}

/// Whether the zip's files follow each other from its beginning to its list of them: nothing stands between, in which a
/// reader of another make could find a file that this one does not see.
fn is_seamless<R: Read + Seek>(zip: &mut ZipArchive<R>) -> zip::result::ZipResult<bool> {
    let mut spans = Vec::with_capacity(zip.len());
    for place in 0..zip.len() {
        let file = zip.by_index_raw(place)?;
        let (start, data) = (file.header_start(), file.data_start().unwrap_or_default());
        // Nothing but the fixed part and the name: no room for more.
        if data != start.saturating_add(LOCAL_HEADER + file.name_raw().len() as u64) {
            return Ok(false);
        }
        spans.push((start, data.saturating_add(file.compressed_size())));
    }
    spans.sort_unstable();
    let end = spans.into_iter().try_fold(0, |at, (start, end)| (at == start).then_some(end));
    Ok(end == Some(zip.central_directory_start()))
}

/// That every byte is the one that was written, those of the zip's own headers too.
fn as_written(mut file: impl Read + Seek) -> Result<(), Wrong> {
    let unreadable = |error: std::io::Error| Wrong::Zip(error.to_string());
    let before = file.seek(SeekFrom::End(0)).map_err(unreadable)?.saturating_sub(COMMENT as u64);
    file.rewind().map_err(unreadable)?;
    let (mut digest, mut rest) = (Context::new(&SHA256), BufReader::new(file.by_ref().take(before)));
    loop {
        let read = rest.fill_buf().map_err(unreadable)?;
        if read.is_empty() {
            break;
        }
        digest.update(read);
        let read = read.len();
        rest.consume(read);
    }
    let mut comment = String::new();
    file.read_to_string(&mut comment).map_err(|_| Wrong::Container)?;
    if comment == hex::encode(digest.finish()) { Ok(()) } else { Err(Wrong::Container) }
}

/// Whose signature it is: kid and fingerprint.
fn signed(envelope: &[u8], index: &[u8], keys: Option<&Value>) -> Result<(String, String), Wrong> {
    let jws = match Incoming::parse(envelope, OCEN_V3_ALGORITHMS) {
        Ok(Incoming::Signed(jws)) => jws,
        Ok(Incoming::Plain) => return Err(Wrong::Signature("it is not signed")),
        Err(error) => return Err(Wrong::Unreadable(SIGNATURE, error.to_string())),
    };
    let kid = jws.kid().unwrap_or_default().to_owned();
    let published = keys.and_then(|set| set.get("keys")).and_then(Value::as_array).map(Vec::as_slice);
    let mut known = published.unwrap_or_default().iter().filter_map(|jwk| VerifyingKey::from_jwk(jwk).ok());
    let Some((_, key)) = known.find(|(known, _)| *known == kid) else {
        return Err(Wrong::UnknownKey(kid));
    };
    match jws.verify(&key) {
        Err(_) => Err(Wrong::Signature("it does not verify")),
        Ok(payload) if payload != index => Err(Wrong::Signature("it is over another index")),
        Ok(_) => Ok((kid, key.fingerprint())),
    }
}

fn unbroken(index: &Index, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Wrong> {
    let mut chain = FIRST_LINK.to_owned();
    let mut listed = vec![INDEX, KEYS, SIGNATURE];
    for (place, entry) in index.entries.iter().enumerate() {
        let content = match &entry.file {
            Some(file) => files.get(file).ok_or_else(|| Wrong::Missing(file.clone()))?.as_slice(),
            None => &[],
        };
        if sha256_of(content) != entry.sha256 {
            return Err(Wrong::Changed(entry.file.clone().unwrap_or_default()));
        }
        chain = link(&chain, entry.file.as_deref(), &entry.sha256);
        if chain != entry.chain {
            return Err(Wrong::Chain(place + 1));
        }
        listed.extend(entry.file.as_deref());
    }
    if chain != index.chain {
        return Err(Wrong::Chain(index.entries.len()));
    }
    match files.keys().find(|name| !listed.contains(&name.as_str())) {
        Some(extra) => Err(Wrong::Extra(extra.clone())),
        None => Ok(()),
    }
}

/// The requests' own signatures, where their bytes are there.
fn requests(index: &Index, files: &BTreeMap<String, Vec<u8>>, keys: &Value) -> Result<usize, Wrong> {
    if index.view != "full" {
        return Ok(0);
    }
    let registered = keys.get("lsp").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut good = 0;
    for entry in index.entries.iter().filter(|entry| entry.kind == "request") {
        let Some((file, bytes)) = entry.file.as_ref().and_then(|file| Some((file, files.get(file)?))) else { continue };
        let Ok(Incoming::Signed(jws)) = Incoming::parse(bytes, OCEN_V3_ALGORITHMS) else { continue };
        let wrong = |why: &str| Wrong::Message { file: file.clone(), why: why.to_owned() };
        let is_it = |key: &&Value| key.get("kid").and_then(Value::as_str) == jws.kid();
        let pem = registered.iter().find(is_it).and_then(|key| key.get("publicKeyPem")).and_then(Value::as_str);
        let key = VerifyingKey::from_pem(pem.ok_or_else(|| wrong("the key is not listed"))?);
        let key = key.map_err(|error| wrong(&error.to_string()))?;
        jws.verify(&key).map_err(|error| wrong(&error.to_string()))?;
        good += 1;
    }
    Ok(good)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use serde_json::json;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::jose::{HeaderMember, SigningKey, sign_flattened};
    use crate::transcript::write::{Cover, Item, zip};

    fn transcript(key: &SigningKey) -> Vec<u8> {
        let lsp = SigningKey::generate("lsp").unwrap();
        let request = sign_flattened(&lsp, HeaderMember::Header, b"{}").unwrap();
        let item = |kind, content| Item { kind, name: "a/b".to_owned(), details: json!({}), content };
        let cover = Cover {
            view: "full",
            about: json!({"orgId": "LSP"}),
            keys: json!({"lender": {"keys": [key.jwk()]}, "lsp": [{"kid": "lsp", "publicKeyPem": lsp.public_key_pem()}]}),
        };
        let items = vec![item("request", Some(request)), item("callback", Some(b"{}".to_vec())), item("answer", None)];
        zip(&cover, items, key).unwrap()
    }

    /// The same zip with one file replaced, added, or left out.
    fn altered(bytes: &[u8], name: &str, content: Option<&[u8]>) -> Vec<u8> {
        let mut files = unpack(Cursor::new(bytes)).unwrap();
        match content {
            Some(content) => files.insert(name.to_owned(), content.to_vec()),
            None => files.remove(name),
        };
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(&content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn no_bit_of_the_file_changes_unseen() {
        let bytes = transcript(&SigningKey::generate("lender").unwrap());
        for place in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[place] ^= 1 << (place % 8);
            assert!(verify(Cursor::new(&altered), None).is_err(), "byte {place} of {}", bytes.len());
        }
        for changed in [[bytes.as_slice(), b"0"].concat(), [b"0", bytes.as_slice()].concat()] {
            assert!(verify(Cursor::new(&changed), None).is_err());
        }
        let same_files = altered(&bytes, "messages/0002-callback-a-b.json", Some(b"{}"));
        assert_eq!(wrong(&same_files), Wrong::Container);
    }

    #[test]
    fn nothing_hides_before_the_first_file() {
        let bytes = transcript(&SigningKey::generate("lender").unwrap());
        let file = "messages/0002-callback-a-b.json";
        let mut evil = ZipWriter::new(Cursor::new(Vec::new()));
        evil.start_file(file, SimpleFileOptions::default()).unwrap();
        evil.write_all(b"{\"evil\":1}").unwrap();
        let mut evil = ZipArchive::new(Cursor::new(evil.finish().unwrap().into_inner())).unwrap();
        let end = usize::try_from(evil.central_directory_start()).unwrap();
        assert!(evil.by_name(file).is_ok());
        let entry = evil.into_inner().into_inner()[..end].to_vec();
        let mut forged = [entry.as_slice(), &bytes[..bytes.len() - COMMENT]].concat();
        let comment = sha256_of(&forged);
        forged.extend(comment.into_bytes());
        assert_eq!(wrong(&forged), Wrong::Container);
    }

    fn wrong(bytes: &[u8]) -> Wrong {
        verify(Cursor::new(bytes), None).unwrap_err()
    }

    #[test]
    fn a_good_one_verifies_with_the_right_key_only() {
        let key = SigningKey::generate("lender").unwrap();
        let bytes = transcript(&key);
        let found = verify(Cursor::new(&bytes), Some(&json!({"keys": [key.jwk()]}))).unwrap();
        assert_eq!((found.kid.as_str(), found.signed_requests, found.index.entries.len()), ("lender", 1, 3));
        assert!(verify(Cursor::new(&bytes), None).is_ok());
        let same_kid = SigningKey::generate("lender").unwrap();
        let trusted = json!({"keys": [same_kid.jwk()]});
        let refused = verify(Cursor::new(&bytes), Some(&trusted)).unwrap_err();
        assert_eq!(refused, Wrong::Signature("it does not verify"));
        let refused = verify(Cursor::new(&bytes), Some(&json!({"keys": []}))).unwrap_err();
        assert_eq!(refused, Wrong::UnknownKey("lender".to_owned()));
    }

    #[test]
    fn whatever_is_altered_is_named() {
        let key = SigningKey::generate("lender").unwrap();
        let bytes = transcript(&key);
        let file = "messages/0002-callback-a-b.json";
        assert_eq!(wrong(&altered(&bytes, file, Some(b"{ }"))), Wrong::Changed(file.to_owned()));
        assert_eq!(wrong(&altered(&bytes, file, None)), Wrong::Missing(file.to_owned()));
        assert_eq!(
            wrong(&altered(&bytes, "messages/0009-x.json", Some(b""))),
            Wrong::Extra("messages/0009-x.json".to_owned())
        );
        let index = String::from_utf8(unpack(Cursor::new(&bytes)).unwrap().remove(INDEX).unwrap()).unwrap();
        let other = index.replace("\"LSP\"", "\"LSQ\"");
        assert_eq!(
            wrong(&altered(&bytes, INDEX, Some(other.as_bytes()))),
            Wrong::Signature("it is over another index")
        );
        let keys = unpack(Cursor::new(&bytes)).unwrap().remove(KEYS).unwrap();
        assert_eq!(
            wrong(&altered(&bytes, KEYS, Some(&[&keys, b" ".as_slice()].concat()))),
            Wrong::Changed(KEYS.to_owned())
        );
        assert!(matches!(wrong(b"no zip"), Wrong::Zip(_)));
    }

    #[test]
    fn a_resigned_index_with_a_broken_chain_is_found() {
        let key = SigningKey::generate("lender").unwrap();
        let bytes = transcript(&key);
        let mut index: Index = serde_json::from_slice(&unpack(Cursor::new(&bytes)).unwrap()[INDEX]).unwrap();
        index.entries.swap(0, 1);
        let text = serde_json::to_vec(&index).unwrap();
        let signature = sign_flattened(&key, HeaderMember::Protected, &text).unwrap();
        let swapped = altered(&altered(&bytes, INDEX, Some(&text)), SIGNATURE, Some(&signature));
        assert_eq!(wrong(&swapped), Wrong::Chain(1));
    }
}
