//! What a loan's life costs in commits: no more of them than things happen to it, whoever makes them: the engine, the
//! delivery of callbacks, the feed of the general ledger and the simulated systems, which share the database.

use std::panic::AssertUnwindSafe;

use chrono::Duration;
use futures_util::FutureExt as _;
use ocen_lender::clock::{Ids, business_date};
use ocen_lender::sandbox::cluster::{Cluster, Durability};
use ocen_lender::store::schema::MIGRATOR;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool};

use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::server::{Options, Server};
use crate::support::sql;

/// Transactions that wrote anything, ended in whatever way: each has a number of its own, and nobody else is at work on
/// the cluster.
const WRITING: &str = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
/// What has happened to the one loan that there is, and what stands in its book.
const HAPPENED: &str = "select (select count(*) from event) + (select count(*) from journal)";

/// A cluster whose transactions are all a test's own.
async fn quiet(cluster: &Cluster) -> String {
    let mut conn = PgConnection::connect(cluster.database_url()).await.unwrap();
    MIGRATOR.run(&mut conn).await.unwrap();
    conn.execute("alter system set autovacuum = off").await.unwrap();
    conn.execute("select pg_reload_conf()").await.unwrap();
    cluster.database_url().to_owned()
}

/// Waits until the callbacks are delivered, the general ledger has the whole book, and the last day is compared.
async fn at_rest(server: &Server) {
    fingerprint::at_rest(server).await;
    let settled = |shown: &Value| {
        let last = &shown["comparisons"][0];
        // A day is compared five minutes after it is over.
        let ended = business_date(server.app.clock.now() - Duration::minutes(5)).pred_opt().unwrap();
        shown["pending"] == 0 && last["day"] == ended.to_string().as_str() && last["finishedAt"].is_string()
    };
    server.until("the general ledger has all", || async { settled(&server.get("/admin/ledger").await) }).await;
}

/// Commits and events of a loan's twelve months, its clock moved through all of them.
async fn twelve_months(url: String) -> (i64, i64) {
    let server = Server::start_with(Options { database_url: Some(url), ..Options::default() }).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    let (status, answer) = server.post("/sandbox/clock", &json!({"advance": "P1D"})).await;
    assert_eq!(status, 200, "{answer}");
    at_rest(&server).await;
    let pool = &server.app.pool;
    let both = async |pool: &PgPool| (sql::number(pool, WRITING).await, sql::number(pool, HAPPENED).await);
    let before = both(pool).await;
    let (status, answer) = server.post("/sandbox/clock", &json!({"until": "closed", "loanId": loan.loan_id})).await;
    assert_eq!(status, 200, "{answer}");
    at_rest(&server).await;
    let after = both(pool).await;
    let told = "select count(*) from callback where operation = 'confirmRepayment' and state = 'DELIVERED'";
    assert_eq!(sql::number(pool, told).await, 12);
    (after.0 - before.0, after.1 - before.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_months_of_a_loan_need_no_more_commits_than_its_events() {
    let dir = std::env::temp_dir().join(format!("ocen-commits-{}", Ids.uuid().simple()));
    let cluster = Cluster::adopt_or_start(&dir, Durability::ThrowAway).await.unwrap();
    let url = quiet(&cluster).await;
    // The cluster ends whatever becomes of the test.
    let counted = AssertUnwindSafe(twelve_months(url)).catch_unwind().await;
    cluster.stop().await.unwrap();
    let _ = std::fs::remove_dir_all(&dir);
    let (commits, happened) = counted.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    assert!(commits <= happened, "{commits} commits for {happened} events and journals");
}
