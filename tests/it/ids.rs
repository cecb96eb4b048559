//! Whom and what a message names: unknown, foreign, crossed and reused ids.

use serde_json::{Value, json};
use sqlx::{Executor as _, Row as _};

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::lsp::{Ack, TestLsp};
use crate::support::refusal::{changed, refused_message};
use crate::support::server::Server;

fn create() -> Value {
    json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_is_named_and_may_come_true() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let known = flow.file(1).await.remove(0);
    let late = bodies::id();
    let offers = lsp.complete(json!({"loanApplicationIds": [known, late, "APP-NEVER"]}));

    let ack =
        refused_message(&server, &lsp, path::GENERATE_OFFERS, offers, (404, "GEN5009", "/loanApplicationIds")).await;
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
        (path::TRIGGER_REPAYMENT, json!({"loanId": loan})),
        (path::REPAYMENT_STATUS, json!({"loanId": loan})),
        (path::CONFIRM_REPAYMENT, json!({"loanId": loan, "payment": {"id": payment}})),
        (path::LOAN_SUMMARY, json!({"loanId": loan})),
        (path::GET_LOAN, json!({"loanId": loan})),
        (path::LOAN_STATEMENT, json!({"loanId": loan})),
        (path::RAISE_DISPUTE, json!({"loanId": loan, "dispute": {"description": "not mine"}})),
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
    let handle = consent_handle(&server).await;
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

async fn consent_handle(server: &Server) -> String {
    let found = server.app.pool.fetch_one("select value from reference where kind = 'CONSENT' limit 1").await;
    found.unwrap().get(0)
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
async fn a_loan_is_found_by_its_application_and_the_application_by_its_loan() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    let by = |member: &str, id: &str, more: Value| {
        let mut body = more;
        body[member] = json!(id);
        body
    };
    let payment = json!({"payment": {"id": "DISB-1"}});
    for (path, more) in [
        (path::GET_LOAN, json!({})),
        (path::LOAN_SUMMARY, json!({})),
        (path::LOAN_STATEMENT, json!({})),
        (path::TRIGGER_DISBURSEMENT, payment.clone()),
        (path::DISBURSEMENT_STATUS, payment),
        (path::TRIGGER_REPAYMENT, json!({})),
        (path::REPAYMENT_STATUS, json!({})),
        (path::RAISE_DISPUTE, json!({"dispute": {"description": "debited twice"}})),
    ] {
        for member in ["loanId", "loanApplicationId"] {
            let (_, ack) = lsp.send(path, by(member, &loan.application, more.clone())).await;
            assert_eq!(ack.error(), "0", "{path} {member}: {}", ack.body);
        }
    }
    let account = json!({"account": bodies::account(bodies::ACCOUNT, bodies::NAME)});
    for (path, more) in [(path::GRANT, json!({})), (path::SET_ACCOUNT, account)] {
        let (_, ack) = lsp.send(path, by("loanApplicationId", &loan.loan_id, more)).await;
        assert_eq!(ack.error(), "0", "{path}: {}", ack.body);
    }
    let granted = lsp.ask(path::GRANT, json!({"loanApplicationId": loan.loan_id})).await;
    assert_eq!((&granted["loanId"], &granted["loanApplicationId"]), (&json!(loan.loan_id), &json!(loan.application)));

    let unfinished = flow.file(1).await.remove(0);
    for member in ["loanId", "loanApplicationId"] {
        let (_, ack) = lsp.send(path::GET_LOAN, by(member, &unfinished, json!({}))).await;
        assert_eq!((ack.status, ack.error()), (404, "GEN5009"), "it has no loan: {}", ack.body);
    }
}
