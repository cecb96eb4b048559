//! Kill switches: what is stopped is refused clearly and at once, and what exists goes on.

use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::lsp::{Ack, TestLsp};
use crate::support::server::{Options, Server};
use crate::support::sql;

/// What the sandbox lends for a personal loan, which is what the test applications ask for.
const PRODUCT: &str = "personal";

async fn stop(server: &Server, which: &str) -> (u16, Value) {
    let url = format!("{}/admin/switches/{which}", server.admin);
    let why = json!({"reason": "trial by fire", "by": "asha"});
    let answer = server.http.put(url).json(&why).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn release(server: &Server, which: &str) -> u16 {
    let url = format!("{}/admin/switches/{which}?by=ravi&reason=over", server.admin);
    server.http.delete(url).send().await.unwrap().status().as_u16()
}

fn lookup() -> Value {
    json!({"lookupType": "LOAN_TYPE"})
}

fn assert_stopped(ack: &Ack) {
    assert_eq!((ack.status, ack.error(), ack.signed), (503, "GEN5004", true), "{}", ack.body);
    assert_eq!(ack.retry_after, Some(300));
    assert!(ack.body["detail"].as_str().unwrap().contains("stopped"), "{}", ack.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_operation_is_refused_by_every_replica_until_it_runs_again() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let database_url = Some(server.database_url.clone());
    let replica = Server::start_with(Options { database_url, ..Options::default() }).await;
    let elsewhere = lsp.over(&replica.url, replica.http.clone());
    assert_eq!(stop(&server, "operation/getLookupCodes").await.0, 200);

    let message = lsp.complete(lookup());
    let before = fingerprint::all(&server).await;
    for lsp in [&lsp, &elsewhere] {
        assert_stopped(&lsp.post(path::LOOKUP, lsp.seal(&message)).await);
    }
    assert_eq!(fingerprint::all(&server).await, before);
    lsp.ask(path::ERROR_CODES, json!({})).await;

    assert_eq!(release(&server, "operation/getLookupCodes").await, 204);
    assert_eq!(elsewhere.post(path::LOOKUP, lsp.seal(&message)).await.error(), "0");
    lsp.callback(message["requestId"].as_str().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_lsp_is_refused_and_others_are_not() {
    let server = Server::start().await;
    let (lsp, other) = (server.lsp().await, TestLsp::register(&server, "LSP-OTHER").await);
    stop(&server, "lsp/LSP-TEST").await;
    assert_stopped(&lsp.send(path::LOOKUP, lookup()).await.1);
    other.ask(path::LOOKUP, lookup()).await;
    release(&server, "lsp/LSP-TEST").await;
    lsp.ask(path::LOOKUP, lookup()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_product_makes_no_new_loans_and_serves_those_there_are() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    let open = flow.file(1).await;
    let offers = flow.offers(&open).await;
    let agreeing = flow.file(1).await;
    let theirs = flow.offers(&agreeing).await;
    flow.set_offer(&agreeing[0], &theirs[0]).await;
    let (session, otp) = flow.otp(&agreeing).await;
    assert_eq!(stop(&server, &format!("product/{PRODUCT}")).await.0, 200);

    let create = json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]});
    let before = fingerprint::state(&server).await;
    for (path, body) in [
        (path::CREATE, create),
        (path::GENERATE_OFFERS, json!({"loanApplicationIds": open})),
        (path::SET_OFFER, json!({"loanApplicationId": open[0], "offer": {"id": offers[0]["id"]}})),
        (
            path::VERIFY_ACCEPTANCE,
            json!({"credBlock": {"type": "OTP", "data": {"otpSessionKey": session, "otp": otp}}}),
        ),
        (path::GRANT, json!({"loanApplicationId": open[0]})),
    ] {
        assert_stopped(&lsp.send(path, body).await.1);
    }
    assert_eq!(fingerprint::state(&server).await, before);

    let amount = &loan.offer["terms"]["sanctionedAmount"];
    let payout = json!({"loanId": loan.loan_id, "payment": {"id": "P-1", "totalAmount": amount}});
    lsp.ask(path::TRIGGER_DISBURSEMENT, payout).await;
    let paid = |c: &crate::support::lsp::Callback| c.body["payment"]["status"] == "SUCCESS";
    lsp.callback_that("tells that money moved", paid).await;
    for path in [path::LOAN_SUMMARY, path::GET_LOAN, path::LOAN_STATEMENT] {
        lsp.ask(path, json!({"loanId": loan.loan_id})).await;
    }
    lsp.ask(path::GRANT, json!({"loanApplicationId": loan.application})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_payouts_wait_and_leave_once_when_the_switch_is_taken_back() {
    for subject in ["all", PRODUCT] {
        let server = Server::start().await;
        let lsp = server.lsp().await;
        let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
        let switch = format!("payouts/{subject}");
        assert_eq!(stop(&server, &switch).await.0, 200);

        let amount = &loan.offer["terms"]["sanctionedAmount"];
        let payout = json!({"loanId": loan.loan_id, "payment": {"id": "P-1", "totalAmount": amount}});
        let (_, ack) = lsp.send(path::TRIGGER_DISBURSEMENT, payout).await;
        assert_eq!(ack.error(), "0", "{}", ack.body);
        let pool = &server.app.pool;
        let count = |what: &'static str| sql::number(pool, what);
        let held = "select count(*) from ask where method = 'pay' and state = 'OPEN' and held and tries = 0";
        server.until("the payout is held", || async { count(held).await == 1 }).await;
        assert_eq!(count("select count(*) from payout where state <> 'RESERVED'").await, 0);

        assert_eq!(release(&server, &switch).await, 204);
        let paid = |c: &crate::support::lsp::Callback| c.body["payment"]["status"] == "SUCCESS";
        lsp.callback_that("tells that money moved", paid).await;
        assert_eq!(count("select count(*) from payout where state = 'PAID' and attempt = 1").await, 1, "{subject}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stopped_what_is_shown_and_kept() {
    let server = Server::start().await;
    for (which, status) in [
        ("operation/setOffer", 200),
        ("operation/setoffers", 404),
        ("product/none", 404),
        ("lsp/LSP-NOBODY", 404),
        ("payouts/none", 404),
        ("weather/rain", 404),
    ] {
        assert_eq!(stop(&server, which).await.0, status, "{which}");
    }
    let url = format!("{}/admin/switches/payouts/all", server.admin);
    for why in [json!({"reason": "", "by": "asha"}), json!({"reason": "r", "by": " "}), json!({"reason": "r"})] {
        let answer = server.http.put(&url).json(&why).send().await.unwrap();
        assert!(matches!(answer.status().as_u16(), 400 | 422), "{why}");
    }
    let set = server.get("/admin/switches").await;
    assert_eq!(set["items"].as_array().unwrap().len(), 1, "{set}");
    assert_eq!((&set["items"][0]["subject"], &set["items"][0]["setBy"]), (&json!("setOffer"), &json!("asha")));
    assert_eq!(release(&server, "operation/setOffer").await, 204);
    assert_eq!(release(&server, "operation/setOffer").await, 404, "it is not stopped any more");

    let changes = server.get("/admin/switches/changes").await;
    let told: Vec<_> = changes["items"].as_array().unwrap().iter().map(|c| (&c["changedBy"], &c["stopped"])).collect();
    assert_eq!(told, [(&json!("ravi"), &json!(false)), (&json!("asha"), &json!(true))]);
    let audited = server.get("/admin/audit?action=SWITCH_STOPPED").await;
    assert_eq!(audited["items"].as_array().unwrap().len(), 1, "{audited}");
    assert!(sql::run(&server.app.pool, "delete from switch_change").await.is_err(), "it is kept for good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_that_was_held_once_and_waits_for_something_else_goes_on_waiting() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = Flow { server: &server, lsp: &lsp }.granted(1).await.remove(0);
    assert_eq!(stop(&server, "payouts/all").await.0, 200);
    let amount = &loan.offer["terms"]["sanctionedAmount"];
    let payout = json!({"loanId": loan.loan_id, "payment": {"id": "P-1", "totalAmount": amount}});
    lsp.send(path::TRIGGER_DISBURSEMENT, payout).await;
    let pool = &server.app.pool;
    let held = "select count(*) from ask where method = 'pay' and state = 'OPEN' and held and lease_id is null";
    server.until("the payout is held", || async { sql::number(pool, held).await == 1 }).await;
    let later = "update ask set due_at = due_at + interval '1 hour' where method = 'pay' and lease_id is null";
    sql::run(pool, later).await.unwrap();
    assert_eq!(release(&server, "payouts/all").await, 204);
    assert_eq!(sql::number(pool, held).await, 1);
    let moved = "select count(*) from ask where method = 'pay' and due_at < now() + interval '30 minutes'";
    assert_eq!(sql::number(pool, moved).await, 0);
}
