//! Messages that must be refused in the ack, with nothing stored.

use serde_json::Value;

use super::fingerprint;
use super::lsp::{Ack, TestLsp};
use super::server::Server;

/// What an ack must say: HTTP status, code, JSON pointer (none when empty).
pub type Expected<'a> = (u16, &'a str, &'a str);

/// A message with members changed by their JSON pointers; null takes a member out.
pub fn changed(mut message: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = message.pointer_mut(parent).unwrap();
        match (parent.as_array_mut(), value) {
            (Some(items), value) => items[name.parse::<usize>().unwrap()] = value.clone(),
            (None, Value::Null) => drop(parent.as_object_mut().unwrap().remove(name)),
            (None, value) => parent[name] = value.clone(),
        }
    }
    message
}

/// Posts bytes that must be refused, and looks whether anything was stored.
pub async fn refused(server: &Server, lsp: &TestLsp, path: &str, bytes: Vec<u8>, expected: Expected<'_>) -> Ack {
    let before = fingerprint::all(server).await;
    let ack = lsp.post(path, bytes).await;
    let pointer = ack.body["pointer"].as_str().unwrap_or_default();
    assert_eq!((ack.status, ack.error(), pointer), expected, "{path}: {}", ack.body);
    assert!(ack.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", ack.body);
    assert_eq!(fingerprint::all(server).await, before, "{path}: {}", ack.body);
    ack
}

/// The same for a message, which is completed and signed.
pub async fn refused_message(server: &Server, lsp: &TestLsp, path: &str, body: Value, expected: Expected<'_>) -> Ack {
    let body = lsp.complete(body);
    let ack = refused(server, lsp, path, lsp.seal(&body), expected).await;
    assert!(ack.signed, "the message was genuine: {}", ack.body);
    ack
}
