//! What a page of the console costs the database, and what the request that comes most often does.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::flow::Flow;
use crate::support::server::{Options, Server};

/// Connections of a test server.
const CONNECTIONS: usize = 12;

/// A server without work of its own and with one connection, on which each statement is counted.
struct Counting {
    server: Server,
    _held: Vec<sqlx::pool::PoolConnection<sqlx::Postgres>>,
}

impl Counting {
    async fn on(database_url: &str) -> Self {
        let options = Options { database_url: Some(database_url.to_owned()), idle: true, ..Options::default() };
        let server = Server::start_with(options).await;
        let mut held = Vec::new();
        while held.len() < CONNECTIONS - 1 {
            held.push(server.app.pool.acquire().await.unwrap());
        }
        Self { server, _held: held }
    }

    /// How often each prepared statement of ours was run so far; there are no others. Two are left out, which come at
    /// moments of their own: what the sandbox asks at each new connection of a client, and what stores the counts of
    /// traffic every two seconds.
    async fn run(&self) -> BTreeMap<String, i64> {
        let count = "select statement, generic_plans + custom_plans from pg_prepared_statements
            where statement not like '%pg_prepared_statements%'
            and statement not like '%from sandbox.fault%order by created_at%'
            and statement not like '%insert into traffic%'";
        let mut conn = self.server.app.pool.acquire().await.unwrap();
        let rows = conn.fetch_all(AssertSqlSafe(count.to_owned())).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// What was run since, each statement as often as it was.
    async fn since(&self, before: &BTreeMap<String, i64>) -> Vec<String> {
        let times = |statement, times: i64| times - before.get(statement).copied().unwrap_or_default();
        let run = self.run().await;
        let more = run.iter().flat_map(|(of, count)| (0..times(of, *count)).map(move |_| of.clone()));
        more.collect()
    }

    /// How many statements an answer takes.
    async fn of(&self, path: &str) -> usize {
        // The first time around connections and caches are warmed.
        self.server.get(path).await;
        let before = self.run().await;
        let answer = self.server.get(path).await;
        assert!(answer["status"].is_null(), "{path}: {answer}");
        self.since(&before).await.len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_takes_as_many_queries_for_two_hundred_messages_as_for_five() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let handle = flow.consent(&ids, "ONETIME").await;
    fingerprint::at_rest(&server).await;
    let counting = Counting::on(&server.database_url).await;
    let application = format!("/admin/applications/LSP-TEST/{}", ids[0]);
    let first = server.get(&format!("{application}/timeline?limit=500")).await;
    let message = first["items"][0]["messageId"].as_str().unwrap().to_owned();
    let pages = [
        format!("{application}/timeline?limit=500"),
        application.clone(),
        "/admin/overview".to_owned(),
        format!("/admin/messages/{message}"),
        "/admin/applications?limit=500".to_owned(),
        "/admin/callbacks?limit=500".to_owned(),
    ];
    let mut few = Vec::new();
    for page in &pages {
        few.push(counting.of(page).await);
    }
    for _ in 0..200 {
        lsp.send(path::CONSENT_STATUS, json!({"consent": {"consentHandle": handle}})).await;
    }
    fingerprint::at_rest(&server).await;
    let mut many = Vec::new();
    for page in &pages {
        many.push(counting.of(page).await);
    }
    let all = server.get(&format!("{application}/timeline?limit=500")).await["items"].as_array().unwrap().len();
    assert!(all > first["items"].as_array().unwrap().len() + 400, "{all} items");
    assert_eq!(many, few, "{pages:?}");
    assert_eq!((many[0], many[2]), (5, 5), "{many:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_application_is_filed_by_one_statement() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let counting = Counting::on(&server.database_url).await;
    let lsp = lsp.over(&counting.server.url, counting.server.http.clone());
    let mut taken = Vec::new();
    for _ in 0..4 {
        let before = counting.run().await;
        let body = json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]});
        let (_, ack) = lsp.send(path::CREATE, body).await;
        assert_eq!((ack.status, ack.error()), (200, "0"), "{}", ack.body);
        taken.push(counting.since(&before).await);
    }
    // The LSP's keys and switches; two looks of the sandbox at what was ordered of it; and all that is written.
    for statements in &taken[1..] {
        assert_eq!(statements.len(), 4, "statements of a request: {taken:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_read_by_one_statement_and_written_by_one() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let mut ids = Vec::new();
    while ids.len() < 4 {
        ids.extend(flow.file(1).await);
    }
    let counting = Counting::on(&server.database_url).await;
    let lsp = lsp.over(&counting.server.url, counting.server.http.clone());
    let mut taken = Vec::new();
    for id in ids {
        let before = counting.run().await;
        let consent = json!({"consentFetchType": "ONETIME", "vua": "asha@aa.in"});
        let (_, ack) = lsp.send(path::CONSENT_HANDLE, json!({"loanApplicationIds": [id], "consent": consent})).await;
        assert_eq!((ack.status, ack.error()), (200, "0"), "{}", ack.body);
        taken.push(counting.since(&before).await);
    }
    // The LSP's keys and switches, the application, a look of the sandbox, and all that is written.
    for statements in &taken[1..] {
        assert_eq!(statements.len(), 4, "statements of a request: {taken:#?}");
    }
}
