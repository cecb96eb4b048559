//! "Check my signature" says what intake would say, and why.

use ocen_lender::jose::{HeaderMember, sign_flattened};
use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::lsp::TestLsp;
use crate::support::server::Server;

const CHECK: &str = "/admin/signature-check";

async fn checked(server: &Server, question: Value) -> Value {
    let (status, report) = server.post(CHECK, &question).await;
    assert_eq!(status, 200, "{report}");
    report
}

fn message(lsp: &TestLsp) -> Value {
    lsp.complete(json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]}))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_calls_verified_is_accepted_and_what_it_does_not_is_refused() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let good = lsp.seal(&message(&lsp));
    let text = String::from_utf8(good.clone()).unwrap();
    let payload = serde_json::from_str::<Value>(&text).unwrap()["payload"].as_str().unwrap().to_owned();
    let altered = text.replace(&payload, &payload.replacen("eyJ", "eyK", 1));

    let before = fingerprint::all(&server).await;
    let report = checked(&server, json!({"body": text})).await;
    assert_eq!((&report["verified"], &report["firstMismatch"]), (&json!(true), &Value::Null), "{report}");
    assert_eq!((&report["orgId"], &report["header"]["alg"]), (&json!("LSP-TEST"), &json!("RS512")));
    let report = checked(&server, json!({"body": altered})).await;
    assert_eq!((&report["verified"], &report["firstMismatch"]), (&json!(false), &json!("signature")), "{report}");
    assert_eq!(fingerprint::all(&server).await, before, "nothing is stored");

    assert_eq!(lsp.post(path::CREATE, altered.into_bytes()).await.error(), "AUTH1001");
    assert_eq!(lsp.post(path::CREATE, good).await.error(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_signed_over_pretty_json_is_told_so() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let message = message(&lsp);
    let key = lsp.key.as_ref().unwrap();
    let pretty = sign_flattened(key, HeaderMember::Header, &serde_json::to_vec_pretty(&message).unwrap()).unwrap();
    let compact = sign_flattened(key, HeaderMember::Header, &serde_json::to_vec(&message).unwrap()).unwrap();
    let [pretty, mut compact]: [Value; 2] = [pretty, compact].map(|body| serde_json::from_slice(&body).unwrap());
    compact["signature"] = pretty["signature"].clone();

    let report = checked(&server, json!({"body": compact.to_string()})).await;

    assert_eq!(report["firstMismatch"], "signature", "{report}");
    assert!(report["variant"].as_str().unwrap().contains("pretty-printed with two blanks"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_count_any_more_is_told() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let body = String::from_utf8(lsp.seal(&message(&lsp))).unwrap();
    let key = format!("{}/admin/lsps/LSP-TEST/keys/{}", server.admin, lsp.key.as_ref().unwrap().kid());
    assert!(server.http.delete(key).send().await.unwrap().status().is_success());

    let report = checked(&server, json!({"body": body})).await;
    assert_eq!(report["firstMismatch"], "key", "{report}");
    let other = checked(&server, json!({"body": body, "orgId": "LSP-OTHER"})).await;
    assert_eq!(other["firstMismatch"], "kid", "{other}");
    let given = json!({"body": body, "publicKeyPem": lsp.key.as_ref().unwrap().public_key_pem()});
    assert_eq!(checked(&server, given).await["verified"], json!(true));

    let (status, problem) = server.post(CHECK, &json!({"body": body, "publicKeyPem": "none"})).await;
    assert_eq!((status, &problem["pointer"]), (422, &json!("/publicKeyPem")));
    let strange = json!({"body": "{\"metadata\":{\"orgId\":\"a\\u0000b\"}}"});
    assert_eq!(checked(&server, strange).await["firstMismatch"], "envelope");
}
