//! What stands behind a loan ends with it, comes back with it, and money that comes too late is lost by nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ocen_lender::clock::Clock;
use ocen_lender::domain::application::ask::NEVER_RECEIVED;
use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::{Callback, TestLsp};
use crate::support::server::{Options, Server};
use crate::support::sql;
use crate::support::system::{self, System, Told, call_back, paid, signed};

/// What an application's history says.
async fn history(server: &Server, lsp: &TestLsp, id: &str) -> Vec<String> {
    let shown = server.get(&format!("/admin/applications/{}/{id}", lsp.org_id)).await;
    let what = |event: &Value| event["what"].as_str().unwrap_or_default().to_owned();
    shown["events"].as_array().unwrap().iter().map(what).collect()
}

/// An act by hand, proposed by one person and released by another.
async fn act(server: &Server, loan: &Loan, act: Value) {
    let acts = format!("/admin/loans/{}/acts", loan.loan_id);
    let (status, proposed) =
        server.post(&acts, &json!({"act": act, "reason": "the borrower asked for it", "maker": "asha"})).await;
    assert_eq!(status, 201, "{proposed}");
    let release = format!("/admin/acts/{}/release", proposed["actId"].as_str().unwrap());
    assert_eq!(server.post(&release, &json!({"checker": "ravi"})).await.0, 200);
}

