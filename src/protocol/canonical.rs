//! The canonical form of a message, by which a repetition is told from a reused requestId
//! (`ocen-v3.md` §3.5), and the bound on nesting.

use aws_lc_rs::digest;
use memchr::memchr2;
use serde::Serialize;
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
#[must_use]
pub fn digest(mut message: Value) -> [u8; 32] {
    if let Some(members) = message.as_object_mut() {
        members.remove("metadata");
    }
    let mut text = Vec::with_capacity(ROOM);
    write(&message, &mut text);
    let hash = digest::digest(&digest::SHA256, &text);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.as_ref());
    bytes
}

fn write(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push(b'{');
            for (name, member) in sorted {
                write_scalar(name, text);
                text.push(b':');
                write(member, text);
                text.push(b',');
            }
            text.push(b'}');
        }
        Value::Array(items) => {
            text.push(b'[');
            for item in items {
                write(item, text);
                text.push(b',');
            }
            text.push(b']');
        }
        scalar => write_scalar(scalar, text),
    }
}

fn write_scalar(scalar: &(impl Serialize + ?Sized), text: &mut Vec<u8>) {
    // Writing a scalar to memory cannot fail.
    let _ = serde_json::to_writer(text, scalar);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_order_and_layout_do_not_matter() {
        let first = json!({"metadata": {"traceId": "a"}, "requestId": "r", "offer": {"id": "1", "x": [1, 2]}});
        let second = json!({"offer": {"x": [1, 2], "id": "1"}, "requestId": "r", "metadata": {"traceId": "b"}});
        assert_eq!(digest(first.clone()), digest(second));
        assert_ne!(digest(first), digest(json!({"requestId": "r", "offer": {"id": "2", "x": [1, 2]}})));
    }

    #[test]
    fn depth_is_counted_outside_strings_only() {
        assert!(!too_deep(format!("{}1{}", "[".repeat(32), "]".repeat(32)).as_bytes()));
        assert!(too_deep("[".repeat(33).as_bytes()));
        assert!(!too_deep(format!("[\"{}\\\"{}\"]", "{".repeat(40), "[".repeat(40)).as_bytes()));
    }
}
