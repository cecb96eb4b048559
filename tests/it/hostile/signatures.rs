//! Every operation against every kind of forgery: each is refused in words, and nothing is stored.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use ocen_lender::jose::SigningKey;
use ocen_lender::protocol::OPERATIONS;
use serde_json::{Value, json};

use crate::support::fingerprint;
use crate::support::lsp::{TestLsp, key};
use crate::support::server::Server;

/// A message that must be refused, with status and code.
struct Forgery {
    what: &'static str,
    bytes: Vec<u8>,
    expected: (u16, &'static str),
}

/// Keys that may not speak for the LSP.
struct Keys {
    /// Of nobody.
    strange: SigningKey,
    /// Of the LSP, revoked.
    revoked: Arc<SigningKey>,
    /// Of another LSP.
    other: Arc<SigningKey>,
}

fn envelope(key: &SigningKey, header: &str, payload: &str) -> Value {
    let (header, payload) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(&[header.as_bytes(), b".", payload.as_bytes()]).unwrap();
    json!({"payload": payload, "header": header, "signature": URL_SAFE_NO_PAD.encode(signature)})
}

fn header(kid: &str, alg: &str) -> String {
    json!({"kid": kid, "alg": alg}).to_string()
}

/// The forgeries of a genuine message. `ours` signed it.
fn forgeries(lsp: &TestLsp, ours: &SigningKey, keys: &Keys, body: &Value) -> Vec<Forgery> {
    let text = body.to_string();
    let good = header(ours.kid(), "RS512");
    let signed = envelope(ours, &good, &text);
    let sealed = |key: &SigningKey, header: &str| envelope(key, header, &text).to_string().into_bytes();
    let at = |offset: Duration| {
        let mut body = body.clone();
        let time = ocen_lender::clock::Clock::default().wall() + offset;
        body["metadata"]["timestamp"] = json!(time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        lsp.seal(&body)
    };
    let named = |org_id: &str| {
        let mut body = body.clone();
        body["metadata"]["orgId"] = json!(org_id);
        lsp.seal(&body)
    };
    let with = |member: &str, value: Value| {
        let mut message = signed.clone();
        message[member] = value;
        message.to_string().into_bytes()
    };
    let twice = |member: &str| {
        let value = &signed[member];
        signed.to_string().replacen('{', &format!("{{\"{member}\":{value},"), 1).into_bytes()
    };
    let (bad, unknown, mismatch, time) = ((401, "AUTH1001"), (401, "AUTH1002"), (403, "AUTH1003"), (401, "AUTH1004"));
    let whole = signed["signature"].as_str().unwrap();
    let (start, rest) = whole.split_at(40);
    let (_, short) = whole.split_at(1);
    let (_, shorter) = whole.split_at(2);
    let forged = [
        ("nobody's signature", text.clone().into_bytes(), bad),
        ("a stranger's key under our kid", sealed(&keys.strange, &good), bad),
        ("another LSP's key under our kid", sealed(&keys.other, &good), bad),
        ("another LSP's key under its own kid", sealed(&keys.other, &header(keys.other.kid(), "RS512")), mismatch),
        ("a revoked key", sealed(&keys.revoked, &header(keys.revoked.kid(), "RS512")), unknown),
        ("a key that nobody registered", sealed(&keys.strange, &header("nobody-1", "RS512")), unknown),
        ("no algorithm", sealed(ours, &header(ours.kid(), "none")), bad),
        ("a weaker hash", sealed(ours, &header(ours.kid(), "RS256")), bad),
        ("another padding", sealed(ours, &header(ours.kid(), "PS512")), bad),
        ("a curve", sealed(ours, &header(ours.kid(), "ES512")), bad),
        ("a shared secret", sealed(ours, &header(ours.kid(), "HS512")), bad),
        ("two algorithms", sealed(ours, &format!(r#"{{"kid":"{0}","alg":"RS512","alg":"RS512"}}"#, ours.kid())), bad),
        ("critical extensions", sealed(ours, &format!(r#"{{"kid":"{0}","alg":"RS512","crit":[]}}"#, ours.kid())), bad),
        ("a header that is a list", sealed(ours, "[]"), bad),
        ("a signature with a character more", with("signature", json!(format!("{whole}A"))), bad),
        ("a signature with a character less", with("signature", json!(short)), bad),
        ("a signature of mixed alphabets", with("signature", json!(format!("{shorter}-/"))), bad),
        ("a signature with a line break", with("signature", json!(format!("{start}\n{rest}"))), bad),
        ("a signature that is a list", with("signature", json!([whole])), bad),
        ("payload twice", twice("payload"), (400, "GEN5010")),
        ("signature twice", twice("signature"), (400, "GEN5010")),
        ("a stale timestamp", at(-Duration::hours(73)), time),
        ("a timestamp of tomorrow", at(Duration::hours(24)), time),
        ("another LSP's name", named("LSP-OTHER"), mismatch),
        ("nobody's name", named("LSP-NOBODY"), mismatch),
    ];
    forged.map(|(what, bytes, expected)| Forgery { what, bytes, expected }).into()
}

async fn keys(server: &Server, lsp: &TestLsp) -> Keys {
    let new = |kid: &str| Arc::new(SigningKey::generate(kid).unwrap());
    let (revoked, other) = (new("lsp-key-old"), new("other-1"));
    let url = format!("{}/admin/lsps/{}", server.admin, lsp.org_id);
    let known = server.get(&format!("/admin/lsps/{}", lsp.org_id)).await;
    let ours = key().await;
    let entry = |key: &SigningKey| json!({"kid": key.kid(), "publicKeyPem": key.public_key_pem()});
    let body =
        json!({"name": "L", "callbackBaseUrl": known["callbackBaseUrl"], "keys": [entry(&ours), entry(&revoked)]});
    assert!(server.http.put(&url).json(&body).send().await.unwrap().status().is_success());
    let gone = server.http.delete(format!("{url}/keys/{}", revoked.kid())).send().await.unwrap();
    assert!(gone.status().is_success());
    TestLsp::register_with(server, "LSP-OTHER", json!({}), Some(Arc::clone(&other))).await;
    Keys { strange: SigningKey::generate(ours.kid()).unwrap(), revoked, other }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_operation_takes_a_forged_message() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let keys = keys(&server, &lsp).await;
    let ours = key().await;
    let before = fingerprint::all(&server).await;
    for operation in OPERATIONS {
        let mut body = (operation.example)();
        body["metadata"] = lsp.metadata();
        for forgery in forgeries(&lsp, &ours, &keys, &body) {
            let ack = lsp.post(operation.request_path, forgery.bytes).await;
            let named = format!("{}: {}", operation.name, forgery.what);
            assert_eq!((ack.status, ack.error()), forgery.expected, "{named}: {}", ack.body);
            assert!(ack.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{named}");
        }
    }
    assert_eq!(fingerprint::all(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_stands_twice_is_refused() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let ours = key().await;
    let before = fingerprint::all(&server).await;
    for operation in OPERATIONS {
        let mut body = (operation.example)();
        body["metadata"] = lsp.metadata();
        let text = body.to_string();
        // Who signs one thing may not have another read: the first of two, or the last.
        let spoken_for = [("requestId", json!("REQ-OTHER")), ("metadata", json!({"orgId": "LSP-OTHER"}))];
        for (member, value) in spoken_for {
            let doubled = text.replacen('{', &format!("{{\"{member}\":{value},"), 1);
            let bytes = envelope(&ours, &header(ours.kid(), "RS512"), &doubled).to_string().into_bytes();
            let ack = lsp.post(operation.request_path, bytes).await;
            assert_eq!((ack.status, ack.error()), (400, "GEN5010"), "{} {member}: {}", operation.name, ack.body);
        }
    }
    assert_eq!(fingerprint::all(&server).await, before);
}
