//! The canonical form of a message, by which a repetition is told from a reused requestId
//! (`ocen-v3.md` §3.5), and the bound on nesting.

use aws_lc_rs::digest;
use serde_json::Value;

/// Deepest nesting of objects and arrays (design §8, "Limits").
pub const MAX_DEPTH: usize = 32;

/// Whether a JSON text nests too deeply. Says nothing about whether it is JSON at all.
#[must_use]
pub fn too_deep(json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// SHA-256 of the message without `metadata`: members sorted, no blanks, so that order and layout
/// do not matter.
#[must_use]
pub fn digest(mut message: Value) -> [u8; 32] {
    if let Some(members) = message.as_object_mut() {
        members.remove("metadata");
    }
    let mut text = String::new();
    write(&message, &mut text);
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.as_ref());
    bytes
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, member) in sorted {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(member, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
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
