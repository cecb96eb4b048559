//! What is refused in the ack: it says where and why, and leaves nothing behind.

use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::{TestLsp, key, key_of};
use crate::support::refusal::{changed, refused, refused_message};
use crate::support::server::Server;

fn create() -> Value {
    json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]})
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
        ("/0/terms/requestedAmount", json!(1e30), "GEN5007"),
        ("/0/terms/requestedAmount", json!("12345678901234"), "GEN5007"),
        ("/0/terms/currency", json!("USD"), "GEN5002"),
    ];
    for (place, value, code) in cases {
        let pointer = format!("/loanApplications{place}");
        let body = changed(create(), &[(&pointer, value.clone())]);
        refused_message(&server, &lsp, path::CREATE, body, (400, code, &pointer)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_application_refuses_its_siblings_too() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let id = bodies::id();
    let twice = json!({"loanApplications": [bodies::application(&id, &bodies::pan()), bodies::application(&id, &bodies::pan())]});
    refused_message(&server, &lsp, path::CREATE, twice, (400, "GEN5010", "/loanApplications/1/loanApplicationId"))
        .await;

    let many: Vec<Value> = (0..101).map(|_| bodies::application(&bodies::id(), "ABCPA1234C")).collect();
    refused_message(
        &server,
        &lsp,
        path::CREATE,
        json!({"loanApplications": many}),
        (400, "GEN5007", "/loanApplications"),
    )
    .await;

    let ids = Flow { server: &server, lsp: &lsp }.file(1).await;
    let repeated = json!({"loanApplicationIds": [ids[0], ids[0]]});
    refused_message(&server, &lsp, path::GENERATE_OFFERS, repeated, (400, "GEN5010", "/loanApplicationIds/1")).await;
}

/// A message that lacks something, the code, and the place of what it lacks.
const INCOMPLETE: &[(&str, &str, &str, &str)] = &[
    (path::CONSENT_HANDLE, r#"{"consent": {"vua": "a@aa"}}"#, "GEN5001", "/loanApplicationIds"),
    (
        path::CONSENT_HANDLE,
        r#"{"loanApplicationIds": ["A"], "consent": {"consentFetchType": "DAILY"}}"#,
        "GEN5002",
        "/consent/consentFetchType",
    ),
    (path::CONSENT_HANDLE, r#"{"loanApplicationIds": ["A"], "consent": {"vua": ["a@aa"]}}"#, "GEN5010", "/consent/vua"),
    (path::CONSENT_STATUS, r#"{"consent": {}}"#, "GEN5001", "/consent/consentHandle"),
    (path::GENERATE_OFFERS, r#"{"loanApplicationIds": []}"#, "GEN5001", "/loanApplicationIds"),
    (path::GENERATE_OFFERS, r#"{"loanApplicationIds": ["A", ""]}"#, "GEN5001", "/loanApplicationIds/1"),
    (path::SET_OFFER, r#"{"loanApplicationId": "A"}"#, "GEN5001", "/offer/id"),
    (path::SET_OFFER, r#"{"offer": {"id": "O"}}"#, "GEN5001", "/loanApplicationId"),
    (path::SET_OFFER, r#"{"loanApplicationId": "A", "offer": {"id": ["O"]}}"#, "GEN5010", "/offer/id"),
    (path::TRIGGER_ACCEPTANCE, "{}", "GEN5001", "/loanApplicationIds"),
    (
        path::TRIGGER_ACCEPTANCE,
        r#"{"loanApplicationIds": ["A"], "credBlock": {"type": "ESIGN"}}"#,
        "GEN5002",
        "/credBlock/type",
    ),
    (path::VERIFY_ACCEPTANCE, "{}", "GEN5001", "/credBlock/data/otpSessionKey"),
    (path::VERIFY_ACCEPTANCE, r#"{"credBlock": {"data": {"otpSessionKey": "S"}}}"#, "GEN5001", "/credBlock/data/otp"),
    (path::GET_DISBURSEMENT_PLANS, "{}", "GEN5001", "/loanApplicationId"),
    (path::SET_DISBURSEMENT_PLAN, r#"{"loanApplicationId": "A"}"#, "GEN5001", "/plan/id"),
    (path::GET_ACCOUNTS, r#"{"loanId": null}"#, "GEN5001", "/loanApplicationId"),
    (path::SET_ACCOUNT, r#"{"loanApplicationId": "A"}"#, "GEN5001", "/account"),
    (path::GET_REPAYMENT_PLANS, r#"{"loanId": ""}"#, "GEN5001", "/loanApplicationId"),
    (path::SET_REPAYMENT_PLAN, r#"{"loanApplicationId": "A", "plan": {}}"#, "GEN5001", "/plan/id"),
    (path::REPAYMENT_PLAN_STATUS, "{}", "GEN5001", "/plan/id"),
    (path::GRANT, "{}", "GEN5001", "/loanApplicationId"),
    (path::TRIGGER_DISBURSEMENT, r#"{"payment": {"id": "P"}}"#, "GEN5001", "/loanId"),
    (path::TRIGGER_DISBURSEMENT, r#"{"loanId": "L"}"#, "GEN5001", "/payment/id"),
    (path::DISBURSEMENT_STATUS, "{}", "GEN5001", "/loanId"),
    (path::TRIGGER_REPAYMENT, "{}", "GEN5001", "/loanId"),
    (
        path::TRIGGER_REPAYMENT,
        r#"{"loanId": "L", "payment": {"extensibleData": {"purpose": "GIFT"}}}"#,
        "GEN5002",
        "/payment/extensibleData/purpose",
    ),
    (
        path::TRIGGER_REPAYMENT,
        r#"{"loanId": "L", "payment": {"extensibleData": {"purpose": "prepayment"}}}"#,
        "GEN5001",
        "/payment/totalAmount",
    ),
    (path::REPAYMENT_STATUS, r#"{"payment": {}}"#, "GEN5001", "/loanId"),
    (path::CONFIRM_REPAYMENT, "{}", "GEN5001", "/loanId"),
    (path::LOAN_SUMMARY, "{}", "GEN5001", "/loanId"),
    (path::GET_LOAN, r#"{"loanId": null}"#, "GEN5001", "/loanId"),
    (path::LOAN_STATEMENT, r#"{"loanId": "L", "endDate": "2026-02-30"}"#, "GEN5010", "/endDate"),
    (path::LIST_LOANS, r#"{"borrower": {}}"#, "GEN5001", "/borrower/primaryId"),
    (path::RAISE_DISPUTE, r#"{"loanId": "L"}"#, "GEN5001", "/dispute/description"),
    (path::DISPUTE_STATUS, "{}", "GEN5001", "/dispute/id"),
    (path::LOOKUP, "{}", "GEN5001", "/lookupType"),
    (path::ERROR_CODES, r#"{"errorCode": ["SDP1001"]}"#, "GEN5010", "/errorCode"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_call_says_which_member_it_misses() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    for (path, body, code, pointer) in INCOMPLETE {
        let body = serde_json::from_str(body).unwrap();
        refused_message(&server, &lsp, path, body, (400, code, pointer)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_needs_the_borrower_s_address_unless_it_was_told_before() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let asked = |vua: Value| json!({"loanApplicationIds": ids, "consent": {"consentFetchType": "ONETIME", "vua": vua}});

    for nothing in [Value::Null, json!(" ")] {
        let place = (400, "GEN5001", "/consent/vua");
        refused_message(&server, &lsp, path::CONSENT_HANDLE, asked(nothing), place).await;
    }
    let unknown = json!({"loanApplicationIds": ["NONE"], "consent": {}});
    refused_message(&server, &lsp, path::CONSENT_HANDLE, unknown, (404, "GEN5009", "/loanApplicationIds")).await;

    let told = lsp.ask(path::CONSENT_HANDLE, asked(json!("asha@aa.in"))).await;
    let again = lsp.ask(path::CONSENT_HANDLE, asked(Value::Null)).await;
    assert_eq!(again["consent"]["vua"], "asha@aa.in", "{again}");
    assert_eq!(again["consent"]["consentHandle"], told["consent"]["consentHandle"], "{again}");
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
    let (settings, own) = (json!({"acceptedVersions": ["1.0"]}), key_of("LSP-STRICT").await);
    let strict = TestLsp::register_with(&server, "LSP-STRICT", settings, Some(own)).await;
    let body = changed(strict.complete(create()), &[("/metadata/version", json!("9.9"))]);
    refused_message(&server, &strict, path::CREATE, body, (400, "GEN5005", "/metadata/version")).await;
}
