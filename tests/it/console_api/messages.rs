//! One message, byte by byte.

use ocen_lender::config::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::operators::{self, audited, call_because, get};
use crate::support::server::Server;

/// Outcomes by name.
fn outcome<'a>(message: &'a Value, name: &str) -> &'a str {
    let checks = message["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    check.and_then(|check| check["outcome"].as_str()).unwrap_or("not made")
}

/// The id of the first message of a kind and an operation.
async fn id_of(server: &Server, application: &str, (kind, operation): (&str, &str)) -> String {
    let page = server.get(&format!("/admin/applications/LSP-TEST/{application}/timeline?limit=500")).await;
    let items = page["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["kind"] == kind && item["operation"] == operation);
    item.unwrap_or_else(|| panic!("{kind} {operation} in {page}"))["messageId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_shows_its_bytes_and_what_each_check_comes_to() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let application = bodies::id();
    let body = lsp.complete(json!({"loanApplications": [bodies::application(&application, &bodies::pan())]}));
    let bytes = lsp.seal(&body);
    lsp.post(path::CREATE, bytes.clone()).await;

    let id = id_of(&server, &application, ("request", "createLoanApplications")).await;
    let message = server.get(&format!("/admin/messages/{id}")).await;
    assert_eq!((&message["id"], &message["direction"]), (&json!(id), &json!("in")), "{message}");
    assert_eq!(message["bytes"]["text"].as_str().unwrap().as_bytes(), bytes);
    assert_eq!(message["body"], body);
    assert_eq!(message["loanApplicationIds"], json!([application]));
    assert_eq!((&message["jws"]["alg"], &message["jws"]["protected"]["alg"]), (&json!("RS512"), &json!("RS512")));
    assert_eq!(message["jws"]["signingInputSha256"].as_str().unwrap().len(), 64);
    for check in ["size", "json", "jws", "key", "signature", "orgId", "metadata", "schema"] {
        assert_eq!(outcome(&message, check), "passed", "{check}: {}", message["checks"]);
    }
    assert_eq!(message["schemaDifferences"], json!([]));
    let curl = message["curl"].as_str().unwrap();
    assert!(curl.contains(&format!("{}{}", server.url, path::CREATE)) && curl.contains("--data-raw '{"), "{curl}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_does_what_was_done() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let application = flow.file(1).await.remove(0);
    let id = id_of(&server, &application, ("request", "createLoanApplications")).await;
    let curl = server.get(&format!("/admin/messages/{id}")).await["curl"].as_str().unwrap().to_owned();
    let sent = tokio::process::Command::new("sh").args(["-c", &curl]).output().await.unwrap();
    let ack = String::from_utf8(sent.stdout).unwrap();
    assert!(ack.contains("payload") && ack.contains("signature"), "a signed ack: {ack}");
    let answers =
        || lsp.inbox.all().into_iter().filter(|callback| callback.path.ends_with("createLoanApplicationsResponse"));
    server.until("the repetition is answered once more", || async { answers().count() == 2 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_from_the_schema_or_came_too_early_is_told() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let application = flow.file(1).await.remove(0);
    // Taken leniently, and not what is published.
    let body = json!({"loanApplicationId": application, "offer": {"id": 17}});
    let (request, _) = lsp.send(path::SET_OFFER, body).await;
    lsp.callback(&request).await;

    let id = id_of(&server, &application, ("request", "setOffer")).await;
    let message = server.get(&format!("/admin/messages/{id}")).await;
    assert_eq!((outcome(&message, "schema"), outcome(&message, "sequence")), ("passed", "failed"), "{message}");
    let differs = message["schemaDifferences"].as_array().unwrap();
    assert!(differs.iter().any(|one| one["pointer"] == "/offer/id"), "{differs:?}");
    let revoked = format!("{}/admin/lsps/LSP-TEST/keys/{}", server.admin, message["jws"]["kid"].as_str().unwrap());
    server.http.delete(revoked).send().await.unwrap();
    let later = server.get(&format!("/admin/messages/{id}")).await;
    assert_eq!(outcome(&later, "key"), "passed", "it counted when the message came: {later}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_shows_what_goes_out_and_its_tries() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let application = flow.file(1).await.remove(0);
    crate::support::fingerprint::at_rest(&server).await;
    let id = id_of(&server, &application, ("callback", "createLoanApplications")).await;
    let message = server.get(&format!("/admin/messages/{id}")).await;
    assert_eq!((&message["direction"], &message["remade"]), (&json!("out"), &json!(false)), "{message}");
    let got = lsp.inbox.all().remove(0);
    assert_eq!(message["bytes"]["text"], String::from_utf8_lossy(&got.raw).as_ref(), "byte for byte what was sent");
    let sent = &message["attempts"][0]["sent"];
    assert_eq!(
        (&sent["timestamp"], &sent["kid"]),
        (&got.body["metadata"]["timestamp"], &message["jws"]["kid"]),
        "{sent}"
    );
    let got = got.body;
    assert_eq!(message["body"]["loanApplications"], got["loanApplications"]);
    assert_eq!(message["body"]["metadata"]["traceId"], got["metadata"]["traceId"]);
    for check in ["jws", "schema", "ack"] {
        assert_eq!(outcome(&message, check), "passed", "{check}: {message}");
    }
    let tries = message["attempts"].as_array().unwrap();
    assert_eq!((tries.len(), &tries[0]["status"], &tries[0]["answer"]["error"]), (1, &json!(200), &json!("0")));
    assert!(message["curl"].as_str().unwrap().contains("createLoanApplicationsResponse"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_to_a_port_can_be_read() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    flow.consent(&ids, "ONETIME").await;
    let id = id_of(&server, &ids[0], ("ask", "consent-create")).await;
    let message = server.get(&format!("/admin/messages/{id}")).await;
    assert_eq!(
        (&message["direction"], &message["port"], &message["outcome"]),
        (&json!("ask"), &json!("data"), &json!("done"))
    );
    assert!(message["bytes"]["text"].as_str().unwrap().contains("asha@aa.in"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn persons_are_masked_until_somebody_says_why_he_must_see_them() {
    let server = operators::with(&[("vera", &[Role::Viewer]), ("omar", &[Role::Operator])]).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let pan = bodies::pan();
    let application = flow.file_for(&pan, 1).await.remove(0);
    let (_, page) = get(&server, "vera", &format!("/admin/applications/LSP-TEST/{application}/timeline")).await;
    let id = page["items"][0]["messageId"].as_str().unwrap().to_owned();
    let path = format!("/admin/messages/{id}");

    let (status, masked) = get(&server, "vera", &path).await;
    let text = masked.to_string();
    for secret in [pan.as_str(), bodies::PHONE, bodies::NAME, "asha.v@example.in"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!((status, outcome(&masked, "signature"), &masked["masked"]), (200, "passed", &json!(true)));
    assert_eq!(masked["body"]["loanApplications"][0]["loanApplicationId"], json!(application));
    assert_eq!(get(&server, "vera", &format!("{path}?reveal=true")).await.0, 403);
    assert_eq!(get(&server, "omar", &format!("{path}?reveal=true")).await.0, 400, "without a reason");
    let reveal = format!("{path}?reveal=true");
    let (_, full) = call_because(&server, "omar", (Method::GET, &reveal), None, Some("complaint 77")).await;
    assert!(full["body"].to_string().contains(&pan), "{full}");
    let entry = audited(&server).await.remove(0);
    assert_eq!((&entry["action"], &entry["subject"]["id"]), (&json!("PII_REVEALED"), &json!(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let application = Flow { server: &server, lsp: &lsp }.file(1).await.remove(0);
    let id = id_of(&server, &application, ("request", "createLoanApplications")).await;
    for wrong in
        ["7", "0190d3a0-0000-7000-8000-000000000000", &format!("{id}.2"), &format!("{id}.x"), &format!("{id}.0")]
    {
        let answer = server.http.get(format!("{}/admin/messages/{wrong}", server.admin)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{wrong}");
    }
}
