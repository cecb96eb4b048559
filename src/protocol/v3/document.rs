//! The documents of an application, as far as they are read: their kinds, and by what one file is told from another.

use aws_lc_rs::digest::{Context, SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protocol::fingerprint::Fingerprint;
use crate::protocol::lenient::Text;

/// `document.type` of the published schema.
pub const DOCUMENT_TYPES: [&str; 7] =
    ["GST_PROFILE", "GSTN_B2B_INVOICE", "PAN", "AADHAAR", "DRIVING_LICENSE", "PASSPORT", "OTHER"];

/// `document`, as far as it is read.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Document {
    /// e.g. `GST_PROFILE`; an unknown type counts as `OTHER`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// The sender's name for it.
    #[serde(skip_serializing)]
    pub reference: Text,
    /// The file in base64, or where it is. An application that comes again with another one is another application.
    #[serde(skip_serializing)]
    #[schemars(with = "String")]
    pub data: Fingerprint,
}

impl Document {
    /// The type in the spelling of the published schema.
    fn type_word(&self) -> String {
        let known = self.kind.word().filter(|kind| DOCUMENT_TYPES.contains(&kind.as_str()));
        known.unwrap_or_else(|| "OTHER".to_owned())
    }

    fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(self.type_word().as_bytes());
        context.update(&[0]);
        context.update(self.reference.0.trim().as_bytes());
        // No text holds a NUL.
        context.update(&[0]);
        context.update(self.data.0.as_ref().map_or(&[], |data| data.as_slice()));
        bytes(context.finish().as_ref())
    }
}

/// The types of documents, each once, in their order.
pub fn types<'a>(documents: impl Iterator<Item = &'a Document>) -> Vec<String> {
    let mut types: Vec<String> = Vec::new();
    for document in documents {
        let kind = document.type_word();
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    types
}

/// SHA-256 in hex over types, references and data of documents, in whatever order they come; none of no documents. One
/// for all of them, so that no number of documents makes a stored application large.
pub fn digest_of<'a>(documents: impl Iterator<Item = &'a Document>) -> Option<String> {
    let mut each: Vec<[u8; 32]> = documents.map(Document::digest).collect();
    each.sort_unstable();
    each.dedup();
    (!each.is_empty()).then(|| hex::encode(digest(&SHA256, &each.concat()).as_ref()))
}

fn bytes(digest: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(json: &str) -> Option<String> {
        let documents: Vec<Document> = serde_json::from_str(json).unwrap();
        super::digest_of(documents.iter())
    }

    #[test]
    fn documents_are_told_apart_by_type_reference_and_data() {
        let sent = r#"[{"type": "PAN", "reference": "r", "data": "aGk="}, {"type": "OTHER", "data": "x"}]"#;
        let known = digest_of(sent);
        assert!(known.as_ref().is_some_and(|digest| digest.len() == 64));
        for same in [
            r#"[{"type": "OTHER", "data": "x"}, {"data": "aGk=", "reference": "r", "type": "pan", "source": "USER"}]"#,
            r#"[{"type": "PAN", "reference": "r", "data": "aG\u006b="}, {"type": "KIND", "data": "x", "url": null}]"#,
        ] {
            assert_eq!(digest_of(same), known, "{same}");
        }
        for other in [
            r#"[{"type": "PAN", "reference": "r", "data": "aGk="}, {"type": "OTHER", "data": "y"}]"#,
            r#"[{"type": "PAN", "reference": "s", "data": "aGk="}, {"type": "OTHER", "data": "x"}]"#,
            r#"[{"type": "AADHAAR", "reference": "r", "data": "aGk="}, {"type": "OTHER", "data": "x"}]"#,
            r#"[{"type": "PAN", "reference": "r", "data": {"hi": 1}}, {"type": "OTHER", "data": "x"}]"#,
            r#"[{"type": "PAN", "reference": "r", "data": "aGk="}]"#,
        ] {
            assert_ne!(digest_of(other), known, "{other}");
        }
        assert_eq!(digest_of("[]"), None);
    }
}
