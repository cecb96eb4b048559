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

#[tokio::test(flavor = "multi_thread")]
async fn a_new_application_is_not_ready_for_anything_but_consent() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let id = Flow { server: &server, lsp: &lsp }.file(1).await.remove(0);
    let one = json!({"loanApplicationId": id});
    let with = |name: &str, value: Value| json!({"loanApplicationId": id, name: value});
    let consent = json!({"loanApplicationIds": [id], "consent": {"consentFetchType": "PERIODIC", "vua": "a@aa"}});
    let account = bodies::account(bodies::ACCOUNT, bodies::NAME);

    let cases = [
        (path::CONSENT_HANDLE, consent, "CHRQ1001", "/consent/consentStatus", json!("FAILED")),
        (
            path::GENERATE_OFFERS,
            json!({"loanApplicationIds": [id]}),
            "GORQ1001",
            "/loanApplications/0/loanApplicationStatus",
            json!("PROCESSING"),
        ),
        (path::SET_OFFER, with("offer", json!({"id": "OFF-1"})), "SORQ1003", "/loanApplicationStatus", json!("PROCESSING")),
        (
            path::TRIGGER_ACCEPTANCE,
            json!({"loanApplicationIds": [id]}),
            "TLARQ1001",
            "/credBlock/data/status",
            json!("INVALID_SESSION"),
        ),
        (
            path::VERIFY_ACCEPTANCE,
            json!({"credBlock": {"data": {"otpSessionKey": "OTPS-NEVER", "otp": "123456"}}}),
            "VLARQ1001",
            "/credBlock/data/status",
            json!("INVALID_SESSION"),
        ),
        (path::GET_DISBURSEMENT_PLANS, one.clone(), "SDP1002", "/plans", json!([])),
        (path::SET_DISBURSEMENT_PLAN, with("plan", json!({"id": "DP-1"})), "SDP1002", "/plan/id", json!("DP-1")),
        (path::GET_ACCOUNTS, one.clone(), "SDA1002", "/accountList", json!([])),
        (path::SET_ACCOUNT, with("account", account), "SDA1002", "/account/status", json!("INACTIVE")),
        (path::GET_REPAYMENT_PLANS, one.clone(), "SRP1002", "/plans", json!([])),
        (path::SET_REPAYMENT_PLAN, with("plan", json!({"id": "RP-1"})), "SRP1002", "/plan/id", json!("RP-1")),
        (path::GRANT, one, "GLRQ1001", "/loanStatus", json!("ACTION_REQUIRED")),
    ];
    for (path, body, code, place, expected) in cases {
        let answer = answered(&server, &lsp, path, body, code).await;
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
    let answer = answered(&server, &lsp, path::GRANT, json!({"loanApplicationId": id}), "GLRQ1001").await;
    assert_eq!(answer["loanStatus"], "ACTION_REQUIRED");
    assert!(answer["actionRequired"].as_array().unwrap().len() > 1, "one action per missing step: {answer}");
}
