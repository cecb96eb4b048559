//! A debit that the collection system never answers for: asked about again as often as people want, and ended by them.

use std::sync::Arc;

use chrono::{Duration, NaiveDate};
use ocen_lender::domain::application::ask::{Ask, Outcome};
use serde_json::{Value, json};

use crate::support::bodies::path;
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::{Callback, TestLsp};
use crate::support::port::{Reply, Steered};
use crate::support::server::{Options, Server};

/// A collection system that takes debits and then knows nothing of them.
pub fn forgetful() -> Arc<Steered> {
    Steered::new(|call| match (&call.ask, call.method) {
        (Ask::Present(_), "present") => Reply::With(Outcome::Pending {
            reference: "D-1".to_owned(),
            poll_after: "2100-01-01T00:00:00Z".parse().unwrap(),
            url: None,
        }),
        (Ask::Present(_), _) => Reply::With(Outcome::Unknown { reference: None }),
        _ => Reply::Usual,
    })
}

/// A loan whose first instalment was debited, which the collection system has forgotten since.
pub async fn debited(server: &Server, lsp: &TestLsp, collections: &Steered) -> Loan {
    let flow = Flow { server, lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    let shown = lsp.ask(path::GET_LOAN, json!({"loanId": loan.loan_id})).await;
    let due = &shown["repayment"]["plan"]["extensibleData"]["schedule"][0]["dueDate"];
    let due: NaiveDate = due.as_str().unwrap().parse().unwrap();
    let (status, answer) = server.post("/sandbox/clock", &json!({"to": due + Duration::days(1)})).await;
    assert_eq!(status, 200, "{answer}");
    collections.until("debits the mandate", |seen| seen.iter().any(|call| call.method == "present")).await;
    loan
}

/// Days pass without a word, until the question is on the desk; gives it.
pub async fn on_the_desk(server: &Server) -> Value {
    server.app.clock.advance(Duration::days(3));
    server.app.wake.notify_asks();
    let waits = async || stuck(server).await.len() == 1;
    server.until("the question is on the desk", waits).await;
    let ask = stuck(server).await.remove(0);
    assert_eq!(ask["reason"], "the bank does not know", "{ask}");
    ask
}

async fn stuck(server: &Server) -> Vec<Value> {
    server.get("/admin/asks").await["items"].as_array().cloned().unwrap_or_default()
}

async fn propose(server: &Server, loan: &Loan, act: &Value) -> (u16, Value) {
    let acts = format!("/admin/loans/{}/acts", loan.loan_id);
    server.post(&acts, &json!({"act": act, "reason": "the bank's file of today", "maker": "asha"})).await
}

/// An act by hand, proposed by one person and released by another.
async fn act(server: &Server, loan: &Loan, act: Value) {
    let (status, proposed) = propose(server, loan, &act).await;
    assert_eq!(status, 201, "{proposed}");
    let release = format!("/admin/acts/{}/release", proposed["actId"].as_str().unwrap());
    let alone = server.post(&release, &json!({"checker": "asha"})).await;
    assert_eq!(alone.0, 409, "{}", alone.1);
    let (status, done) = server.post(&release, &json!({"checker": "ravi"})).await;
    assert_eq!(status, 200, "{done}");
}

async fn started() -> (Arc<Steered>, Server, TestLsp, Loan) {
    let collections = forgetful();
    let port = Arc::clone(&collections) as _;
    let server = Server::start_with(Options { port: Some(("collections", port)), ..Options::default() }).await;
    let lsp = server.lsp().await;
    let loan = debited(&server, &lsp, &collections).await;
    (collections, server, lsp, loan)
}

async fn payments(server: &Server, loan: &Loan) -> Value {
    server.get(&format!("/admin/loans/{}", loan.loan_id)).await["payments"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_that_nobody_answers_for_is_ended_by_two_people_and_the_loan_is_collected_again() {
    let (collections, server, lsp, loan) = started().await;
    let ask = on_the_desk(&server).await;
    let debit = payments(&server, &loan).await[0].clone();
    let shown = ["method", "paymentId", "amount", "mayBeRetried", "mayBeClosed"].map(|member| ask[member].clone());
    let debited = [json!("present"), debit["paymentId"].clone(), debit["amount"].clone(), json!(true), json!(false)];
    assert_eq!(shown, debited, "{ask}");
    let page = json!({"loanId": loan.loan_id, "payment": {}});
    let refused = lsp.ask(path::TRIGGER_REPAYMENT, page.clone()).await;
    assert_ne!(refused["response"]["error"], "0", "{refused}");

    // Asked again, it has all its tries and all their time.
    let retry = format!("/admin/asks/{}/retry", ask["askId"].as_str().unwrap());
    let before = collections.calls("status").len();
    assert_eq!(server.post(&retry, &json!({})).await.0, 200);
    collections
        .until("asked again and again", |seen| seen.iter().filter(|call| call.method == "status").count() >= before + 2)
        .await;
    assert!(stuck(&server).await.is_empty(), "one call without an answer is not the end of it");
    let resolved = json!({"kind": "RESOLVE_DEBIT", "paymentId": debit["paymentId"]});
    let (status, problem) = propose(&server, &loan, &resolved).await;
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().starts_with("the collection system is still being asked"), "{problem}");

    on_the_desk(&server).await;
    act(&server, &loan, resolved).await;
    assert!(stuck(&server).await.is_empty());
    let ended = payments(&server, &loan).await[0].clone();
    assert_eq!(ended["state"], "FAILED", "{ended}");
    let book = server.get(&format!("/admin/loans/{}", loan.loan_id)).await["book"].to_string();
    assert!(!book.contains("BOUNCE"), "{book}");
    let opened = lsp.ask(path::TRIGGER_REPAYMENT, page).await;
    assert_eq!(opened["response"]["error"], "0", "{opened}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_that_the_file_has_is_credited_and_told() {
    let (_, server, lsp, loan) = started().await;
    on_the_desk(&server).await;
    let debit = payments(&server, &loan).await[0].clone();
    let today = server.app.clock.today();
    act(
        &server,
        &loan,
        json!({"kind": "RESOLVE_DEBIT", "paymentId": debit["paymentId"], "utr": "UTR-FILE-1", "valueDate": today}),
    )
    .await;
    let confirms = |c: &Callback| c.path.ends_with("confirmRepayment") && c.body["payment"]["id"] == debit["paymentId"];
    let told = lsp.callback_that("confirms the payment", confirms).await;
    assert_eq!(told.body["payment"]["status"], "SUCCESS", "{}", told.body);
    assert!(stuck(&server).await.is_empty());
    let settled = payments(&server, &loan).await[0].clone();
    let money = (&settled["state"], &settled["received"]);
    assert_eq!(money, (&json!("SETTLED"), &debit["amount"]), "{settled}");
}
