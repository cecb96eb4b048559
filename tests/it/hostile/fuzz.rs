//! Messages that were spoilt by chance: nothing panics, nothing is answered 5xx, and what is refused leaves nothing.
//!
//! The same targets run under cargo-fuzz for longer (`.ci/fuzz`). `OCEN_FUZZ_ROUNDS` makes these longer.

use std::path::PathBuf;

use ocen_lender::protocol::OPERATIONS;
use serde_json::{Value, json};

use super::chance::Chance;
use crate::support::lsp::TestLsp;
use crate::support::server::Server;
use crate::support::sql;

#[path = "../../fuzz/targets.rs"]
mod targets;

/// Spoilt copies of each message in the corpus.
const ROUNDS: u64 = 300;
/// Spoilt messages that are posted for each operation.
const POSTS: u64 = 25;

fn rounds(usual: u64) -> u64 {
    let asked = std::env::var("OCEN_FUZZ_ROUNDS").ok().and_then(|text| text.parse::<u64>().ok());
    asked.map_or(usual, |times| times * usual)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let files = std::fs::read_dir(dir).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.collect()
}

fn spoil_all(target: &str, run: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty());
    let mut chance = Chance::new();
    for message in &corpus {
        run(message);
        for _ in 0..rounds(ROUNDS) {
            let mut spoilt = message.clone();
            for _ in 0..=chance.below(4) {
                chance.spoil_bytes(&mut spoilt, &corpus);
            }
            run(&spoilt);
        }
    }
}

#[test]
fn no_spoilt_envelope_makes_anything_panic() {
    spoil_all("envelope", targets::envelope);
}

#[test]
fn no_spoilt_message_makes_anything_panic() {
    spoil_all("decode", targets::decode);
}

#[tokio::test(flavor = "multi_thread")]
async fn spoilt_messages_are_accepted_or_refused_and_never_an_error_of_ours() {
    let server = Server::start().await;
    let lsp = TestLsp::register_with(&server, "LSP-PLAIN", json!({"allowUnsigned": true}), None).await;
    let mut chance = Chance::new();
    let mut accepted = 0;
    for operation in OPERATIONS {
        for _ in 0..rounds(POSTS) {
            let mut body = (operation.example)();
            for _ in 0..=chance.below(3) {
                chance.spoil_value(&mut body);
            }
            if body.is_object() && chance.below(8) > 0 {
                body["metadata"] = lsp.metadata();
                body["requestId"] = json!(format!("REQ-{}", ocen_lender::clock::Ids.uuid().simple()));
            }
            let (status, ack) = post(&server, operation.request_path, &body).await;
            assert!(status < 500, "{} {status} {ack}: {body}", operation.name);
            assert_eq!(status == 200, ack["error"] == "0", "{} {status} {ack}: {body}", operation.name);
            accepted += i64::from(status == 200);
        }
    }
    let stored = sql::number(&server.app.pool, "select count(*) from exchange").await;
    assert_eq!(stored, accepted, "what was refused left something, or what was accepted is not there");
}

async fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let request = server.http.post(format!("{}{path}", server.url)).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body.get("ack").cloned().unwrap_or(body))
}
