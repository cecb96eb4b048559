//! Payments by the borrower under the LSP's own ids, and beside what people enter by hand (`ocen-v3.md` §3.5, §3.6).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ocen_lender::domain::application::ask::{Ask, Finding, Outcome};
use ocen_lender::domain::ids::{LoanId, PaymentId};
use ocen_lender::lender::Port;
use ocen_lender::store::repayment;
use serde_json::{Value, json};

use crate::support::bodies::path;
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::{Callback, TestLsp};
use crate::support::port::{Reply, Steered};
use crate::support::server::{Options, Server};
use crate::support::sql;

/// A collection system whose pages are paid when the test says so, in a transfer that has this reference.
const UTR: &str = "UTR-BATCH-7";

/// While it is not paid, it wants to be asked again as late as it may.
fn collections(paid: &Arc<AtomicBool>) -> Arc<Steered> {
    let paid = Arc::clone(paid);
    Steered::new(move |call| match call.ask {
        Ask::LinkStatus { .. } if paid.load(Ordering::SeqCst) => {
            // Before the payout: it counts on the day of the payout.
            let value_date = "2020-01-01".parse().unwrap();
            Reply::With(Outcome::Done { finding: Finding::Collected { utr: UTR.to_owned(), value_date, amount: None } })
        }
        Ask::LinkStatus { .. } => Reply::With(Outcome::Pending {
            reference: "L-1".to_owned(),
            poll_after: "2100-01-01T00:00:00Z".parse().unwrap(),
            url: None,
        }),
        _ => Reply::Usual,
    })
}

async fn server(collections: &Arc<Steered>) -> Server {
    let system = Arc::clone(collections) as Arc<dyn Port>;
    Server::start_with(Options { port: Some(("collections", system)), ..Options::default() }).await
}

