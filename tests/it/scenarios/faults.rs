//! 09xx and fault rules: messages that are spoilt on purpose, and marked so.

use serde_json::{Value, json};

use super::{Scene, pan};
use crate::support::bodies::{self, path};
use crate::support::lsp::key;

/// A sandbox whose LSP listens at the built-in inbox, which keeps also what does not verify.
async fn scene() -> Scene {
    let scene = Scene::open().await;
    let key = key().await;
    let body = json!({
        "name": "An LSP that keeps everything",
        "callbackBaseUrl": format!("{}/sandbox/inbox/{}", scene.server.admin, scene.lsp.org_id),
        "keys": [{"kid": key.kid(), "publicKeyPem": key.public_key_pem()}],
    });
    let url = format!("{}/admin/lsps/{}", scene.server.admin, scene.lsp.org_id);
    let put = scene.server.http.put(url).json(&body).send().await.unwrap();
    assert!(put.status().is_success());
    scene
}

/// Files an application without waiting for its callback; gives its id and the request's.
async fn send(scene: &Scene, pan: &str) -> (String, String) {
    let id = bodies::id();
    let body = json!({"loanApplications": [bodies::application(&id, pan)]});
    let (request, ack) = scene.lsp.send(path::CREATE, body).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
    (id, request)
}

/// What the inbox got of a request, oldest first, once it is so many.
async fn got(scene: &Scene, request: &str, count: usize) -> Vec<Value> {
    let url = format!("/sandbox/inbox/{}?requestId={request}", scene.lsp.org_id);
    let items = async || scene.server.get(&url).await["items"].as_array().unwrap().clone();
    scene.server.until("the callbacks are there", async || items().await.len() >= count).await;
    items().await.into_iter().rev().collect()
}

/// The first callback about an application as operators see it, once a condition holds.
async fn sent(scene: &Scene, id: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let url = format!("/admin/applications/{}/{id}", scene.lsp.org_id);
    let first = async || scene.server.get(&url).await["sent"][0].clone();
    scene.server.until("the callback is as it should be", async || holds(&first().await)).await;
    first().await
}

