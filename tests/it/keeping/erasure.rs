//! Personal data is erased at the end of its retention, and nothing stumbles over what is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::Duration;
use ocen_lender::config::Retention;
use ocen_lender::domain::application::ask::{Ask, Finding, Outcome};
use serde_json::{Value, json};

use super::{keeping, sweep};
use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::TestLsp;
use crate::support::money::rupees;
use crate::support::port::{Reply, Steered};
use crate::support::server::{Options, Server};
use crate::support::sql;
use crate::unanswered::{debited, forgetful, on_the_desk};

/// Ten days for everything that has ended.
const TEN_DAYS: Retention = Retention {
    messages_days: None,
    attempts_days: None,
    request_ids_days: None,
    refused_days: Some(10),
    closed_days: Some(10),
};

async fn shown(server: &Server, lsp: &TestLsp, id: &str) -> Value {
    server.get(&format!("/admin/applications/{}/{id}", lsp.org_id)).await
}

/// Nothing by which the borrower can be known.
fn assert_nobody(shown: &Value, pan: &str) {
    let text = shown.to_string();
    for secret in [pan, bodies::NAME, bodies::PHONE, bodies::ACCOUNT, "asha"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_application_names_nobody_after_its_time_unless_it_is_held() {
    let server = keeping(TEN_DAYS, Options::default()).await;
    let lsp = server.lsp().await;
    let pans = [bodies::pan(), bodies::pan()];
    let mut filed = Vec::new();
    for pan in &pans {
        let mut item = bodies::application(&bodies::id(), pan);
        item["terms"]["requestedAmount"] = json!("99999999.00");
        let body = lsp.complete(json!({"loanApplications": [item]}));
        assert_eq!(lsp.post(path::CREATE, lsp.seal(&body)).await.error(), "0");
        lsp.callback(body["requestId"].as_str().unwrap()).await;
        filed.push((body["loanApplications"][0]["loanApplicationId"].as_str().unwrap().to_owned(), body));
    }
    fingerprint::at_rest(&server).await;
    let hold = format!("/admin/applications/{}/{}/legal-hold", lsp.org_id, filed[1].0);
    let (status, held) = server.post(&hold, &json!({"hold": true, "reason": "court order 7"})).await;
    assert_eq!((status, held["legalHold"]["reason"].as_str()), (200, Some("court order 7")), "{held}");
    assert_eq!(server.post(&hold, &json!({"hold": true, "reason": " "})).await.0, 422);

    server.app.clock.advance(Duration::days(11));
    assert_eq!(sweep(&server).await.erased, 1);
    let first = shown(&server, &lsp, &filed[0].0).await;
    assert_nobody(&first, &pans[0]);
    assert!(first["received"][0]["body"]["erasedAt"].is_string(), "{first}");
    assert!(first["sent"][0]["body"]["erasedAt"].is_string(), "{first}");
    assert!(first["keeping"]["ended"]["erasedAt"].is_string(), "{first}");
    let proofs = first["keeping"]["erasures"].as_array().unwrap();
    let what: Vec<&str> = proofs.iter().map(|proof| proof["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["APPLICATION", "MESSAGE", "CALLBACK"], "{first}");
    assert!(proofs.iter().all(|proof| proof["digest"].as_str().unwrap().len() == 64));

    // A repeated request is still recognised, and its answer, which is gone, is not sent again.
    let again = lsp.post(path::CREATE, lsp.seal(&filed[0].1)).await;
    assert_eq!((again.status, again.error()), (200, "0"), "{}", again.body);
    assert_eq!(sql::number(&server.app.pool, "select count(*) from callback where state = 'PENDING'").await, 0);
    let callback = first["sent"][0]["id"].as_str().unwrap();
    assert_eq!(server.post(&format!("/admin/callbacks/{callback}/redeliver"), &json!({})).await.0, 409);

    let second = shown(&server, &lsp, &filed[1].0).await;
    assert_eq!(second["state"]["form"]["borrower"]["name"], bodies::NAME, "{second}");
    assert_eq!(server.post(&hold, &json!({"hold": false, "reason": "case closed"})).await.0, 200);
    assert_eq!(sweep(&server).await.erased, 1);
    assert_nobody(&shown(&server, &lsp, &filed[1].0).await, &pans[1]);
}

/// Two people do something to a loan.
async fn act(server: &Server, loan: &Loan, act: Value) {
    let acts = format!("/admin/loans/{}/acts", loan.loan_id);
    let (status, proposed) = server.post(&acts, &json!({"act": act, "reason": "r", "maker": "asha"})).await;
    assert_eq!(status, 201, "{proposed}");
    let release = format!("/admin/acts/{}/release", proposed["actId"].as_str().unwrap());
    let (status, done) = server.post(&release, &json!({"checker": "ravi"})).await;
    assert_eq!(status, 200, "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_loan_keeps_its_book_and_names_nobody() {
    let server = keeping(TEN_DAYS, Options::default()).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    let other = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    let of = |body: Value| {
        let mut body = body;
        body["loanId"] = json!(loan.loan_id);
        body
    };
    lsp.ask(path::RAISE_DISPUTE, of(json!({"dispute": {"description": "Asha was charged twice"}}))).await;
    let pay = of(json!({"payment": {"extensibleData": {"purpose": "FORECLOSURE"}}}));
    lsp.ask(path::TRIGGER_REPAYMENT, pay).await;
    let book = |loan: String| {
        let server = &server;
        async move { server.get(&format!("/admin/loans/{loan}")).await }
    };
    let before = {
        server.until("the loan is closed", || async { book(loan.loan_id.clone()).await["status"] == "CLOSED" }).await;
        fingerprint::at_rest(&server).await;
        book(loan.loan_id.clone()).await
    };
    server.app.clock.advance(Duration::days(11));
    assert_eq!(sweep(&server).await.erased, 0, "a dispute is open");
    let dispute = before["disputes"][0]["id"].as_str().unwrap();
    let resolved = json!({"status": "RESOLVED", "note": "given back"});
    assert_eq!(server.post(&format!("/admin/disputes/{dispute}"), &resolved).await.0, 200);
    // Money that came afterwards must go back first, and to the account that erasure would forget.
    let today = server.app.clock.today();
    act(&server, &loan, json!({"kind": "MANUAL_RECEIPT", "amount": "12.50", "valueDate": today, "utr": "LATE-1"}))
        .await;
    assert_eq!(sweep(&server).await.erased, 0, "12.50 are the borrower's");
    act(&server, &loan, json!({"kind": "REFUND", "amount": "12.50"})).await;
    let asked = "select count(*) from ask where method = 'pay' and state <> 'CLOSED'";
    server.until("the refund is paid", || async { sql::number(&server.app.pool, asked).await == 0 }).await;
    // What the LSP is still to be told is not erased before.
    fingerprint::at_rest(&server).await;
    let before = book(loan.loan_id.clone()).await;
    assert_eq!(sweep(&server).await.erased, 1);

    let after = book(loan.loan_id.clone()).await;
    assert_eq!(after["book"], before["book"]);
    assert_eq!(after["schedule"], before["schedule"]);
    assert_nobody(&json!([after["terms"], after["disputes"]]), bodies::NAME);
    let application = shown(&server, &lsp, &loan.application).await;
    assert_nobody(&application, bodies::NAME);
    assert_eq!(application["keeping"]["ended"]["class"], "CLOSED", "{application}");
    // Whatever is asked about it is answered, in the form that the schemas want.
    for path in [path::LOAN_SUMMARY, path::GET_LOAN, path::LOAN_STATEMENT, path::TRIGGER_REPAYMENT] {
        lsp.ask(path, of(json!({"payment": {}}))).await;
    }
    lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": [loan.application]})).await;
    let whole = shown(&server, &lsp, &other.application).await;
    assert_eq!(whole["state"]["form"]["borrower"]["name"], bodies::NAME, "the open one's stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_that_nobody_answered_for_is_ended_before_its_borrower_is_forgotten() {
    let collections = forgetful();
    let port = Arc::clone(&collections) as _;
    let server = keeping(TEN_DAYS, Options { port: Some(("collections", port)), ..Options::default() }).await;
    let lsp = server.lsp().await;
    let loan = debited(&server, &lsp, &collections).await;
    let ask = on_the_desk(&server).await;
    let today = server.app.clock.today();
    let all = json!({"kind": "MANUAL_RECEIPT", "amount": "999999.00", "valueDate": today, "utr": "ALL-1",
        "purpose": "FORECLOSURE"});
    act(&server, &loan, all).await;
    let shown = server.get(&format!("/admin/loans/{}", loan.loan_id)).await;
    assert_eq!(shown["status"], "CLOSED", "{shown}");
    let held = "select -sum(amount)::bigint from posting where account = 'BORROWER_EXCESS'";
    let held = rupees(sql::number(&server.app.pool, held).await);
    act(&server, &loan, json!({"kind": "REFUND", "amount": held})).await;
    let asked = "select count(*) from ask where method = 'pay' and state <> 'CLOSED'";
    server.until("the refund is paid", || async { sql::number(&server.app.pool, asked).await == 0 }).await;
    fingerprint::at_rest(&server).await;
    server.app.clock.advance(Duration::days(11));
    assert_eq!(sweep(&server).await.erased, 0, "what comes of the debit would be told of nobody");

    act(&server, &loan, json!({"kind": "RESOLVE_DEBIT", "paymentId": ask["paymentId"]})).await;
    fingerprint::at_rest(&server).await;
    assert_eq!(sweep(&server).await.erased, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_nobody_answers_for_is_ended_by_people_and_keeps_nothing_for_ever() {
    let knows = Arc::new(AtomicBool::new(false));
    let says = Arc::clone(&knows);
    let bank = Steered::new(move |call| match call.ask {
        Ask::Refund(_) if !says.load(Ordering::SeqCst) => Reply::With(Outcome::Unknown { reference: None }),
        _ => Reply::Usual,
    });
    let port = Arc::clone(&bank) as _;
    let server = keeping(TEN_DAYS, Options { port: Some(("disbursement", port)), ..Options::default() }).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    let pay = json!({"loanId": loan.loan_id, "payment": {"extensibleData": {"purpose": "FORECLOSURE"}}});
    lsp.ask(path::TRIGGER_REPAYMENT, pay).await;
    let status = async || server.get(&format!("/admin/loans/{}", loan.loan_id)).await["status"].clone();
    server.until("the loan is closed", async || status().await == "CLOSED").await;
    let today = server.app.clock.today();
    act(&server, &loan, json!({"kind": "MANUAL_RECEIPT", "amount": "12.50", "valueDate": today, "utr": "LATE-1"}))
        .await;
    act(&server, &loan, json!({"kind": "REFUND", "amount": "12.50"})).await;
    bank.until("asked for the refund", |seen| seen.iter().any(|call| matches!(call.ask, Ask::Refund(_)))).await;
    let ask = on_the_desk(&server).await;
    assert_eq!((&ask["method"], &ask["amount"]), (&json!("pay"), &json!("12.50")), "{ask}");
    server.app.clock.advance(Duration::days(11));
    assert_eq!(sweep(&server).await.erased, 0, "the account that it goes to must not be forgotten");

    // Not paid: it is the borrower's again, and goes out under another reference.
    act(&server, &loan, json!({"kind": "RESOLVE_REFUND", "reference": ask["refund"]})).await;
    let held = "select -sum(amount)::bigint from posting where account = 'BORROWER_EXCESS'";
    assert_eq!(sql::number(&server.app.pool, held).await, 1250);
    assert!(server.get("/admin/asks").await["items"].as_array().unwrap().is_empty());
    knows.store(true, Ordering::SeqCst);
    act(&server, &loan, json!({"kind": "REFUND", "amount": "12.50"})).await;
    let asked = "select count(*) from ask where method = 'pay' and state <> 'CLOSED'";
    server.until("the refund is paid", || async { sql::number(&server.app.pool, asked).await == 0 }).await;
    fingerprint::at_rest(&server).await;
    assert_eq!(sweep(&server).await.erased, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_with_a_consent_goes_when_its_data_life_ends() {
    let end = ocen_lender::clock::Clock::default().now() + Duration::days(5);
    let aggregator = Steered::new(move |call| match call.method {
        "consent-status" => {
            let finding = Finding::ConsentReady { consent_id: "ARTEFACT-77".to_owned(), data_life_ends: Some(end) };
            Reply::With(Outcome::Done { finding })
        }
        _ => Reply::Usual,
    });
    let server = Server::start_with(Options { port: Some(("data", aggregator)), ..Options::default() }).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let handle = flow.consent(&ids, "ONETIME").await;
    lsp.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": ids})).await;
    let sealed = "select count(*) from ask where port = 'data' and get_byte(detail, 0) <> 0";
    assert_eq!(sql::number(&server.app.pool, sealed).await, 3);
    assert!(shown(&server, &lsp, &ids[0]).await.to_string().contains("ARTEFACT-77"));

    server.app.clock.advance(Duration::days(6));
    server.app.wake.notify_asks();
    server
        .until("the data life has ended", || async { shown(&server, &lsp, &ids[0]).await["dataConsent"] == "FAILED" })
        .await;
    let after = shown(&server, &lsp, &ids[0]).await;
    assert!(!after["state"].to_string().contains("ARTEFACT-77"), "{after}");
    assert_eq!(after["keeping"]["erasures"][0]["what"], "CONSENT_DATA", "{after}");
    assert_eq!(sql::number(&server.app.pool, sealed).await, 0);
    let told = lsp.ask(path::CONSENT_STATUS, json!({"consent": {"consentHandle": handle}})).await;
    assert_eq!(told["consent"]["consentStatus"], "FAILED", "{told}");
}