async fn paid_out(server: &Server, lsp: &TestLsp) -> Loan {
    let flow = Flow { server, lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    loan
}

fn confirms(loan: &Loan, payment: &Value) -> impl Fn(&Callback) -> bool {
    let (loan, payment) = (loan.loan_id.clone(), payment.clone());
    move |c| {
        c.path.ends_with("confirmRepayment") && c.body["loanId"] == loan.as_str() && c.body["payment"]["id"] == payment
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lsp_s_own_id_finds_the_payment_and_never_makes_a_second_one() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = paid_out(&server, &lsp).await;
    let order = json!({"loanId": loan.loan_id, "payment": {"id": "MINE-1", "totalAmount": "1000.00"}});
    let opened = lsp.ask(path::TRIGGER_REPAYMENT, order.clone()).await;
    let ours = opened["payment"]["id"].clone();
    assert_ne!(ours, "MINE-1", "the lender makes an id of its own");
    assert_eq!(opened["payment"]["extensibleData"]["lspPaymentId"], "MINE-1", "{opened}");
    let told = lsp.callback_that("confirms the repayment", confirms(&loan, &ours)).await.body;
    assert_eq!(told["payment"]["extensibleData"]["lspPaymentId"], "MINE-1", "{told}");

    let again = lsp.ask(path::TRIGGER_REPAYMENT, order).await;
    assert_eq!((&again["payment"]["id"], &again["payment"]["status"]), (&ours, &json!("SUCCESS")), "{again}");
    let other = json!({"loanId": loan.loan_id, "payment": {"id": "MINE-1", "totalAmount": "2000.00"}});
    let refused = lsp.ask(path::TRIGGER_REPAYMENT, other).await;
    assert_eq!((&refused["response"]["error"], &refused["payment"]["id"]), (&json!("TRRQ1002"), &ours), "{refused}");
    for named in [
        json!({"payment": {"id": "MINE-1"}}),
        json!({"loanId": loan.loan_id, "payment": {"id": "MINE-1"}}),
        json!({"payment": {"id": ours}}),
    ] {
        let status = lsp.ask(path::REPAYMENT_STATUS, named.clone()).await;
        assert_eq!((&status["payment"]["id"], &status["payment"]["status"]), (&ours, &json!("SUCCESS")), "{named}");
    }
    let found = server.get("/admin/loans?q=MINE-1").await;
    assert_eq!(found["items"][0]["loanId"], loan.loan_id, "and people find it by that id: {found}");
    let payments = "select count(*) from repayment where channel = 'LINK'";
    assert_eq!(sql::number(&server.app.pool, payments).await, 1);
    let summary = lsp.ask(path::LOAN_SUMMARY, json!({"loanId": loan.loan_id})).await;
    assert_eq!(summary["summary"]["amountRepaid"], "1000.00");

    let too_much = json!({"loanId": loan.loan_id, "payment": {"id": "MINE-2", "totalAmount": "9999999.00"}});
    let refused = lsp.ask(path::TRIGGER_REPAYMENT, too_much).await;
    assert_eq!(refused["payment"]["id"], "MINE-2", "a refusal echoes what was sent: {refused}");
    let unknown = json!({"loanId": loan.loan_id, "payment": {"id": "MINE-2"}});
    assert_eq!(lsp.send(path::REPAYMENT_STATUS, unknown).await.1.status, 404, "nothing was started under it");
    let other = TestLsp::register(&server, "LSP-OTHER").await;
    assert_eq!(other.send(path::REPAYMENT_STATUS, json!({"payment": {"id": "MINE-1"}})).await.1.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_the_lsp_has_seen_is_confirmed_once_more_for_each_time_it_says_so() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = paid_out(&server, &lsp).await;
    let order = json!({"loanId": loan.loan_id, "payment": {"id": "MINE-1", "totalAmount": "1000.00"}});
    let ours = lsp.ask(path::TRIGGER_REPAYMENT, order).await["payment"]["id"].clone();
    let confirms = confirms(&loan, &ours);
    let first = lsp.callback_that("confirms the repayment", &confirms).await.body;
    let told = || lsp.inbox.all().iter().filter(|callback| confirms(callback)).count();
    let seen = lsp.complete(json!({
        "loanId": loan.loan_id,
        "payment": {"id": ours, "status": "SUCCESS", "totalAmount": "9999.00"},
        "response": {"error": "0"},
    }));
    for _ in 0..2 {
        let (_, ack) = lsp.send(path::CONFIRM_REPAYMENT, seen.clone()).await;
        assert_eq!(ack.error(), "0", "{}", ack.body);
        server.until("it is confirmed once more", || async { told() >= 2 }).await;
    }
    let summary = lsp.ask(path::LOAN_SUMMARY, json!({"loanId": loan.loan_id})).await;
    assert_eq!(summary["summary"]["amountRepaid"], "1000.00", "no money moves on its word");
    assert_eq!(told(), 2, "the same message again says nothing new");
    let again = lsp.inbox.all().into_iter().rfind(|callback| confirms(callback)).unwrap().body;
    assert_eq!((&again["requestId"], &again["payment"]), (&first["requestId"], &first["payment"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_loans_may_have_the_same_id_of_the_lsp_s_own() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let (first, second) = (paid_out(&server, &lsp).await, paid_out(&server, &lsp).await);
    let mut ids = Vec::new();
    for loan in [&first, &second] {
        let order = json!({"loanId": loan.loan_id, "payment": {"id": "1", "totalAmount": "1000.00"}});
        let opened = lsp.ask(path::TRIGGER_REPAYMENT, order).await;
        ids.push(opened["payment"]["id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    for (loan, id) in [&first, &second].into_iter().zip(&ids) {
        let named = json!({"loanId": loan.loan_id, "payment": {"id": "1"}});
        let status = lsp.ask(path::REPAYMENT_STATUS, named).await;
        assert_eq!((&status["loanId"], &status["payment"]["id"]), (&json!(loan.loan_id), id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_a_person_entered_is_not_credited_again_by_its_page() {
    let paid = Arc::new(AtomicBool::new(false));
    let collections = collections(&paid);
    let server = server(&collections).await;
    let lsp = server.lsp().await;
    let loan = paid_out(&server, &lsp).await;
    let order = json!({"loanId": loan.loan_id, "payment": {"totalAmount": "1000.00"}});
    let page = lsp.ask(path::TRIGGER_REPAYMENT, order).await["payment"]["id"].clone();
    collections.until("the page is asked about", |seen| seen.iter().any(|call| call.method == "status")).await;
    let today = server.app.clock.today();
    let receipt = json!({"kind": "MANUAL_RECEIPT", "amount": "1000.00", "valueDate": today, "utr": UTR});
    done(&server, &loan, receipt).await;
    let repaid = async || {
        let summary = lsp.ask(path::LOAN_SUMMARY, json!({"loanId": loan.loan_id})).await;
        summary["summary"]["amountRepaid"].as_str().unwrap().to_owned()
    };
    assert_eq!(repaid().await, "1000.00");

    paid.store(true, Ordering::SeqCst);
    let hint = json!({"loanId": loan.loan_id, "payment": {"id": page}});
    lsp.send(path::CONFIRM_REPAYMENT, hint).await;
    let stuck = async || server.get("/admin/asks").await["items"].as_array().cloned().unwrap_or_default();
    server.until("a person must look", async || stuck().await.len() == 1).await;
    let ask = stuck().await.remove(0);
    assert_eq!((&ask["reason"], &ask["method"]), (&json!("credited by hand already"), &json!("status")), "{ask}");
    assert_eq!(repaid().await, "1000.00", "the same money is credited once");
    let close = format!("/admin/asks/{}/close", ask["askId"].as_str().unwrap());
    assert_eq!(server.post(&close, &json!({"reason": "the same money"})).await.0, 200);

    // Nothing waits for the page: the next one is there at once.
    let order = json!({"loanId": loan.loan_id, "payment": {"totalAmount": "500.00"}});
    let next = lsp.ask(path::TRIGGER_REPAYMENT, order).await;
    assert_eq!(next["payment"]["status"], "PENDING_AUTH", "{next}");
    assert_ne!(next["payment"]["id"], page);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_two_pages_share_is_credited_for_both() {
    let paid = Arc::new(AtomicBool::new(true));
    let server = server(&collections(&paid)).await;
    let lsp = server.lsp().await;
    let loan = paid_out(&server, &lsp).await;
    let mut pages = [const { Value::Null }; 2];
    for (amount, mine) in ["1000.00", "500.00"].into_iter().zip(&mut pages) {
        let order = json!({"loanId": loan.loan_id, "payment": {"totalAmount": amount}});
        let page = lsp.ask(path::TRIGGER_REPAYMENT, order).await["payment"]["id"].clone();
        let told = lsp.callback_that("confirms the page", confirms(&loan, &page)).await.body;
        assert_eq!((&told["payment"]["totalAmount"], &told["payment"]["txnRefNo"]), (&json!(amount), &json!(UTR)));
        *mine = page;
    }
    let summary = lsp.ask(path::LOAN_SUMMARY, json!({"loanId": loan.loan_id})).await;
    assert_eq!(summary["summary"]["amountRepaid"], "1500.00", "an aggregator settles several payments at once");

    // The same transfer for a third payment, which has ended, is no news that was booked already.
    let mut conn = server.app.pool.acquire().await.unwrap();
    let loan_id = LoanId(loan.loan_id.clone());
    let pages = pages.map(|page| PaymentId(page.as_str().unwrap().to_owned()));
    for (payment, booked) in [(&pages[0], true), (&pages[1], true), (&PaymentId::from("PAY-ENDED"), false)] {
        assert_eq!(repayment::is_booked(&mut conn, &loan_id, (payment, UTR)).await.unwrap(), booked, "{payment:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_has_the_page_asked_about_at_once() {
    let paid = Arc::new(AtomicBool::new(false));
    let collections = collections(&paid);
    let server = server(&collections).await;
    let lsp = server.lsp().await;
    let loan = paid_out(&server, &lsp).await;
    let order = json!({"loanId": loan.loan_id, "payment": {"id": "MINE", "totalAmount": "1000.00"}});
    let page = lsp.ask(path::TRIGGER_REPAYMENT, order).await["payment"]["id"].clone();
    collections.until("the page is asked about", |seen| seen.iter().any(|call| call.method == "status")).await;
    paid.store(true, Ordering::SeqCst);
    let hint = json!({"loanId": loan.loan_id, "payment": {"id": "MINE"}});
    assert_eq!(lsp.send(path::CONFIRM_REPAYMENT, hint).await.1.error(), "0");
    let told = lsp.callback_that("confirms the page", confirms(&loan, &page)).await.body;
    assert_eq!(told["payment"]["status"], "SUCCESS", "without the hint it would have been hours");
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_say_what_may_be_done_about_them() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    let flags = |plan: &Value| (plan["payNowAllowed"].clone(), plan["editPlanAllowed"].clone());
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(flags(&loan.offer["repayment"]["plans"][0]), (no.clone(), yes.clone()), "an offer is to be chosen from");
    let shown = async || lsp.ask(path::GET_LOAN, json!({"loanId": loan.loan_id})).await["repayment"].clone();
    let before = shown().await;
    assert_eq!(flags(&before["plan"]), (no.clone(), no.clone()), "nothing is paid out: {before}");
    assert_eq!((&before["method"]["type"], &before["method"]["status"]), (&json!("ENACH"), &json!("ACTIVE")));
    flow.disburse(&loan, "DISB-1").await;
    assert_eq!(flags(&shown().await["plan"]), (yes, no.clone()));
    let purpose = json!({"extensibleData": {"purpose": "COOLING_OFF_EXIT"}});
    let page = lsp.ask(path::TRIGGER_REPAYMENT, json!({"loanId": loan.loan_id, "payment": purpose})).await;
    lsp.callback_that("confirms the exit", confirms(&loan, &page["payment"]["id"])).await;
    assert_eq!(flags(&shown().await["plan"]), (Value::Null, Value::Null), "a closed loan has no plan in force");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pay_off_stands_on_a_quote_that_anybody_can_check() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = paid_out(&server, &lsp).await;
    server.post("/sandbox/clock", &json!({"advance": "P5D"})).await;
    let summary = lsp.ask(path::LOAN_SUMMARY, json!({"loanId": loan.loan_id})).await;
    let offer = &summary["summary"]["extensibleData"]["payOff"]["foreclosure"];
    let member = |name: &str| offer[name].as_str().unwrap_or("0.00").to_owned();
    let names = ["on", "amount", "principal", "interest", "fees", "penalty", "charge", "feesGivenBack", "excess"];
    let figures = [vec![loan.loan_id.clone(), "FORECLOSURE".to_owned()], names.map(member).to_vec()].concat().join("|");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, figures.as_bytes());
    let hash = digest.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    assert_eq!(offer["quote"]["hash"], hash, "{figures}");
    let pay = |quote: &Value| {
        let extra = json!({"purpose": "FORECLOSURE", "quoteId": quote});
        json!({"loanId": loan.loan_id, "payment": {"extensibleData": extra}})
    };
    let refused = lsp.ask(path::TRIGGER_REPAYMENT, pay(&json!("Q-20200101-0000000000000000"))).await;
    assert_eq!(refused["response"]["error"], "TRRQ1002", "{refused}");
    let quote = offer["quote"]["id"].clone();
    let opened = lsp.ask(path::TRIGGER_REPAYMENT, pay(&quote)).await;
    assert_eq!(
        (&opened["payment"]["totalAmount"], &opened["payment"]["extensibleData"]["quoteId"]),
        (&offer["amount"], &quote),
        "{opened}"
    );
    let told = lsp.callback_that("confirms the pay-off", confirms(&loan, &opened["payment"]["id"])).await.body;
    assert_eq!(
        (&told["payment"]["status"], &told["payment"]["extensibleData"]["quoteId"]),
        (&json!("SUCCESS"), &quote)
    );
}

/// An act proposed by one person and released by another; the payment that it was about or made.
async fn done(server: &Server, loan: &Loan, act: Value) -> Value {
    let body = json!({"act": act, "reason": "the bank's file", "maker": "asha"});
    let (status, proposed) = server.post(&format!("/admin/loans/{}/acts", loan.loan_id), &body).await;
    assert_eq!(status, 201, "{proposed}");
    let release = format!("/admin/acts/{}/release", proposed["actId"].as_str().unwrap());
    let (status, released) = server.post(&release, &json!({"checker": "ravi"})).await;
    assert_eq!(status, 200, "{released}");
    let shown = server.get(&format!("/admin/loans/{}", loan.loan_id)).await;
    let manual = |payment: &&Value| payment["channel"] == "MANUAL";
    shown["payments"].as_array().unwrap().iter().rev().find(manual).expect("an entry by hand")["paymentId"].clone()
}