fn was_tried(callback: &Value) -> bool {
    callback["tries"].as_array().is_some_and(|tries| !tries.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0901_makes_callbacks_a_minute_late() {
    let scene = scene().await;
    let (id, request) = send(&scene, &pan("0901")).await;
    let held = sent(&scene, &id, |callback| callback["injected"] == "delay").await;
    assert_eq!((&held["state"], &held["attempts"]), (&json!("pending"), &json!(0)), "{held}");
    scene.clock(json!({"advance": "PT61S"})).await;
    assert_eq!(got(&scene, &request, 1).await[0]["verified"], true);
    scene.timeline(&id, &["0901 from PAN of applicant"]).await;
    let history = scene.history(&id).await;
    assert!(
        history.iter().any(|what| what.starts_with("scenario 0901: ") && what.ends_with("injected")),
        "{history:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_does_not_shorten_the_delay_of_its_callback() {
    let scene = scene().await;
    let (id, request, bytes) = message(&scene, &pan("0901"));
    assert_eq!(post(&scene, &bytes).await.status(), 200);
    let held = sent(&scene, &id, |callback| callback["injected"] == "delay").await;
    assert_eq!(post(&scene, &bytes).await.status(), 200);
    // What comes after it is released after it.
    let (_, other) = send(&scene, &bodies::pan()).await;
    got(&scene, &other, 1).await;
    let still = sent(&scene, &id, |_| true).await;
    assert_eq!((&still["dueAt"], &still["attempts"]), (&held["dueAt"], &json!(0)), "{still}");
    assert!(got(&scene, &request, 0).await.is_empty());
    scene.clock(json!({"advance": "PT61S"})).await;
    got(&scene, &request, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0902_sends_the_same_bytes_three_times() {
    let scene = scene().await;
    let (id, request) = send(&scene, &pan("0902")).await;
    let copies = got(&scene, &request, 3).await;
    assert!(copies.iter().all(|copy| copy["body"] == copies[0]["body"] && copy["verified"] == true));
    let callback = sent(&scene, &id, was_tried).await;
    assert_eq!(callback["tries"][0]["injected"], "duplicate", "{callback}");
    scene.timeline(&id, &["0902 from PAN of applicant"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0903_turns_the_order_of_callbacks_round() {
    let scene = scene().await;
    let (id, first) = send(&scene, &pan("0903")).await;
    sent(&scene, &id, |callback| callback["injected"] == "reorder").await;
    let consent = json!({"consentFetchType": "ONETIME", "vua": "asha@aa.in"});
    let body = json!({"loanApplicationIds": [id], "consent": consent});
    let (second, _) = scene.lsp.send(path::CONSENT_HANDLE, body).await;
    let url = format!("/admin/applications/{}/{id}", scene.lsp.org_id);
    scene.server.until("both wait", async || scene.server.get(&url).await["sent"].as_array().unwrap().len() == 2).await;
    scene.clock(json!({"advance": "PT11S"})).await;
    got(&scene, &first, 1).await;
    got(&scene, &second, 1).await;
    let all = scene.server.get(&format!("/sandbox/inbox/{}", scene.lsp.org_id)).await;
    let order: Vec<&str> =
        all["items"].as_array().unwrap().iter().rev().map(|item| item["body"]["requestId"].as_str().unwrap()).collect();
    assert_eq!(order, [second.as_str(), first.as_str()]);
    scene.timeline(&id, &["0903 from PAN of applicant"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0904_acknowledges_and_never_calls_back() {
    let scene = scene().await;
    let (id, request) = send(&scene, &pan("0904")).await;
    let callback = sent(&scene, &id, was_tried).await;
    assert_eq!((&callback["state"], &callback["injected"]), (&json!("parked"), &json!("drop")), "{callback}");
    assert!(got(&scene, &request, 0).await.is_empty());
    scene.timeline(&id, &["0904 from PAN of applicant"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0905_breaks_the_signature() {
    let scene = scene().await;
    let (id, request) = send(&scene, &pan("0905")).await;
    let got = got(&scene, &request, 1).await;
    assert_eq!((&got[0]["signed"], &got[0]["verified"]), (&json!(true), &json!(false)), "{got:?}");
    assert_eq!(sent(&scene, &id, was_tried).await["tries"][0]["injected"], "brokenSignature");
    scene.timeline(&id, &["0905 from PAN of applicant"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0906_adds_members_that_nobody_knows() {
    let scene = scene().await;
    let (id, request) = send(&scene, &pan("0906")).await;
    let got = got(&scene, &request, 1).await;
    assert_eq!(got[0]["verified"], true);
    assert!(got[0]["body"]["sandboxUnknownMember"].is_object(), "{got:?}");
    scene.timeline(&id, &["0906 from PAN of applicant"]).await;
}

/// Posts bytes past the checks of [`crate::support::lsp`], which a fault would not pass.
async fn post(scene: &Scene, bytes: &[u8]) -> reqwest::Response {
    let request = scene.server.http.post(format!("{}{}", scene.server.url, path::CREATE));
    request.header("content-type", "application/json").body(bytes.to_vec()).send().await.unwrap()
}

/// An application that is filed in one message; gives its id, the message's request id and its bytes.
fn message(scene: &Scene, pan: &str) -> (String, String, Vec<u8>) {
    let id = bodies::id();
    let body = scene.lsp.complete(json!({"loanApplications": [bodies::application(&id, pan)]}));
    (id, body["requestId"].as_str().unwrap().to_owned(), scene.lsp.seal(&body))
}

async fn received(scene: &Scene, id: &str) -> Vec<Value> {
    let shown = scene.server.get(&format!("/admin/applications/{}/{id}", scene.lsp.org_id)).await;
    shown["received"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0907_fails_once_after_storing() {
    let scene = scene().await;
    let (id, request, bytes) = message(&scene, &pan("0907"));
    assert_eq!(post(&scene, &bytes).await.status(), 500);
    assert_eq!(post(&scene, &bytes).await.status(), 200);
    got(&scene, &request, 1).await;
    let received = received(&scene, &id).await;
    assert_eq!(received.len(), 1, "nothing is applied twice");
    assert_eq!(received[0]["injected"], "errorAfterStoring");
    let says = ["0907 from PAN of applicant", "0907: HTTP 500 once instead of the ack, injected"];
    scene.timeline(&id, &says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0908_refuses_once_in_the_ack() {
    let scene = scene().await;
    let id = bodies::id();
    let body = scene.lsp.complete(json!({"loanApplications": [bodies::application(&id, &pan("0908"))]}));
    let (_, refused) = scene.lsp.send(path::CREATE, body.clone()).await;
    assert_ne!(refused.error(), "0");
    assert!(refused.signed, "an ack of a message that verified is signed");
    let (_, accepted) = scene.lsp.send(path::CREATE, body).await;
    assert_eq!(accepted.error(), "0");
    assert_eq!(received(&scene, &id).await[0]["injected"], "errorAck");
    scene.timeline(&id, &["0908 from PAN of applicant"]).await;
    scene.set(&id, &["0908"]).await;
    let consent = json!({"consentFetchType": "ONETIME", "vua": "asha@aa.in"});
    let body = json!({"loanApplicationIds": [id], "consent": consent});
    let (_, refused) = scene.lsp.send(path::CONSENT_HANDLE, body).await;
    assert_ne!(refused.error(), "0", "set again, it strikes again");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0909_signs_later_callbacks_with_another_published_key() {
    let scene = scene().await;
    let (id, first) = send(&scene, &pan("0909")).await;
    assert_eq!(got(&scene, &first, 1).await[0]["verified"], true);
    let consent = json!({"consentFetchType": "ONETIME", "vua": "asha@aa.in"});
    let body = json!({"loanApplicationIds": [id], "consent": consent});
    let (second, _) = scene.lsp.send(path::CONSENT_HANDLE, body).await;
    assert_eq!(got(&scene, &second, 1).await[0]["verified"], true);
    let url = format!("/admin/applications/{}/{id}", scene.lsp.org_id);
    scene.server.until("it is settled", async || was_tried(&scene.server.get(&url).await["sent"][1])).await;
    let shown = scene.server.get(&url).await;
    assert!(shown["sent"][0]["injected"].is_null(), "{shown}");
    assert_eq!(shown["sent"][1]["tries"][0]["injected"], "rotatedKey", "{shown}");
    let keys = scene.server.http.get(format!("{}/.well-known/jwks.json", scene.server.url)).send().await.unwrap();
    let keys: Value = keys.json().await.unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "{keys}");
    scene.timeline(&id, &["0909 from PAN of applicant"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_rotated_yet_uses_up_no_strike() {
    let scene = scene().await;
    let rule = rule(&scene, json!({"match": {}, "fault": "rotatedKey", "count": 1})).await;
    let counted = async || {
        let rules = scene.server.get("/sandbox/faults").await;
        rules["items"].as_array().unwrap().iter().find(|one| one["id"] == rule["id"]).unwrap()["injected"].clone()
    };
    let (id, first) = send(&scene, &pan("0000")).await;
    got(&scene, &first, 1).await;
    assert_eq!(counted().await, 0, "nothing was signed before it");
    let body = json!({"loanApplicationIds": [id], "consent": {"consentFetchType": "ONETIME", "vua": "asha@aa.in"}});
    let (second, _) = scene.lsp.send(path::CONSENT_HANDLE, body).await;
    got(&scene, &second, 1).await;
    assert_eq!(counted().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_0910_answers_with_an_error() {
    let scene = scene().await;
    let (id, request) = send(&scene, &pan("0910")).await;
    let got = got(&scene, &request, 1).await;
    assert_ne!(got[0]["body"]["response"]["error"], "0", "{got:?}");
    assert!(got[0]["body"]["response"]["description"].is_string());
    scene.timeline(&id, &["0910 from PAN of applicant"]).await;
}

/// Sets a rule for the LSP; gives it.
async fn rule(scene: &Scene, mut rule: Value) -> Value {
    rule["match"]["orgId"] = json!(scene.lsp.org_id);
    let (status, answer) = scene.server.post("/sandbox/faults", &rule).await;
    assert_eq!(status, 201, "{answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outgoing_fault_strikes_and_is_marked() {
    let scene = scene().await;
    for (fault, verified) in [
        ("duplicate", Some(true)),
        ("brokenSignature", Some(false)),
        ("wrongKey", Some(false)),
        ("expiredKey", Some(false)),
        ("extraFields", Some(true)),
        ("errorResponse", Some(true)),
        ("slowBody", Some(true)),
        ("wrongContentType", Some(true)),
        ("connectionReset", Some(true)),
        ("alteredByte", None),
        ("missingHeader", None),
        ("drop", None),
    ] {
        rule(&scene, json!({"match": {"operation": "createLoanApplications"}, "fault": fault, "count": 1})).await;
        let (id, request) = send(&scene, &bodies::pan()).await;
        let callback = sent(&scene, &id, was_tried).await;
        assert_eq!(callback["tries"][0]["injected"], fault, "{callback}");
        if let Some(verified) = verified {
            assert_eq!(got(&scene, &request, 1).await[0]["verified"], verified, "{fault}");
        }
        scene.timeline(&id, &[&format!("fault {fault} injected into createLoanApplications")]).await;
    }
    let listed = scene.server.get("/sandbox/faults").await;
    assert!(listed["items"].as_array().unwrap().iter().all(|rule| rule["injected"] == 1), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_incoming_fault_says_whether_anything_was_stored() {
    let scene = scene().await;
    for (fault, status, stored) in [
        ("tooManyRequests", 429, false),
        ("errorBeforeStoring", 500, false),
        ("errorAfterStoring", 500, true),
        ("errorAck", 503, false),
        ("slowAck", 200, true),
    ] {
        let rule = rule(&scene, json!({"match": {}, "fault": fault, "count": 1, "delayMs": 50})).await;
        let (id, _, bytes) = message(&scene, &bodies::pan());
        let answer = post(&scene, &bytes).await;
        assert_eq!(answer.status(), status, "{fault}");
        assert_eq!(answer.headers().contains_key("retry-after"), matches!(status, 429 | 503), "{fault}");
        assert_eq!(!received(&scene, &id).await.is_empty(), stored, "{fault}");
        assert_eq!(post(&scene, &bytes).await.status(), 200, "the same message again is fine");
        assert_eq!(received(&scene, &id).await[0]["injected"], fault);
        let gone =
            scene.server.http.delete(format!("{}/sandbox/faults/{}", scene.server.admin, rule["id"].as_str().unwrap()));
        assert_eq!(gone.send().await.unwrap().status(), 204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_strikes_the_message_that_it_means() {
    let scene = scene().await;
    rule(&scene, json!({"match": {"nth": 2}, "fault": "extraFields"})).await;
    rule(&scene, json!({"match": {"loanApplicationId": "APP-OTHER"}, "fault": "drop"})).await;
    let soon = scene.server.app.clock.now() + chrono::Duration::hours(1);
    rule(&scene, json!({"match": {}, "fault": "drop", "until": soon})).await;
    scene.clock(json!({"advance": "PT2H"})).await;
    let mut struck = Vec::new();
    for _ in 0..3 {
        let (_, request) = send(&scene, &bodies::pan()).await;
        struck.push(got(&scene, &request, 1).await[0]["body"]["sandboxUnknownMember"].is_object());
    }
    assert_eq!(struck, [false, true, false]);
    let all = scene.server.http.delete(format!("{}/sandbox/faults", scene.server.admin)).send().await.unwrap();
    assert_eq!(all.status(), 204);
    assert_eq!(scene.server.get("/sandbox/faults").await["items"], json!([]));
    for nonsense in [
        json!({"fault": "noSuchFault"}),
        json!({"fault": "drop", "count": 0}),
        json!({"match": {}, "fault": "drop", "until": "2020-01-01T00:00:00Z"}),
        json!({"fault": "drop", "match": {"operation": "noSuchOperation"}}),
        json!({"fault": "slowAck", "delayMs": 3_600_000}),
        json!({"fault": "refuseTls", "match": {"orgId": "LSP-TEST"}}),
    ] {
        assert_eq!(scene.server.post("/sandbox/faults", &nonsense).await.0, 400, "{nonsense}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_refused_before_it_says_anything() {
    let scene = scene().await;
    let wanted = json!({"match": {"nth": 2}, "fault": "refuseTls", "count": 1});
    let (status, rule) = scene.server.post("/sandbox/faults", &wanted).await;
    assert_eq!(status, 201, "{rule}");
    let mut came = Vec::new();
    for _ in 0..3 {
        // Each request on a connection of its own.
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        came.push(client.get(format!("{}/health/live", scene.server.url)).send().await.is_ok());
    }
    assert_eq!(came, [true, false, true]);
    let listed = scene.server.get("/sandbox/faults").await;
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["injected"]), (&rule["id"], &json!(1)));
}
