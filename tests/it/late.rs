//! A payout later than the key facts statement assumed: what got worse is told, signed anew, and only then paid
//! (`lending.md` §2.3, `KFS_STALE`).

use std::sync::LazyLock;

use chrono::{Datelike as _, NaiveDate};
use ocen_lender::clock::Clock;
use ocen_lender::config::Config;
use ocen_lender::domain::maths::day_count::DayCount;
use serde_json::{Value, json};

use crate::support::bodies::path;
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::TestLsp;
use crate::support::server::{Options, Server};

static TODAY: LazyLock<NaiveDate> = LazyLock::new(|| Clock::default().today());

/// Instalments fall due on today's day of the month, so that a payout tomorrow has a first period of two months.
async fn due_today() -> Server {
    let tweak = |config: &mut Config| {
        for product in &mut config.products.0 {
            product.servicing.due_day = Some(TODAY.day());
            product.day_count = DayCount::Actual365;
        }
    };
    Server::start_with(Options { tweak: Some(Box::new(tweak)), ..Options::default() }).await
}

async fn late(server: &Server) {
    let (status, moved) = server.post("/sandbox/clock", &json!({"advance": "P1D"})).await;
    assert_eq!(status, 200, "{moved}");
}

async fn trigger(lsp: &TestLsp, loan: &Loan, payment: &str) -> Value {
    lsp.ask(path::TRIGGER_DISBURSEMENT, json!({"loanId": loan.loan_id, "payment": {"id": payment}})).await
}

async fn text(server: &Server, url: &str) -> String {
    server.http.get(url).send().await.unwrap().text().await.unwrap()
}

async fn apr(lsp: &TestLsp, loan: &Loan) -> Value {
    let shown = lsp.ask(path::GET_LOAN, json!({"loanId": loan.loan_id})).await;
    shown["terms"]["extensibleData"]["annualPercentageRate"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn worse_terms_are_signed_before_the_money_goes() {
    let server = due_today().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    let ids = [loan.application.clone()];
    late(&server).await;

    let answer = trigger(&lsp, &loan, "P-1").await;
    assert_eq!(answer["response"]["error"], "TDRQ1004", "{answer}");
    assert!(answer["response"]["description"].as_str().unwrap().starts_with("KFS-STALE: "), "{answer}");
    assert_eq!(answer["payment"].get("status"), None, "nothing was started");
    let restated = answer["payment"]["extensibleData"]["keyFactsStatement"].clone();
    assert!(restated["reference"].as_str().unwrap().ends_with("-R1"), "{restated}");
    let url = restated["url"].as_str().unwrap();
    let statement: Value = serde_json::from_str(&text(&server, &format!("{url}?format=json")).await).unwrap();
    assert_eq!(statement["proposalNumber"], restated["reference"]);
    assert_eq!(statement["partOne"]["annualPercentageRate"], restated["annualPercentageRate"]);
    let again = trigger(&lsp, &loan, "P-1").await;
    assert_eq!(again["payment"]["extensibleData"]["keyFactsStatement"], restated, "the same on the same day");

    let (session, digits) = flow.otp(&ids).await;
    let wrong = if digits == "000000" { "000001" } else { "000000" };
    assert_eq!(flow.verify(&session, wrong).await, "INCORRECT_OTP");
    assert_eq!(flow.verify(&session, &digits).await, "SUCCESS");
    assert_eq!(flow.verify(&session, &digits).await, "SUCCESS", "and again");
    let stored = server.get(&format!("/admin/applications/LSP-TEST/{}", loan.application)).await;
    assert_eq!(stored["stage"], "GRANTED", "{stored}");
    assert_eq!(apr(&lsp, &loan).await, restated["annualPercentageRate"]);

    let paid = flow.disburse(&loan, "P-2").await;
    assert_eq!(paid["payment"]["status"], "SUCCESS", "{paid}");
    assert_eq!(paid["payment"]["extensibleData"]["netDisbursedAmount"], restated["netDisbursedAmount"]);
    let first_due = server.get(&format!("/admin/loans/{}", loan.loan_id)).await["schedule"][0]["dueDate"].clone();
    assert_eq!(first_due, statement["terms"]["firstDue"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_agreements_can_be_read_afterwards() {
    let server = due_today().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    let first = loan.offer["terms"]["legalAgreement"]["data"].as_str().unwrap();
    late(&server).await;
    trigger(&lsp, &loan, "P-1").await;
    assert!(text(&server, first).await.contains("Signed on"), "what was signed stays signed");

    let (session, digits) = flow.otp(std::slice::from_ref(&loan.application)).await;
    flow.verify(&session, &digits).await;
    let old = text(&server, first).await;
    assert!(old.contains("Signed on") && old.contains("Replaced by a later agreement"), "{old}");
    let granted = flow.grant(&loan.application).await;
    let second = granted["terms"]["legalAgreement"]["data"].as_str().unwrap();
    assert_ne!(first, second);
    assert!(text(&server, second).await.contains("Signed on"));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_time_nothing_is_asked_again() {
    let server = due_today().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    let body = json!({"loanApplicationIds": [loan.application], "credBlock": {"type": "OTP", "data": {}}});
    let answer = lsp.ask(path::TRIGGER_ACCEPTANCE, body).await;
    assert_eq!(answer["response"]["error"], "TLARQ1001", "nothing waits for the borrower");
    assert_eq!(flow.disburse(&loan, "P-1").await["payment"]["status"], "SUCCESS");
}