/// Why an act may not be proposed.
async fn refused_act(server: &Server, loan: &Loan, act: Value) -> String {
    let acts = format!("/admin/loans/{}/acts", loan.loan_id);
    let (status, problem) = server.post(&acts, &json!({"act": act, "reason": "the file", "maker": "asha"})).await;
    assert_eq!(status, 409, "{problem}");
    problem["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_loan_is_over_for_everybody() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    act(&server, &loan, json!({"kind": "WITHDRAW"})).await;

    let shown = lsp.ask(path::GET_LOAN, json!({"loanId": loan.loan_id})).await;
    assert_eq!(shown["loanStatus"], "COMPLETED", "{shown}");
    assert_eq!(
        (&shown["repayment"]["plan"]["status"], &shown["repayment"]["method"]["status"]),
        (&json!("INACTIVE"), &json!("CANCELLED")),
        "{shown}"
    );
    let summary = lsp.ask(path::LOAN_SUMMARY, json!({"loanId": loan.loan_id})).await;
    assert_eq!(
        (&summary["loanStatus"], &summary["summary"]["extensibleData"]["ending"]),
        (&json!("COMPLETED"), &json!("WITHDRAWN")),
        "{summary}"
    );

    let plan = &loan.offer["repayment"]["plans"][0]["id"];
    let set = lsp.ask(path::SET_REPAYMENT_PLAN, json!({"loanId": loan.loan_id, "plan": {"id": plan}})).await;
    assert_eq!((&set["response"]["error"], &set["plan"]["status"]), (&json!("SRP1002"), &json!("INACTIVE")), "{set}");
    let account = bodies::account("50100000009999", bodies::NAME);
    let set = lsp.ask(path::SET_ACCOUNT, json!({"loanId": loan.loan_id, "account": account})).await;
    assert_eq!(set["response"]["error"], "SDA1002", "{set}");

    let monitoring = async || {
        let shown = server.get(&format!("/admin/applications/{}/{}", lsp.org_id, loan.application)).await;
        shown["monitoringConsent"].clone()
    };
    server.until("nothing is monitored any more", async || monitoring().await == "FAILED").await;
    let revoked = "select count(*) from sandbox.item where kind = 'CONSENT' and state = 'REVOKED'";
    assert_eq!(sql::number(&server.app.pool, revoked).await, 1, "the monitoring consent alone");
    let mandates = "select count(*) from sandbox.item where kind = 'MANDATE' and state = 'CANCELLED'";
    assert_eq!(sql::number(&server.app.pool, mandates).await, 1);
}

/// A paid-out loan that is secured by an invoice.
async fn secured(flow: &Flow<'_>, invoice: &str) -> Loan {
    let id = bodies::id();
    let mut item = bodies::application(&id, &bodies::pan());
    item["collaterals"] = json!([{
        "collateralPrimaryId": invoice, "collateralPrimaryIdType": "GST_INVOICE", "type": "GST_INVOICE",
    }]);
    flow.lsp.ask(path::CREATE, json!({"loanApplications": [item]})).await;
    let ids = [id];
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    let answer = flow.grant(&ids[0]).await;
    assert_eq!(answer["loanStatus"], "GRANTED", "{answer}");
    let loan_id = answer["loanId"].as_str().unwrap().to_owned();
    let [application] = ids;
    let loan = Loan { application, offer: offers[0].clone(), loan_id };
    flow.disburse(&loan, "DISB-1").await;
    loan
}

/// The borrower leaves within the cooling-off period; gives the payment.
async fn leave(lsp: &TestLsp, loan: &Loan) -> String {
    let payment = json!({"extensibleData": {"purpose": "COOLING_OFF_EXIT"}});
    let answer = lsp.ask(path::TRIGGER_REPAYMENT, json!({"loanId": loan.loan_id, "payment": payment})).await;
    let id = answer["payment"]["id"].as_str().unwrap().to_owned();
    let confirmed = |c: &Callback| c.path.ends_with("confirmRepayment") && c.body["payment"]["id"] == id.as_str();
    lsp.callback_that("confirms the payment", confirmed).await;
    id
}

async fn take_back(server: &Server, loan: &Loan, payment: &str) {
    let told = format!("/sandbox/payments/{payment}?loanId={}", loan.loan_id);
    let (status, answer) = server.post(&told, &json!({"outcome": "return"})).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loan_that_a_returned_payment_opens_again_is_secured_again_where_it_can_be() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let liens = async |loan: &Loan| {
        let of = format!("select count(*) from lien where loan_id = '{}'", loan.loan_id);
        sql::number(&server.app.pool, &of).await
    };
    let loan = secured(&flow, "INVOICE-1").await;
    let payment = leave(&lsp, &loan).await;
    assert_eq!(liens(&loan).await, 0);
    take_back(&server, &loan, &payment).await;
    assert_eq!(liens(&loan).await, 1);
    let said = "the loan is open again, its collateral is pledged again".to_owned();
    assert!(history(&server, &lsp, &loan.application).await.contains(&said));

    let payment = leave(&lsp, &loan).await;
    let other = secured(&flow, "INVOICE-1").await;
    take_back(&server, &loan, &payment).await;
    assert_eq!((liens(&loan).await, liens(&other).await), (0, 1));
    let said = "the loan is open again, without a collateral that is pledged to another loan".to_owned();
    assert!(history(&server, &lsp, &loan.application).await.contains(&said));
}

/// A server whose bank answers the payouts as told, each by its number from one, with a loan that is granted. It has
/// received none of those that it does not answer.
async fn with_bank(answer: impl Fn(usize) -> Told + Send + Sync + 'static) -> (Arc<System>, Server, TestLsp, Loan) {
    let ordered = AtomicUsize::new(0);
    let bank: Arc<System> = System::start(move |heard| match heard.method.as_str() {
        "pay" => answer(ordered.fetch_add(1, Ordering::SeqCst) + 1),
        "status" => refused(NEVER_RECEIVED),
        _ => Told::Usual,
    })
    .await;
    let system = Arc::clone(&bank);
    let tweak = move |config: &mut ocen_lender::config::Config| system.behind(config, "disbursement", |limits| limits);
    let server = Server::start_with(Options { tweak: Some(Box::new(tweak)), ..Options::default() }).await;
    let lsp = server.lsp().await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    (bank, server, lsp, loan)
}

fn refused(code: &str) -> Told {
    Told::Status(200, json!({"outcome": "refused", "code": code, "detail": "no"}))
}

fn silent() -> Told {
    Told::Status(503, json!({}))
}

/// The bank tells by itself that its first payout was paid.
async fn tells_paid(bank: &System, server: &Server) {
    assert_eq!(tells_of(bank, server, 1).await, (200, json!({"status": "applied"})));
}

/// The bank tells by itself that what was ordered so manyth was paid; what it hears.
async fn tells_of(bank: &System, server: &Server, number: usize) -> (u16, Value) {
    let order = &bank.until("pay", number).await[number - 1];
    let url = order.body["context"]["callbackUrl"].as_str().unwrap().to_owned();
    let body = paid().to_string();
    call_back(&server.http, &url, &body, &signed(&body, &system::keys(), 0)).await
}

async fn stuck(server: &Server) -> Vec<Value> {
    server.get("/admin/asks").await["items"].as_array().cloned().unwrap_or_default()
}

fn reasons(asks: &[Value]) -> Vec<&str> {
    asks.iter().filter_map(|ask| ask["reason"].as_str()).collect()
}

const CONTRADICTED: &str = "paid after the bank had said that it was not: resolve the payout";

#[tokio::test(flavor = "multi_thread")]
async fn money_that_left_after_all_is_booked_by_a_person() {
    let (bank, server, lsp, loan) = with_bank(|_| refused("ACCOUNT_CLOSED")).await;
    let failed = Flow { server: &server, lsp: &lsp }.disburse(&loan, "DISB-1").await;
    assert_eq!(failed["payment"]["status"], "FAILURE", "{failed}");
    assert!(stuck(&server).await.is_empty());

    tells_paid(&bank, &server).await;
    let asks = stuck(&server).await;
    assert_eq!(reasons(&asks), [CONTRADICTED]);
    assert!(history(&server, &lsp, &loan.application).await.iter().any(|what| what.starts_with("tranche 1 left on ")));
    assert_eq!(sql::number(&server.app.pool, "select count(*) from journal").await, 0, "a person books it");
    let close = format!("/admin/asks/{}/close", asks[0]["askId"].as_str().unwrap());
    let why = json!({"reason": "sent back"});
    assert_eq!(server.post(&close, &why).await.0, 404, "something waits for it");
    let shown = &asks[0];
    let known =
        ["loanId", "paymentId", "attempt", "utr", "valueDate", "mayBeRetried"].map(|member| shown[member].clone());
    let today = server.app.clock.today();
    assert_eq!(known, [json!(loan.loan_id), json!("DISB-1"), json!(1), json!("UTR-1"), json!(today), json!(false)]);
    assert!(shown["bankKey"].as_str().unwrap().ends_with(":1:1") && shown["amount"].is_string(), "{shown}");
    assert!(!shown.to_string().contains(bodies::ACCOUNT), "no account number");
    let retry = format!("/admin/asks/{}/retry", shown["askId"].as_str().unwrap());
    assert_eq!(server.post(&retry, &json!({})).await.0, 404, "what the bank says next would only hide it");
    assert_eq!(reasons(&stuck(&server).await), [CONTRADICTED]);
    let order = json!({"loanId": loan.loan_id, "payment": {"id": "DISB-2"}});
    let again = lsp.ask(path::TRIGGER_DISBURSEMENT, order).await;
    assert_eq!(again["response"]["error"], "TDRQ1002", "{again}");

    let resolved = json!({"kind": "RESOLVE_PAYOUT", "paymentId": "DISB-1", "utr": "UTR1", "valueDate": today});
    act(&server, &loan, resolved).await;
    let succeeded = |c: &Callback| c.body["payment"]["status"] == "SUCCESS";
    lsp.callback_that("tells that it was paid", succeeded).await;
    assert!(stuck(&server).await.is_empty());
    assert_eq!(sql::number(&server.app.pool, "select count(*) from journal").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_try_of_a_payout_that_left_after_all_waits_for_a_person() {
    // The third try waits for ten seconds.
    let (bank, server, lsp, loan) = with_bank(|_| silent()).await;
    let order = json!({"loanId": loan.loan_id, "payment": {"id": "DISB-1"}});
    lsp.ask(path::TRIGGER_DISBURSEMENT, order).await;
    let pool = &server.app.pool;
    let waits = "select count(*) from ask where method = 'pay' and state = 'OPEN' and tries = 0 and due_at > now()";
    server.until("the third try waits", async || sql::number(pool, waits).await == 1).await;
    let unpaid = json!({"kind": "RESOLVE_PAYOUT", "paymentId": "DISB-1"});
    let said = refused_act(&server, &loan, unpaid.clone()).await;
    assert!(said.starts_with("the bank is still being asked"), "{said}");
    tells_paid(&bank, &server).await;
    let withheld = "an earlier try may have been paid: resolve the payout";
    let asks = stuck(&server).await;
    assert_eq!(reasons(&asks), [withheld, CONTRADICTED]);
    assert_eq!((&asks[0]["mayBeRetried"], &asks[1]["mayBeRetried"]), (&json!(false), &json!(false)));
    let retry = format!("/admin/asks/{}/retry", asks[0]["askId"].as_str().unwrap());
    assert_eq!(server.post(&retry, &json!({})).await.0, 404, "it may not leave");

    act(&server, &loan, unpaid).await;
    bank.until("pay", 3).await;
    server.until("nobody is asked to look", async || stuck(&server).await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_beside_a_paid_tranche_is_closed_by_hand() {
    let second = system::done(json!({"finding": "paid", "utr": "UTR-2", "valueDate": Clock::default().today()}));
    let answer = move |number| if number == 1 { silent() } else { Told::Status(200, second.clone()) };
    let (bank, server, lsp, loan) = with_bank(answer).await;
    let told = Flow { server: &server, lsp: &lsp }.disburse(&loan, "DISB-1").await;
    assert_eq!(told["payment"]["status"], "SUCCESS", "{told}");
    tells_paid(&bank, &server).await;
    let asks = stuck(&server).await;
    assert_eq!(reasons(&asks), ["money came that nothing waits for"]);
    let told = (&asks[0]["utr"], &asks[0]["paymentId"], &asks[0]["mayBeClosed"]);
    assert_eq!(told, (&json!("UTR-1"), &json!("DISB-1"), &json!(true)));
    let retry = format!("/admin/asks/{}/retry", asks[0]["askId"].as_str().unwrap());
    assert_eq!(server.post(&retry, &json!({})).await.0, 404, "it would vanish");
    let close = format!("/admin/asks/{}/close", asks[0]["askId"].as_str().unwrap());
    assert_eq!(server.post(&close, &json!({})).await.0, 422, "without a reason");
    assert_eq!(server.post(&close, &json!({"reason": " "})).await.0, 400, "without a reason");
    let why = json!({"reason": "sent back, confirmed to 9000000001"});
    assert_eq!(server.post(&close, &why).await.0, 200);
    assert!(stuck(&server).await.is_empty());
    assert_eq!(server.post(&close, &why).await.0, 404);
    let log = server.get("/admin/audit").await;
    let mut entries = log["items"].as_array().unwrap().iter().map(|row| &row["entry"]);
    let entry = entries.find(|entry| entry["action"] == "ASK_CLOSED").unwrap();
    assert_eq!(entry["reason"], "sent back, confirmed to ***", "{entry}");

    // The other try comes back: the money that was beside it is the borrower's only one, or nobody's.
    let back = json!({"kind": "RETURN_PAYOUT", "paymentId": "DISB-1", "on": server.app.clock.today()});
    act(&server, &loan, back).await;
    assert_eq!(reasons(&stuck(&server).await), [CONTRADICTED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_ends_one_payout_of_the_lender() {
    let utr = "UTR-SHARED";
    let first = system::done(json!({"finding": "paid", "utr": utr, "valueDate": Clock::default().today()}));
    let answer = move |number| if number == 1 { Told::Status(200, first.clone()) } else { silent() };
    let (bank, server, lsp, loan) = with_bank(answer).await;
    let flow = Flow { server: &server, lsp: &lsp };
    flow.disburse(&loan, "DISB-1").await;
    let other = flow.granted(1).await.remove(0);
    lsp.ask(path::TRIGGER_DISBURSEMENT, json!({"loanId": other.loan_id, "payment": {"id": "DISB-2"}})).await;
    bank.until("pay", 2).await;
    let today = server.app.clock.today();
    let resolved = |utr: &str| json!({"kind": "RESOLVE_PAYOUT", "paymentId": "DISB-2", "utr": utr, "valueDate": today});
    let said = refused_act(&server, &other, resolved(utr)).await;
    assert_eq!(said, "another payout with this UTR is booked already");
    assert!(refused_act(&server, &other, resolved("")).await.contains("1 to 64 visible characters"));
    act(&server, &other, resolved("UTR-OTHER")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_left_after_it_was_booked_back_is_for_a_person() {
    let (bank, server, lsp, loan) = with_bank(|number| if number == 2 { silent() } else { Told::Usual }).await;
    Flow { server: &server, lsp: &lsp }.disburse(&loan, "DISB-1").await;
    let today = server.app.clock.today();
    act(&server, &loan, json!({"kind": "MANUAL_RECEIPT", "amount": "12.50", "valueDate": today, "utr": "N-1"})).await;
    let says = async |words: &str| history(&server, &lsp, &loan.application).await.iter().any(|said| said == words);
    act(&server, &loan, json!({"kind": "REFUND", "amount": "12.50"})).await;
    server.until("it is booked back", async || says("refund of 12.50 refused: NEVER_RECEIVED").await).await;

    assert_eq!(tells_of(&bank, &server, 2).await, (200, json!({"status": "applied"})));
    let asks = stuck(&server).await;
    assert_eq!(reasons(&asks), ["money came that nothing waits for"]);
    assert_eq!((&asks[0]["amount"], &asks[0]["mayBeClosed"]), (&json!("12.50"), &json!(true)), "{asks:?}");
    let held = "select -sum(amount)::bigint from posting where account = 'BORROWER_EXCESS'";
    assert_eq!(sql::number(&server.app.pool, held).await, 1250, "a person books");

    // That one was paid which is booked as such is no news.
    act(&server, &loan, json!({"kind": "REFUND", "amount": "12.50"})).await;
    server.until("the next one is paid", async || says("refund of 12.50 paid").await).await;
    assert_eq!(tells_of(&bank, &server, 3).await, (200, json!({"status": "stale"})));
    assert_eq!(stuck(&server).await.len(), 1);
}
