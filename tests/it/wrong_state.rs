//! A request that comes too early or too late is answered by callback, with its code, and changes nothing.

use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::lsp::TestLsp;
use crate::support::server::Server;

/// Asks, expects the code in the callback, and looks whether any application or loan changed.
async fn answered(server: &Server, lsp: &TestLsp, path: &str, body: Value, code: &str) -> Value {
    let before = fingerprint::state(server).await;
    let answer = lsp.ask(path, body).await;
    let error = answer["response"]["error"].as_str().unwrap();
    assert_eq!(error, code, "{path}: {answer}");
    if error != "0" {
        assert!(answer["response"]["description"].as_str().is_some_and(|text| !text.is_empty()), "{path}: {answer}");
    }
    assert_eq!(fingerprint::state(server).await, before, "{path}");
    answer
}

/// Requests that come too early for the application `$`: the code, and what the answer says in one place.
const TOO_EARLY: &[(&str, &str, &str, &str, &str)] = &[
    (
        path::CONSENT_HANDLE,
        r#"{"loanApplicationIds": ["$"], "consent": {"consentFetchType": "PERIODIC", "vua": "a@aa"}}"#,
        "CHRQ1001",
        "/consent/consentStatus",
        r#""FAILED""#,
    ),
    (
        path::GENERATE_OFFERS,
        r#"{"loanApplicationIds": ["$"]}"#,
        "GORQ1001",
        "/loanApplications/0/loanApplicationStatus",
        r#""PROCESSING""#,
    ),
    (
        path::SET_OFFER,
        r#"{"loanApplicationId": "$", "offer": {"id": "OFF-1"}}"#,
        "SORQ1003",
        "/loanApplicationStatus",
        r#""PROCESSING""#,
    ),
    (
        path::TRIGGER_ACCEPTANCE,
        r#"{"loanApplicationIds": ["$"]}"#,
        "TLARQ1001",
        "/credBlock/data/status",
        r#""INVALID_SESSION""#,
    ),
    (
        path::VERIFY_ACCEPTANCE,
        r#"{"credBlock": {"data": {"otpSessionKey": "OTPS-NEVER", "otp": "123456"}}}"#,
        "VLARQ1001",
        "/credBlock/data/status",
        r#""INVALID_SESSION""#,
    ),
    (path::GET_DISBURSEMENT_PLANS, r#"{"loanApplicationId": "$"}"#, "SDP1002", "/plans", "[]"),
    (
        path::SET_DISBURSEMENT_PLAN,
        r#"{"loanApplicationId": "$", "plan": {"id": "DP-1"}}"#,
        "SDP1002",
        "/plan/id",
        r#""DP-1""#,
    ),
    (path::GET_ACCOUNTS, r#"{"loanApplicationId": "$"}"#, "SDA1002", "/accountList", "[]"),
    (
        path::SET_ACCOUNT,
        r#"{"loanApplicationId": "$", "account": {"accountDataType": "VPA", "data": {"vpa": "asha@bank"}}}"#,
        "SDA1002",
        "/account/status",
        r#""INACTIVE""#,
    ),
    (path::GET_REPAYMENT_PLANS, r#"{"loanApplicationId": "$"}"#, "SRP1002", "/plans", "[]"),
    (
        path::SET_REPAYMENT_PLAN,
        r#"{"loanApplicationId": "$", "plan": {"id": "RP-1"}}"#,
        "SRP1002",
        "/plan/id",
        r#""RP-1""#,
    ),
    (path::GRANT, r#"{"loanApplicationId": "$"}"#, "GLRQ1001", "/loanStatus", r#""ACTION_REQUIRED""#),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_new_application_is_not_ready_for_anything_but_consent() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let id = flow.file(1).await.remove(0);
    for (path, body, code, place, expected) in TOO_EARLY {
        let body = serde_json::from_str(&body.replace('$', &id)).unwrap();
        let answer = answered(&server, &lsp, path, body, code).await;
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(answer.pointer(place), Some(&expected), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_loan_stands_as_it_was_agreed() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    let id = &loan.application;
    let other_data = bodies::application(id, &bodies::pan());
    let tranche = |amount: &str| json!({"loanId": loan.loan_id, "payment": {"id": "DISB-1", "totalAmount": amount}});

    for (path, body, code) in [
        (path::CREATE, json!({"loanApplications": [other_data]}), "CLARQ1006"),
        (path::GENERATE_OFFERS, json!({"loanApplicationIds": [id]}), "GORQ1002"),
        (path::SET_OFFER, json!({"loanApplicationId": id, "offer": {"id": "OFF-OTHER"}}), "SORQ1003"),
        (path::TRIGGER_ACCEPTANCE, json!({"loanApplicationIds": [id]}), "TLARQ1001"),
        (path::SET_DISBURSEMENT_PLAN, json!({"loanId": loan.loan_id, "plan": {"id": "DP-OTHER"}}), "SDP1001"),
        (path::SET_REPAYMENT_PLAN, json!({"loanId": loan.loan_id, "plan": {"id": "RP-OTHER"}}), "SRP1001"),
        (path::TRIGGER_DISBURSEMENT, tranche("50000.01"), "TDRQ1002"),
        (path::TRIGGER_DISBURSEMENT, tranche("49999.99"), "TDRQ1002"),
        (path::DISBURSEMENT_STATUS, json!({"loanId": loan.loan_id}), "TDRQ1001"),
    ] {
        answered(&server, &lsp, path, body, code).await;
    }
    let again = answered(&server, &lsp, path::GRANT, json!({"loanApplicationId": id}), "0").await;
    assert_eq!(again["loanId"], json!(loan.loan_id));
    flow.disburse(&loan, "DISB-1").await;
    let twice = json!({"loanId": loan.loan_id, "payment": {"id": "DISB-1", "totalAmount": "1.00"}});
    answered(&server, &lsp, path::TRIGGER_DISBURSEMENT, twice, "TDRQ1003").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_chosen_once_the_agreement_is_signed() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    let id = &ids[0];
    let unknown = json!({"loanApplicationId": id, "offer": {"id": "OFF-NEVER"}});

    let answer = answered(&server, &lsp, path::SET_OFFER, unknown.clone(), "SORQ1001").await;
    assert_eq!(answer["loanApplicationStatus"], "OFFERED");
    answered(&server, &lsp, path::TRIGGER_ACCEPTANCE, json!({"loanApplicationIds": [id]}), "TLARQ1001").await;
    answered(&server, &lsp, path::GRANT, json!({"loanApplicationId": id}), "GLRQ1001").await;

    flow.agree(&ids, &offers).await;
    answered(&server, &lsp, path::SET_OFFER, unknown, "SORQ1003").await;
    // From here on a grant is heard, and told what is missing.
    let answer = answered(&server, &lsp, path::GRANT, json!({"loanApplicationId": id}), "0").await;
    assert_eq!(answer["loanStatus"], "ACTION_REQUIRED");
    assert!(answer["actionRequired"].as_array().unwrap().len() > 1, "one action per missing step: {answer}");
}
