//! The canonical form of a message, by which a repetition is told from a reused requestId
//! (`ocen-v3.md` §3.5), and the bound on nesting.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::digest;
use memchr::memchr2;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Deepest nesting of objects and arrays (design §8, "Limits").
pub const MAX_DEPTH: usize = 32;

/// Bytes that most messages fit into.
const ROOM: usize = 4 * 1024;

/// Whether a JSON text nests too deeply. Says nothing about whether it is JSON at all.
#[must_use]
pub fn too_deep(json: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut rest = json;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => rest = behind_string(rest),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// What stands behind a string's end; most of a message is strings.
fn behind_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        match rest.get(at..) {
            Some([b'"', behind @ ..]) => return behind,
            // Whatever an escape stands for, its first character is no end.
            Some([_, _, behind @ ..]) => rest = behind,
            _ => break,
        }
    }
    &[]
}

/// SHA-256 of the message without `metadata`: members sorted, no blanks, so that order and layout
/// do not matter.
///
/// # Errors
/// When it is no JSON.
pub fn digest(message: &str) -> Result<[u8; 32], serde_json::Error> {
    let mut message: Node = serde_json::from_str(message)?;
    if let Node::Object(members) = &mut message {
        members.retain(|(name, _)| name.0 != "metadata");
    }
    let mut text = Vec::with_capacity(ROOM);
    message.write(&mut text);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, &text).as_ref());
    Ok(bytes)
}

/// A JSON value that leaves texts where they are in the message.
enum Node<'a> {
    /// Members as they came, repeated ones too.
    Object(Vec<(Word<'a>, Node<'a>)>),
    Array(Vec<Node<'a>>),
    Text(Word<'a>),
    /// A number, a boolean or null.
    Scalar(Value),
}

/// A text; borrowed where the message has no escape in it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Word<'a>(Cow<'a, str>);

impl Node<'_> {
    fn write(self, text: &mut Vec<u8>) {
        match self {
            Self::Object(mut members) => {
                // Stable, so that of repeated members the last one is still the last one; it alone counts.
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                let mut members = members.into_iter().peekable();
                text.push(b'{');
                while let Some((name, member)) = members.next() {
                    if members.peek().is_some_and(|(next, _)| *next == name) {
                        continue;
                    }
                    name.write(text);
                    text.push(b':');
                    member.write(text);
                    text.push(b',');
                }
                text.push(b'}');
            }
            Self::Array(items) => {
                text.push(b'[');
                for item in items {
                    item.write(text);
                    text.push(b',');
                }
                text.push(b']');
            }
            Self::Text(word) => word.write(text),
            Self::Scalar(scalar) => write_scalar(&scalar, text),
        }
    }
}

impl Word<'_> {
    fn write(&self, text: &mut Vec<u8>) {
        match &self.0 {
            // What was written without an escape needs none.
            Cow::Borrowed(plain) => {
                text.push(b'"');
                text.extend_from_slice(plain.as_bytes());
                text.push(b'"');
            }
            Cow::Owned(escaped) => write_scalar(escaped, text),
        }
    }
}

fn write_scalar(scalar: &impl Serialize, text: &mut Vec<u8>) {
    // Writing a scalar to memory cannot fail.
    let _ = serde_json::to_writer(text, scalar);
}

impl<'de> Deserialize<'de> for Word<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(WordVisitor)
    }
}

struct WordVisitor;

impl<'de> Visitor<'de> for WordVisitor {
    type Value = Word<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Word(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Word(Cow::Owned(text.to_owned())))
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Node::Text(Word(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(Word(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Node::Scalar(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Node::Scalar(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Node::Scalar(number.into()))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Node::Scalar(flag.into()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Scalar(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(message: &str) -> String {
        hex::encode(digest(message).unwrap())
    }

    #[test]
    fn metadata_order_and_layout_do_not_matter() {
        let first = r#"{"metadata": {"traceId": "a"}, "requestId": "r", "offer": {"id": "1", "x": [1, 2]}}"#;
        let second = r#"{"offer":{"x":[1,2],"id":"1"},"requestId":"r","metadata":{"traceId":"b"}}"#;
        assert_eq!(of(first), of(second));
        assert_ne!(of(first), of(r#"{"requestId": "r", "offer": {"id": "2", "x": [1, 2]}}"#));
        assert_ne!(of(r#"{"a": {"metadata": 1}}"#), of(r#"{"a": {}}"#), "only the message's own");
        assert!(digest(r#"{"a": 1} x"#).is_err());
    }

    #[test]
    fn how_a_text_is_escaped_does_not_matter_and_of_repeated_members_the_last_counts() {
        assert_eq!(of(r#"{"a": "\u0041\/\"\n"}"#), of(r#"{"a": "A/\u0022\u000a"}"#));
        assert_eq!(of(r#"{"\u0061": 1}"#), of(r#"{"a": 1}"#));
        assert_eq!(of(r#"{"a": 1, "b": 2, "a": {"c": 3}}"#), of(r#"{"b": 2, "a": {"c": 3}}"#));
    }

    /// A request may be repeated after the lender was upgraded: its digest is stored.
    #[test]
    fn the_digest_stays_what_it_was() {
        let message = r#"{"b": [1, -2, 1.50, 1e3, true, null, "\u00e9\t"], "a": {"z": "", "y": {}, "x": []}}"#;
        let text = "{\"a\":{\"x\":[],\"y\":{},\"z\":\"\",},\"b\":[1,-2,1.5,1000.0,true,null,\"\u{e9}\\t\",],}";
        assert_eq!(of(message), hex::encode(digest::digest(&digest::SHA256, text.as_bytes())));
    }

    #[test]
    fn depth_is_counted_outside_strings_only() {
        assert!(!too_deep(format!("{}1{}", "[".repeat(32), "]".repeat(32)).as_bytes()));
        assert!(too_deep("[".repeat(33).as_bytes()));
        assert!(!too_deep(format!("[\"{}\\\"{}\"]", "{".repeat(40), "[".repeat(40)).as_bytes()));
    }
}
