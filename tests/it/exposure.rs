//! What one borrower may owe is counted lender-wide, under concurrency too; so is what is pledged (design §5).

use chrono::Duration;
use futures_util::future::join_all;
use ocen_lender::domain::maths::money::Paise;
use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::flow::Flow;
use crate::support::lsp::TestLsp;
use crate::support::server::{Options, Server};
use crate::support::sql;

/// Enough for one loan of 50,000 rupees and a small one, too little for two.
const LIMIT: Paise = Paise(7_500_000);

fn limited() -> Options {
    Options { tweak: Some(Box::new(|config| config.limits.max_borrower_exposure = Some(LIMIT))), ..Options::default() }
}

/// Rupees that count against anybody, in paise.
async fn counted(server: &Server) -> i64 {
    sql::number(&server.app.pool, "select coalesce(sum(amount), 0)::bigint from exposure").await
}

async fn set_offers(lsp: &TestLsp, ids: &[String], offers: &[Value]) -> Vec<Value> {
    let body = |id: &String, offer: &Value| json!({"loanApplicationId": id, "offer": {"id": offer["id"]}});
    join_all(ids.iter().zip(offers).map(|(id, offer)| lsp.ask(path::SET_OFFER, body(id, offer)))).await
}

/// A borrower with a small loan accepted, on whose other four applications offers are accepted at once.
async fn four_at_once(flow: &Flow<'_>) {
    let pan = bodies::pan();
    let small = bodies::id();
    let mut item = bodies::application(&small, &pan);
    item["terms"]["requestedAmount"] = json!("10000.00");
    flow.lsp.ask(path::CREATE, json!({"loanApplications": [item]})).await;
    let ids = [vec![small], flow.file_for(&pan, 4).await].concat();
    let offers = flow.offers(&ids).await;
    flow.set_offer(&ids[0], &offers[0]).await;

    let answers = set_offers(flow.lsp, &ids[1..], &offers[1..]).await;

    let stands = |answer: &&Value| answer["loanApplicationStatus"] == "OFFER_ACCEPTED";
    assert_eq!(answers.iter().filter(stands).count(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| !stands(answer)) {
        assert_eq!(answer["response"]["error"], "SORQ1004", "{answer}");
        assert_eq!(answer["loanApplicationStatus"], "OFFERED", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_four_offers_accepted_at_once_the_limit_lets_one_stand() {
    const BORROWERS: i64 = 8;
    let server = Server::start_with(limited()).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };

    join_all((0..BORROWERS).map(|_| four_at_once(&flow))).await;

    assert_eq!(counted(&server).await, BORROWERS * (1_000_000 + 5_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_reserved_is_free_again_when_the_application_expires() {
    let server = Server::start_with(limited()).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let pan = bodies::pan();
    let first = flow.file_for(&pan, 1).await;
    let offers = flow.offers(&first).await;
    flow.set_offer(&first[0], &offers[0]).await;

    server.app.clock.advance(Duration::days(server.app.config.limits.idle_days + 1));
    server.app.wake.notify_asks();
    let shown = format!("/admin/applications/{}/{}", lsp.org_id, first[0]);
    server.until("the application expired", || async { server.get(&shown).await["stage"] == "EXPIRED" }).await;

    assert_eq!(counted(&server).await, 0);
    let second = flow.file_for(&pan, 1).await;
    let offers = flow.offers(&second).await;
    flow.set_offer(&second[0], &offers[0]).await;
}

/// Everything that a grant needs, on a server without a limit, which is gone afterwards.
async fn ready_for_grant(count: usize) -> (TestLsp, Vec<String>, String) {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(count).await;
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    server.app.stop.cancel();
    server.app.tasks.close();
    server.app.tasks.wait().await;
    (lsp, ids, server.database_url.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_four_grants_at_once_the_limit_lets_one_through() {
    let (mut lsp, ids, database_url) = ready_for_grant(4).await;
    let server = Server::start_with(Options { database_url: Some(database_url), ..limited() }).await;
    lsp.url.clone_from(&server.url);
    assert_eq!(counted(&server).await, 4 * 5_000_000);
    let flow = Flow { server: &server, lsp: &lsp };

    let answers = join_all(ids.iter().map(|id| flow.grant(id))).await;

    let with = |status: &str| answers.iter().filter(|answer| answer["loanStatus"] == status).count();
    assert_eq!((with("GRANTED"), with("REJECTED")), (1, 3), "{answers:?}");
    assert_eq!(counted(&server).await, 5_000_000);
    assert_eq!(sql::number(&server.app.pool, "select count(*) from loan").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_with_a_corrupt_collateral_is_declined_alone() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let (bad, good) = (bodies::id(), bodies::id());
    let mut corrupt = bodies::application(&bad, &bodies::pan());
    corrupt["collaterals"] = json!([{"type": "GST_INVOICE", "valuation": {"value": "about 5 lakh"}}]);
    let items = json!([corrupt, bodies::application(&good, &bodies::pan())]);

    let answer = lsp.ask(path::CREATE, json!({"loanApplications": items})).await;

    let [bad, good] = [0, 1].map(|slot| &answer["loanApplications"][slot]);
    assert_eq!((&bad["response"]["error"], &bad["loanApplicationStatus"]), (&json!("CLARQ1004"), &json!("REJECTED")));
    assert_eq!(good["loanApplicationStatus"], "PROCESSING", "{answer}");
}

/// An application of a borrower's own, with a collateral that others may name as well.
async fn pledging(flow: &Flow<'_>, invoice: &str) -> String {
    let collateral = json!({
        "collateralPrimaryId": invoice,
        "collateralPrimaryIdType": "GST_INVOICE",
        "type": "GST_INVOICE",
    });
    pledging_a(flow, collateral).await
}

async fn pledging_a(flow: &Flow<'_>, collateral: Value) -> String {
    let id = bodies::id();
    let mut item = bodies::application(&id, &bodies::pan());
    item["collaterals"] = json!([collateral]);
    let answer = flow.lsp.ask(path::CREATE, json!({"loanApplications": [item]})).await;
    assert_eq!(answer["loanApplications"][0]["loanApplicationStatus"], "PROCESSING", "{answer}");
    let ids = [id];
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    let [id] = ids;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collateral_is_pledged_to_one_of_two_borrowers() {
    let server = Server::start().await;
    let (one, two) = (TestLsp::register(&server, "LSP-ONE").await, TestLsp::register(&server, "LSP-TWO").await);
    let (one, two) = (Flow { server: &server, lsp: &one }, Flow { server: &server, lsp: &two });
    let (first, second) = tokio::join!(pledging(&one, "INVOICE-77"), pledging(&two, "INVOICE-77"));

    let (first, second) = tokio::join!(one.grant(&first), two.grant(&second));

    let mut told = [first["loanStatus"].as_str().unwrap(), second["loanStatus"].as_str().unwrap()];
    told.sort_unstable();
    assert_eq!(told, ["GRANTED", "REJECTED"], "{first} {second}");
    assert_eq!(sql::number(&server.app.pool, "select count(*) from lien").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collateral_is_pledged_once_however_its_id_is_written() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let granted = async |collateral: Value| {
        let id = pledging_a(&flow, collateral).await;
        flow.grant(&id).await["loanStatus"] == "GRANTED"
    };

    assert!(granted(json!({"collateralPrimaryId": "INV-1", "collateralPrimaryIdType": "GST_INVOICE"})).await);
    for again in [
        json!({"collateralPrimaryId": " INV-1 ", "collateralPrimaryIdType": "gst invoice"}),
        json!({"collateralPrimaryId": "inv-1", "type": "GST_INVOICE"}),
    ] {
        assert!(!granted(again.clone()).await, "{again}");
    }
    assert!(granted(json!({"collateralPrimaryId": "INV-1", "type": "VEHICLE"})).await);
    let named = json!({"collateralPrimaryId": "INV-1", "type": "VEHICLE", "collateralPrimaryIdType": "VIN"});
    assert!(!granted(named).await);
}
