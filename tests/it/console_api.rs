//! What the console reads: overview, timeline, search, messages, links for LSPs, live news.

mod cost;
mod links;
mod live;
mod messages;
mod search;
mod timeline;

use serde_json::{Value, json};

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::lsp::TestLsp;
use crate::support::server::Server;
use crate::support::sql;

/// One member of every item of a list.
fn each<'a>(items: &'a Value, member: &str) -> Vec<&'a str> {
    items.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap_or_default()).collect()
}

/// A member of all buckets of a chart, added up.
fn total(overview: &Value, member: &str) -> i64 {
    overview["traffic"].as_array().unwrap().iter().map(|bucket| bucket[member].as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_what_there_is_and_what_went_by() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    lsp.send(path::SET_OFFER, json!({"loanApplicationId": "NEVER", "offer": {"id": "X"}})).await;
    fingerprint::at_rest(&server).await;

    let seen = server.get("/admin/overview").await;
    assert_eq!((&seen["mode"], &seen["applications"]["total"]), (&json!("dev"), &json!(1)), "{seen}");
    assert_eq!(seen["applications"]["byStage"], json!([{"stage": "GRANTED", "count": 1}]));
    assert_eq!(seen["loans"]["byStatus"], json!([{"status": "RUNNING", "count": 1}]));
    assert_eq!(seen["loans"]["outstanding"], loan.offer["terms"]["sanctionedAmount"]);
    let waits = json!({"pending": 0, "parked": 0, "oldestPendingSeconds": null});
    assert_eq!((&seen["callbacks"], &seen["unknownPayouts"]), (&waits, &json!(0)));
    assert_eq!(seen["traffic"].as_array().unwrap().len(), 60);
    let sent = i64::try_from(lsp.inbox.all().len()).unwrap();
    assert_eq!((total(&seen, "refused"), total(&seen, "callbacks"), total(&seen, "failedAttempts")), (1, sent, 0));
    assert!(total(&seen, "requests") > 10, "{seen}");
    assert_eq!(each(&seen["recent"], "loanApplicationId")[0], loan.application);

    let week = server.get("/admin/overview?span=7d&orgId=LSP-TEST").await;
    assert_eq!(total(&week, "requests"), total(&seen, "requests"));
    let other = server.get("/admin/overview?orgId=NOBODY").await;
    assert_eq!((&other["applications"]["total"], total(&other, "requests")), (&json!(0), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_lsp_has_its_newest_events_shown_beside_a_busy_one() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let quiet = Flow { server: &server, lsp: &lsp }.file(1).await.remove(0);
    fingerprint::at_rest(&server).await;
    let before = server.get("/admin/overview?orgId=LSP-TEST").await;
    let busy = TestLsp::register(&server, "LSP-BUSY").await;
    Flow { server: &server, lsp: &busy }.file(1).await;
    let events = "insert into event (application_id, revision, what, happened_at)
        select application_id, 1, 'Something happened.', now()
        from application, generate_series(1, 3000)
        where org_id = 'LSP-BUSY'";
    sql::run(&server.app.pool, events).await.unwrap();

    let after = server.get("/admin/overview?orgId=LSP-TEST").await;
    assert_eq!(each(&after["recent"], "loanApplicationId")[0], quiet);
    assert_eq!(after["recent"], before["recent"]);
    let all = server.get("/admin/overview").await;
    assert_eq!(all["recent"][0]["orgId"], "LSP-BUSY");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_shows_what_waits() {
    let server = Server::start_with(crate::support::server::Options { idle: true, ..Default::default() }).await;
    let lsp = server.lsp().await;
    lsp.send(path::CREATE, json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]})).await;
    let seen = server.get("/admin/overview").await;
    assert_eq!(seen["callbacks"]["pending"], 1, "{seen}");
    assert!(seen["callbacks"]["oldestPendingSeconds"].is_u64(), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_outlives_the_process_that_counted_it() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    Flow { server: &server, lsp: &lsp }.file(1).await;
    fingerprint::at_rest(&server).await;
    let before = server.get("/admin/overview").await;
    server.until("the counts are stored", || async { server.app.traffic.held().is_empty() }).await;
    let stored = "select coalesce(sum(requests), 0)::bigint from traffic where minutes = 12";
    server.until("the spans are there", || async { sql::number(&server.app.pool, stored).await == 1 }).await;
    let after = server.get("/admin/overview?span=24h").await;
    assert_eq!((total(&after, "requests"), total(&after, "callbacks")), (total(&before, "requests"), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_calls_is_told_who_he_is() {
    let server = crate::support::operators::with(&[("vera", &[ocen_lender::config::Role::Viewer])]).await;
    let (status, me) = crate::support::operators::get(&server, "vera", "/admin/whoami").await;
    assert_eq!((status, &me["name"], &me["roles"]), (200, &json!("vera"), &json!(["viewer"])));
    let anybody = server.get("/admin/whoami").await;
    assert_eq!((&anybody["name"], anybody["roles"].as_array().unwrap().len()), (&json!("open"), 5), "{anybody}");
    assert_eq!((&anybody["mode"], &anybody["version"]), (&json!("dev"), &json!(env!("CARGO_PKG_VERSION"))));
    assert_eq!(anybody["lenderName"], server.app.config.lender.name);
}
