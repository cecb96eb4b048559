//! What is fuzzed: the way of bytes from the socket to a command, without server and database. cargo-fuzz drives it for
//! as long as one likes, `make test` for a moment.

use chrono::DateTime;
use ocen_lender::jose::{Incoming, OCEN_V3_ALGORITHMS};
use ocen_lender::protocol::v3::Decoding;
use ocen_lender::protocol::{OPERATIONS, canonical, find};
use serde_json::Value;

/// A body as it comes: is it signed, by which key, over what?
pub fn envelope(bytes: &[u8]) {
    if canonical::too_deep(bytes) {
        return;
    }
    if let Ok(Incoming::Signed(message)) = Incoming::parse(bytes, OCEN_V3_ALGORITHMS) {
        let (_, _) = (message.kid(), message.member());
        if !canonical::too_deep(message.unverified_payload()) {
            every_operation(message.unverified_payload());
        }
    }
}

/// The name of an operation on a line of its own, then its message.
pub fn decode(bytes: &[u8]) {
    let (name, message) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (&bytes[..0], bytes),
    };
    if canonical::too_deep(message) {
        return;
    }
    match std::str::from_utf8(name).ok().and_then(find) {
        Some(operation) => one_operation(operation, message),
        None => every_operation(message),
    }
}

fn every_operation(message: &[u8]) {
    for operation in OPERATIONS {
        one_operation(operation, message);
    }
}

fn one_operation(operation: &ocen_lender::protocol::Operation, message: &[u8]) {
    let Ok(text) = std::str::from_utf8(message) else { return };
    let first = (operation.decode)(text, &Decoding { now: DateTime::UNIX_EPOCH });
    let second = (operation.decode)(text, &Decoding { now: DateTime::UNIX_EPOCH });
    assert_eq!(format!("{first:?}"), format!("{second:?}"), "the same message means the same");
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        assert!(canonical::digest(text).is_err(), "what is no JSON has no digest");
        return;
    };
    let digest = canonical::digest(text).expect("JSON has a digest");
    // Written anew: other order, other layout, other escapes. A float may change by that.
    let again = serde_json::to_string_pretty(&value).expect("a value is JSON");
    if serde_json::from_str::<Value>(&again).is_ok_and(|read| read == value) {
        assert_eq!(
            digest,
            canonical::digest(&again).expect("JSON has a digest"),
            "the same message has the same digest"
        );
    }
}
