//! What is refused in the ack: it says where and why, and leaves nothing behind.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::lsp::{Ack, TestLsp, key};
use crate::support::server::Server;

/// What an ack must say: HTTP status, code, JSON pointer (none when empty).
type Expected = (u16, &'static str, &'static str);

fn create() -> Value {
    json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]})
}

/// A message with members changed by their JSON pointers; null takes a member out.
fn changed(mut message: Value, changes: &[(&str, Value)]) -> Value {
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
async fn refused(server: &Server, lsp: &TestLsp, path: &str, bytes: Vec<u8>, expected: Expected) -> Ack {
    let before = fingerprint::all(server).await;
    let ack = lsp.post(path, bytes).await;
    let pointer = ack.body["pointer"].as_str().unwrap_or_default();
    assert_eq!((ack.status, ack.error(), pointer), expected, "{path}: {}", ack.body);
    assert!(ack.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", ack.body);
    assert_eq!(fingerprint::all(server).await, before, "{path}: {}", ack.body);
    ack
}

/// The same for a message, which is completed and signed.
async fn refused_message(server: &Server, lsp: &TestLsp, path: &str, body: Value, expected: Expected) -> Ack {
    let body = lsp.complete(body);
    let ack = refused(server, lsp, path, lsp.seal(&body), expected).await;
    assert!(ack.signed, "the message was genuine: {}", ack.body);
    ack
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_told_so() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let deep = format!("{{\"metadata\":{}1{}}}", "[".repeat(40), "]".repeat(40));

    for bytes in ["", "{", "[]", "null", "\"text\"", "{}{}", "{\"metadata\":{}} trailing", "not json", &deep] {
        refused(&server, &lsp, path::CREATE, bytes.into(), (400, "GEN5010", "")).await;
    }
    refused(&server, &lsp, path::CREATE, vec![b'{', 0xff, 0xfe, b'}'], (400, "GEN5010", "")).await;
    // The same inside a good signature.
    let key = key().await;
    for payload in ["", "[]", "{", "{} {}", &deep] {
        let bytes = ocen_lender::jose::sign_flattened(&key, lsp.member, payload.as_bytes()).unwrap();
        let ack = refused(&server, &lsp, path::CREATE, bytes, (400, "GEN5010", "")).await;
        assert!(ack.signed, "{payload}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_missing_member_of_an_application_is_pointed_at() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let long = json!("x".repeat(129));
    let cases: &[(&str, Value, &str)] = &[
        ("", Value::Null, "GEN5001"),
        ("", json!([]), "GEN5001"),
        ("", json!("applications"), "GEN5010"),
        ("/0/loanApplicationId", Value::Null, "GEN5001"),
        ("/0/loanApplicationId", json!(" "), "GEN5001"),
        ("/0/loanApplicationId", json!({"id": 1}), "GEN5010"),
        ("/0/loanApplicationId", json!("a\u{0}b"), "GEN5010"),
        ("/0/loanApplicationId", json!("a\nb"), "GEN5010"),
        ("/0/loanApplicationId", long, "GEN5007"),
        ("/0/type", Value::Null, "GEN5001"),
        ("/0/type", json!("YACHT"), "GEN5002"),
        ("/0/createdDate", json!("soon"), "GEN5010"),
        ("/0/borrower", Value::Null, "GEN5001"),
        ("/0/borrower", json!("Asha"), "GEN5010"),
        ("/0/borrower/primaryId", Value::Null, "GEN5001"),
        ("/0/borrower/primaryIdType", json!(""), "GEN5001"),
        ("/0/terms", Value::Null, "GEN5001"),
        ("/0/terms/requestedAmount", Value::Null, "GEN5001"),
        ("/0/terms/requestedAmount", json!("0.00"), "GEN5010"),
        ("/0/terms/requestedAmount", json!("-5"), "GEN5010"),
        ("/0/terms/requestedAmount", json!("1.005"), "GEN5010"),
        ("/0/terms/requestedAmount", json!(1e30), "GEN5010"),
        ("/0/terms/requestedAmount", json!("12345678901234"), "GEN5007"),
        ("/0/terms/currency", json!("USD"), "GEN5002"),
    ];
    for (place, value, code) in cases {
        let pointer = format!("/loanApplications{place}");
        let body = changed(create(), &[(&pointer, value.clone())]);
        let expected = (400, *code, &*Box::leak(pointer.into_boxed_str()));
        refused_message(&server, &lsp, path::CREATE, body, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_application_refuses_its_siblings_too() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let id = bodies::id();
    let twice = json!({"loanApplications": [bodies::application(&id, &bodies::pan()), bodies::application(&id, &bodies::pan())]});
    refused_message(&server, &lsp, path::CREATE, twice, (400, "GEN5010", "/loanApplications/1/loanApplicationId")).await;

    let many: Vec<Value> = (0..101).map(|_| bodies::application(&bodies::id(), "ABCPA1234C")).collect();
    refused_message(&server, &lsp, path::CREATE, json!({"loanApplications": many}), (400, "GEN5007", "/loanApplications"))
        .await;

    let ids = Flow { server: &server, lsp: &lsp }.file(1).await;
    let repeated = json!({"loanApplicationIds": [ids[0], ids[0]]});
    refused_message(&server, &lsp, path::GENERATE_OFFERS, repeated, (400, "GEN5010", "/loanApplicationIds/1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_says_which_member_it_misses() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let missing = |pointer| (400, "GEN5001", pointer);
    let id = json!({"loanApplicationId": "APP-1"});
    let with = |name: &str, value: Value| changed(id.clone(), &[(&format!("/{name}"), value)]);

    for (path, body, expected) in [
        (path::CONSENT_HANDLE, json!({"consent": {"vua": "a@aa"}}), missing("/loanApplicationIds")),
        (
            path::CONSENT_HANDLE,
            json!({"loanApplicationIds": ["A"], "consent": {"consentFetchType": "DAILY"}}),
            (400, "GEN5002", "/consent/consentFetchType"),
        ),
        (path::CONSENT_STATUS, json!({"consent": {}}), missing("/consent/consentHandle")),
        (path::GENERATE_OFFERS, json!({"loanApplicationIds": []}), missing("/loanApplicationIds")),
        (path::GENERATE_OFFERS, json!({"loanApplicationIds": ["A", ""]}), missing("/loanApplicationIds/1")),
        (path::SET_OFFER, id.clone(), missing("/offer/id")),
        (path::SET_OFFER, json!({"offer": {"id": "O"}}), missing("/loanApplicationId")),
        (path::SET_OFFER, with("offer", json!({"id": ["O"]})), (400, "GEN5010", "/offer/id")),
        (path::TRIGGER_ACCEPTANCE, json!({}), missing("/loanApplicationIds")),
        (
            path::TRIGGER_ACCEPTANCE,
            json!({"loanApplicationIds": ["A"], "credBlock": {"type": "ESIGN"}}),
            (400, "GEN5002", "/credBlock/type"),
        ),
        (path::VERIFY_ACCEPTANCE, json!({}), missing("/credBlock/data/otpSessionKey")),
        (
            path::VERIFY_ACCEPTANCE,
            json!({"credBlock": {"data": {"otpSessionKey": "S"}}}),
            missing("/credBlock/data/otp"),
        ),
        (path::GET_DISBURSEMENT_PLANS, json!({}), missing("/loanApplicationId")),
        (path::SET_DISBURSEMENT_PLAN, id.clone(), missing("/plan/id")),
        (path::GET_ACCOUNTS, json!({"loanId": null}), missing("/loanApplicationId")),
        (path::SET_ACCOUNT, id.clone(), missing("/account")),
        (path::GET_REPAYMENT_PLANS, json!({"loanId": ""}), missing("/loanApplicationId")),
        (path::SET_REPAYMENT_PLAN, with("plan", json!({})), missing("/plan/id")),
        (path::REPAYMENT_PLAN_STATUS, json!({}), missing("/plan/id")),
        (path::GRANT, json!({}), missing("/loanApplicationId")),
        (path::TRIGGER_DISBURSEMENT, json!({"payment": {"id": "P"}}), missing("/loanId")),
        (path::TRIGGER_DISBURSEMENT, json!({"loanId": "L"}), missing("/payment/id")),
        (path::DISBURSEMENT_STATUS, json!({}), missing("/loanId")),
        (path::LOOKUP, json!({}), missing("/lookupType")),
    ] {
        refused_message(&server, &lsp, path, body, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_envelope_is_checked_too() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    for (pointer, value, code, status) in [
        ("/metadata/orgId", Value::Null, "GEN5001", 400),
        ("/metadata/traceId", Value::Null, "GEN5001", 400),
        ("/metadata/traceId", json!("t".repeat(129)), "GEN5007", 400),
        ("/metadata/version", json!(["1.0"]), "GEN5010", 400),
        ("/requestId", json!(""), "GEN5001", 400),
        ("/requestId", json!("r".repeat(129)), "GEN5007", 400),
        ("/requestId", json!({}), "GEN5010", 400),
    ] {
        let body = changed(lsp.complete(create()), &[(pointer, value)]);
        let seal = lsp.seal(&body);
        refused(&server, &lsp, path::CREATE, seal, (status, code, pointer)).await;
    }
    let strict = TestLsp::register_with(&server, "LSP-STRICT", json!({"acceptedVersions": ["1.0"]}), Some(key().await)).await;
    let body = changed(strict.complete(create()), &[("/metadata/version", json!("9.9"))]);
    refused_message(&server, &strict, path::CREATE, body, (400, "GEN5005", "/metadata/version")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_is_named_and_may_come_true() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let known = flow.file(1).await.remove(0);
    let late = bodies::id();
    let offers = lsp.complete(json!({"loanApplicationIds": [known, late, "APP-NEVER"]}));

    let ack = refused_message(&server, &lsp, path::GENERATE_OFFERS, offers, (404, "GEN5009", "/loanApplicationIds")).await;
    let detail = ack.body["detail"].as_str().unwrap();
    assert!(detail.contains(&late) && detail.contains("APP-NEVER") && !detail.contains(&known), "{detail}");

    let again = lsp.complete(json!({"loanApplicationIds": [known, late]}));
    refused_message(&server, &lsp, path::GENERATE_OFFERS, again.clone(), (404, "GEN5009", "/loanApplicationIds")).await;
    lsp.ask(path::CREATE, json!({"loanApplications": [bodies::application(&late, &bodies::pan())]})).await;
    let (request_id, ack) = lsp.send(path::GENERATE_OFFERS, again).await;
    assert_eq!(ack.error(), "0", "the requestId was not used up: {}", ack.body);
    assert_eq!(lsp.callback(&request_id).await["loanApplications"].as_array().unwrap().len(), 2);
}

/// A request for each kind of id.
fn asking_for(application: &str, handle: &str, plan: &str, loan: &str, payment: &str) -> Vec<(&'static str, Value)> {
    let subject = json!({"loanApplicationId": application});
    let planned = json!({"loanApplicationId": application, "plan": {"id": plan}});
    vec![
        (path::CONSENT_HANDLE, json!({"loanApplicationIds": [application], "consent": {"vua": "a@aa"}})),
        (path::CONSENT_STATUS, json!({"consent": {"consentHandle": handle}})),
        (path::GENERATE_OFFERS, json!({"loanApplicationIds": [application]})),
        (path::SET_OFFER, json!({"loanApplicationId": application, "offer": {"id": "O"}})),
        (path::TRIGGER_ACCEPTANCE, json!({"loanApplicationIds": [application]})),
        (path::GET_DISBURSEMENT_PLANS, subject.clone()),
        (path::SET_DISBURSEMENT_PLAN, planned.clone()),
        (path::GET_ACCOUNTS, json!({"loanId": loan})),
        (path::SET_ACCOUNT, json!({"loanId": loan, "account": bodies::account(bodies::ACCOUNT, bodies::NAME)})),
        (path::GET_REPAYMENT_PLANS, json!({"loanId": application})),
        (path::SET_REPAYMENT_PLAN, planned),
        (path::REPAYMENT_PLAN_STATUS, json!({"plan": {"id": plan}})),
        (path::GRANT, subject),
        (path::TRIGGER_DISBURSEMENT, json!({"loanId": loan, "payment": {"id": "P", "totalAmount": "1.00"}})),
        (path::DISBURSEMENT_STATUS, json!({"payment": {"id": payment}})),
        (path::DISBURSEMENT_STATUS, json!({"loanId": loan, "payment": {"id": payment}})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn another_lsps_ids_are_as_unknown_as_any() {
    let server = Server::start().await;
    let owner = server.lsp().await;
    let spy = TestLsp::register(&server, "LSP-SPY").await;
    let flow = Flow { server: &server, lsp: &owner };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    let handle = server.app.pool.acquire().await.unwrap();
    let handle = consent_handle(handle).await;
    let plan = loan.offer["repayment"]["plans"][0]["id"].as_str().unwrap();

    let real = asking_for(&loan.application, &handle, plan, &loan.loan_id, "DISB-1");
    let invented = asking_for("APP-NEVER", "CH-NEVER", "RP-NEVER", "LON-NEVER", "DISB-NEVER");
    let before = fingerprint::all(&server).await;
    for ((path, real), (_, invented)) in real.into_iter().zip(invented) {
        let mut answers = Vec::new();
        for body in [real, invented] {
            let (_, ack) = spy.send(path, body).await;
            assert_eq!((ack.status, ack.error()), (404, "GEN5009"), "{path}: {}", ack.body);
            answers.push(unnamed(&ack));
        }
        assert_eq!(answers[0], answers[1], "{path}");
    }
    assert_eq!(fingerprint::all(&server).await, before);
}

async fn consent_handle(mut conn: sqlx::pool::PoolConnection<sqlx::Postgres>) -> String {
    use sqlx::{Executor as _, Row as _};
    conn.fetch_one("select value from reference where kind = 'CONSENT' limit 1").await.unwrap().get(0)
}

/// An ack without what differs by nature: trace, time, and the ids that the message itself named.
fn unnamed(ack: &Ack) -> Value {
    let mut body = ack.body.clone();
    let detail = body["detail"].as_str().unwrap().split(':').next().unwrap().to_owned();
    body["detail"] = json!(detail);
    body.as_object_mut().unwrap().retain(|name, _| !["traceId", "timestamp"].contains(&name.as_str()));
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ids_in_one_message_must_belong_together() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loans = Flow { server: &server, lsp: &lsp }.granted(2).await;
    let crossed = json!({"loanId": loans[0].loan_id, "loanApplicationId": loans[1].application});
    let plan = loans[0].offer["repayment"]["plans"][0]["id"].clone();

    for (path, extra) in [
        (path::GET_DISBURSEMENT_PLANS, json!({})),
        (path::GET_ACCOUNTS, json!({})),
        (path::GET_REPAYMENT_PLANS, json!({})),
        (path::SET_REPAYMENT_PLAN, json!({"id": plan})),
        (path::SET_ACCOUNT, bodies::account(bodies::ACCOUNT, bodies::NAME)),
    ] {
        let body = changed(crossed.clone(), &[("/plan", extra.clone()), ("/account", extra)]);
        refused_message(&server, &lsp, path, body, (404, "GEN5009", "/loanId")).await;
    }
    let together = json!({"loanId": loans[0].loan_id, "loanApplicationId": loans[0].application});
    assert_eq!(lsp.ask(path::GET_REPAYMENT_PLANS, together).await["response"]["error"], "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_stands_for_one_body() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let first = lsp.complete(create());
    let (request_id, _) = lsp.send(path::CREATE, first.clone()).await;
    lsp.callback(&request_id).await;

    let pointer = "/loanApplications/0/terms/requestedAmount";
    let other = changed(first.clone(), &[(pointer, json!("60000.00")), ("/metadata", lsp.metadata())]);
    refused_message(&server, &lsp, path::CREATE, other, (409, "GEN5008", "/requestId")).await;

    // The same id on another call, or from another LSP, is another id.
    let lookup = json!({"requestId": request_id, "lookupType": "LOAN_TYPE"});
    assert_eq!(lsp.send(path::LOOKUP, lookup).await.1.error(), "0");
    let neighbour = TestLsp::register(&server, "LSP-NEXT").await;
    let same = changed(first, &[("/metadata", neighbour.metadata())]);
    assert_eq!(neighbour.send(path::CREATE, same).await.1.error(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_a_size() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let padded = |bytes: usize| changed(create(), &[("/loanApplications/0/description", json!("x".repeat(bytes)))]);
    let lookup = |bytes: usize| lsp.complete(json!({"lookupType": "LOAN_TYPE", "note": "x".repeat(bytes)}));

    for (path, body) in [(path::CREATE, lsp.complete(padded(11 << 20))), (path::LOOKUP, lookup(300 << 10))] {
        refused(&server, &lsp, path, lsp.seal(&body), (413, "GEN5013", "")).await;
    }
    assert_eq!(lsp.send(path::LOOKUP, lookup(100 << 10)).await.1.error(), "0");
    assert_eq!(lsp.send(path::CREATE, padded(2 << 20)).await.1.error(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_itself_is_checked() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let message = lsp.seal(&lsp.complete(create()));
    let before = fingerprint::all(&server).await;
    let url = |path: &str| format!("{}{path}", server.url);
    let post = |path: &str, kind: &str| server.http.post(url(path)).header("content-type", kind).body(message.clone());
    let json = "application/json";

    for (what, request, expected) in [
        ("text", post(path::CREATE, "text/plain"), (415, "GEN5012")),
        ("a form", post(path::CREATE, "application/x-www-form-urlencoded"), (415, "GEN5012")),
        ("compressed", post(path::CREATE, json).header("content-encoding", "gzip"), (415, "GEN5012")),
        ("GET", server.http.get(url(path::CREATE)), (405, "GEN5003")),
        ("PUT", server.http.put(url(path::GRANT)).body(message.clone()), (405, "GEN5003")),
        ("DELETE", server.http.delete(url(path::LOOKUP)), (405, "GEN5003")),
        ("an unknown call", post("/v3/loan/forgiveLoanRequest", json), (404, "GEN5011")),
        ("our own answer's path", post("/v3/offer/setOfferResponse", json), (404, "GEN5011")),
        ("another version", post("/v4/offer/setOfferRequest", json), (404, "GEN5011")),
        ("an operator's path", post("/admin/lsps", json), (404, "GEN5011")),
    ] {
        let answer = request.send().await.unwrap();
        let (status, allow) = (answer.status().as_u16(), answer.headers().get("allow").cloned());
        let ack: Value = answer.json().await.unwrap();
        assert_eq!((status, ack["error"].as_str().unwrap()), expected, "{what}: {ack}");
        assert!(ack["traceId"].is_string() && ack["timestamp"].is_string() && ack["detail"].is_string(), "{what}: {ack}");
        assert_eq!(allow.is_some_and(|allow| allow == "POST"), status == 405, "{what}");
    }
    assert_eq!(fingerprint::all(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_later_milestone_say_that_they_are_not_there_yet() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let later: Vec<_> = ocen_lender::protocol::OPERATIONS.iter().filter(|operation| !operation.served).collect();
    assert_eq!(later.len(), 9);
    for operation in later {
        let body = json!({"loanId": "LON-1"});
        refused_message(&server, &lsp, operation.request_path, body, (503, "GEN5004", "")).await;
    }
    let unsigned = lsp.complete(json!({"loanId": "LON-1"})).to_string().into_bytes();
    refused(&server, &lsp, "/v3/loan/getLoanRequest", unsigned, (401, "AUTH1001", "")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_broken_clients_harm_nobody() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let address: SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
    let message = lsp.seal(&lsp.complete(create()));
    let head = format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", path::CREATE, message.len());
    let half_body = [head.as_bytes(), &message[..message.len() / 2]].concat();
    let before = fingerprint::all(&server).await;

    let mut slow = Vec::new();
    for part in [b"POST /v3/loan/gra".as_slice(), &half_body].repeat(20) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(part).await.unwrap();
        slow.push(stream);
    }
    let (_, ack) = lsp.send(path::LOOKUP, json!({"lookupType": "LOAN_TYPE"})).await;
    assert_eq!(ack.error(), "0", "others are served meanwhile");

    // Who hangs up in the middle of a body hears nothing or a refusal, never an acceptance.
    for mut stream in slow {
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    for garbage in ["\r\n\r\n", "GET\r\n\r\n", "POST / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(garbage.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{garbage:?}: {answer}");
    }
    let after = fingerprint::all(&server).await;
    for table in ["application", "event", "loan"] {
        assert_eq!(after[table], before[table], "{table}");
    }
}
