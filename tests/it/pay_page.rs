//! The simulated payment partner's pages: a borrower pays once, authorises or refuses, and production has no such page.

use chrono::Duration;
use ocen_lender::config::{Config, Mode};
use serde_json::{Value, json};

use crate::support::bodies::path;
use crate::support::flow::Flow;
use crate::support::lsp::{Callback, TestLsp};
use crate::support::server::{Options, Server};

async fn by_hand() -> Server {
    Server::start_with(Options { manual: true, ..Options::default() }).await
}

/// A paid-out loan with a page for a thousand rupees: the loan and the payment.
async fn page(server: &Server, lsp: &TestLsp) -> (String, Value) {
    let loan = Flow { server, lsp }.granted_by_hand().await;
    let body = json!({"loanId": loan.loan_id, "payment": {"id": "DISB-1"}});
    lsp.ask(path::TRIGGER_DISBURSEMENT, body).await;
    server.post(&format!("/sandbox/payments/DISB-1?loanId={}", loan.loan_id), &json!({"outcome": "succeed"})).await;
    let paid = |c: &Callback| {
        c.path.ends_with("TriggerDisbursementStatusResponse") && c.body["payment"]["status"] == "SUCCESS"
    };
    lsp.callback_that("tells that the payout ended", paid).await;
    let order = json!({"loanId": loan.loan_id, "payment": {"totalAmount": 1000}});
    let opened = lsp.ask(path::TRIGGER_REPAYMENT, order).await;
    (loan.loan_id, opened["payment"].clone())
}

async fn shown(server: &Server, url: &str) -> (u16, String) {
    let page = server.http.get(url).send().await.unwrap();
    (page.status().as_u16(), page.text().await.unwrap())
}

/// Presses a button, as a browser on the page itself does, and reads what comes.
async fn press(server: &Server, url: &str, outcome: &str) -> (u16, String) {
    press_from(server, url, outcome, "same-origin").await
}

async fn press_from(server: &Server, url: &str, outcome: &str, site: &str) -> (u16, String) {
    let form = server.http.post(url).header("content-type", "application/x-www-form-urlencoded");
    let page = form.header("sec-fetch-site", site).body(format!("outcome={outcome}")).send().await.unwrap();
    (page.status().as_u16(), page.text().await.unwrap())
}

async fn confirmed(lsp: &TestLsp, payment: &Value) -> Value {
    let is = |c: &Callback| c.path.ends_with("confirmRepayment") && c.body["payment"]["id"] == payment["id"];
    lsp.callback_that("confirms a repayment", is).await.body
}

async fn repaid(lsp: &TestLsp, loan: &str) -> Value {
    lsp.ask(path::LOAN_SUMMARY, json!({"loanId": loan})).await["summary"]["amountRepaid"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_borrower_pays_on_the_page_once() {
    let server = by_hand().await;
    let lsp = server.lsp().await;
    let (loan, payment) = page(&server, &lsp).await;
    let url = payment["paymentUrl"].as_str().unwrap();
    let got = server.http.get(url).send().await.unwrap();
    let header = |name: &str| got.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("cache-control").as_str(), header("referrer-policy").as_str()), ("no-store", "no-referrer"));
    let policy = header("content-security-policy");
    assert!(policy.contains("form-action 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let html = got.text().await.unwrap();
    for words in [loan.as_str(), "₹1,000.00", "What is due", "Not yet paid", "Valid until", "<form method=\"post\""] {
        assert!(html.contains(words), "{words} in {html}");
    }
    assert_eq!(press_from(&server, url, "succeed", "cross-site").await.0, 403);
    assert_eq!(press(&server, url, "everything").await.0, 400);
    assert!(shown(&server, url).await.1.contains("Not yet paid"), "nothing happened so far");

    for outcome in ["succeed", "succeed", "fail"] {
        let (status, html) = press(&server, url, outcome).await;
        assert!(status == 200 && html.contains(">Paid<") && !html.contains("<form"), "{html}");
    }
    assert_eq!(confirmed(&lsp, &payment).await["payment"]["status"], "SUCCESS");
    press(&server, url, "succeed").await;
    assert_eq!(repaid(&lsp, &loan).await, "1000.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_fails_on_the_page_is_not_paid_afterwards() {
    let server = by_hand().await;
    let lsp = server.lsp().await;
    let (loan, payment) = page(&server, &lsp).await;
    let url = payment["paymentUrl"].as_str().unwrap();
    assert!(press(&server, url, "fail").await.1.contains("Not paid"));
    let failed = || async {
        let asked = json!({"loanId": loan, "payment": {"id": payment["id"]}});
        lsp.ask(path::REPAYMENT_STATUS, asked).await["payment"]["status"] == "FAILURE"
    };
    server.until("the payment failed", failed).await;
    let (_, html) = press(&server, url, "succeed").await;
    assert!(html.contains("Not paid") && !html.contains("<form"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_expired_takes_no_money() {
    let server = by_hand().await;
    let lsp = server.lsp().await;
    let (loan, payment) = page(&server, &lsp).await;
    let url = payment["paymentUrl"].as_str().unwrap();
    let before = repaid(&lsp, &loan).await;
    server.app.clock.advance(Duration::days(3));
    for (_, html) in [shown(&server, url).await, press(&server, url, "succeed").await] {
        assert!(html.contains("can no longer be paid") && !html.contains("<form"), "{html}");
    }
    assert_eq!(repaid(&lsp, &loan).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_borrower_authorises_or_refuses_the_mandate() {
    let server = by_hand().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    for (outcome, words, status) in [("authorise", "Authorised", "ACTIVE"), ("refuse", "Refused", "INACTIVE")] {
        let ids = flow.file(1).await;
        flow.consent_by_hand(&ids, "ONETIME").await;
        let answer = lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
        let offer = &answer["loanApplications"][0]["offers"][0];
        flow.set_offer(&ids[0], offer).await;
        let plan = &offer["repayment"]["plans"][0]["id"];
        let body = json!({"loanApplicationId": ids[0], "plan": {"id": plan}});
        let set = lsp.ask(path::SET_REPAYMENT_PLAN, body).await;
        let url = set["plan"]["paymentUrl"].as_str().unwrap();
        let (_, html) = shown(&server, url).await;
        assert!(html.contains("Not yet authorised") && html.contains(plan.as_str().unwrap()), "{html}");
        for pressed in [outcome, "authorise", "refuse"] {
            let (_, html) = press(&server, url, pressed).await;
            assert!(html.contains(&format!(">{words}<")) && !html.contains("<form"), "{pressed}: {html}");
        }
        let told = |c: &Callback| c.body["plan"]["id"] == *plan && c.body["plan"]["status"] == status;
        lsp.callback_that("tells what became of the mandate", told).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_token_opens_nothing() {
    let server = by_hand().await;
    let base = format!("{}/pay", server.app.config.borrower_url);
    for token in ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x", "%27%20or%201", &"A".repeat(65)] {
        let url = format!("{base}/{token}");
        assert_eq!(shown(&server, &url).await.0, 404, "{token}");
        assert_eq!(press(&server, &url, "succeed").await.0, 404, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_has_no_such_page() {
    let serve = |config: &mut Config| config.mode = Mode::Serve;
    let server = Server::start_with(Options { tweak: Some(Box::new(serve)), ..Options::default() }).await;
    let url = format!("{}/pay/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", server.app.config.borrower_url);
    let (status, html) = shown(&server, &url).await;
    assert!(status == 404 && html.contains("payment partner"), "{html}");
    assert_eq!(press(&server, &url, "succeed").await.0, 405);
}
