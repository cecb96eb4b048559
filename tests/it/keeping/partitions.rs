//! Months of messages come and go while servers run.

use chrono::Duration;
use ocen_lender::config::Retention;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{declined, keeping, sweep};
use crate::support::bodies::{self, path};
use crate::support::server::{Options, Server};
use crate::support::{database, sql};

/// Half a year, and everything else for ever.
const MESSAGES: Retention = Retention {
    messages_days: Some(180),
    attempts_days: None,
    request_ids_days: None,
    refused_days: None,
    closed_days: None,
};

async fn idle(retention: Retention) -> Server {
    keeping(retention, Options { idle: true, ..Options::default() }).await
}

async fn messages(server: &Server) -> i64 {
    sql::number(&server.app.pool, "select count(*) from message").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_runs_for_years_goes_on_making_months() {
    let server = idle(Retention::default()).await;
    let other = Server::start_with(Options {
        database_url: Some(server.database_url.clone()),
        idle: true,
        ..Options::default()
    })
    .await;
    for server in [&server, &other] {
        server.app.clock.advance(Duration::days(800));
    }
    let (one, two) = tokio::join!(ocen_lender::keep::sweep(&server.app), ocen_lender::keep::sweep(&other.app));
    one.unwrap();
    two.unwrap();
    sweep(&other).await;
    let lsp = server.lsp().await;
    declined(&lsp, &bodies::pan()).await;
    let in_default = sql::number(&server.app.pool, "select count(*) from message_default").await;
    assert_eq!((messages(&server).await, in_default), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_goes_as_a_whole_and_waits_for_the_last_open_application() {
    let server = idle(MESSAGES).await;
    let lsp = server.lsp().await;
    declined(&lsp, &bodies::pan()).await;
    let open = bodies::id();
    lsp.send(path::CREATE, json!({"loanApplications": [bodies::application(&open, &bodies::pan())]})).await;
    assert_eq!(messages(&server).await, 2);
    assert_eq!(sweep(&server).await.pruned, 0, "nothing is old enough");

    server.app.clock.advance(Duration::days(300));
    let swept = sweep(&server).await;
    assert_eq!(swept.pruned, 1, "what has ended");
    assert!(!swept.dropped.is_empty(), "months without messages");
    assert_eq!(messages(&server).await, 1);
    let proofs = "select count(*) from erasure where what like 'message_%' and digest is not null";
    assert_eq!(sql::number(&server.app.pool, proofs).await, 1);

    sql::run(&server.app.pool, "update application set stage = 'EXPIRED' where stage <> 'REJECTED'").await.unwrap();
    let swept = sweep(&server).await;
    assert_eq!(swept.dropped.len(), 1, "{swept:?}");
    assert_eq!(messages(&server).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_somebody_writes_to_is_dropped_later_and_keeps_nobody_waiting() {
    let server = idle(MESSAGES).await;
    let lsp = server.lsp().await;
    declined(&lsp, &bodies::pan()).await;
    server.app.clock.advance(Duration::days(300));
    let mut writing = server.app.pool.begin().await.unwrap();
    writing.execute("lock table message in row exclusive mode").await.unwrap();
    assert!(sweep(&server).await.dropped.is_empty());
    declined(&lsp, &bodies::pan()).await;
    writing.commit().await.unwrap();
    assert!(sweep(&server).await.dropped.iter().any(|name| name.starts_with("message_")));
    assert_eq!(messages(&server).await, 1, "today's");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_outside_all_months_and_old_attempts_go_in_batches_unless_they_are_held() {
    let server = idle(Retention { attempts_days: Some(30), ..MESSAGES }).await;
    let lsp = server.lsp().await;
    let (gone, held) = (declined(&lsp, &bodies::pan()).await, declined(&lsp, &bodies::pan()).await);
    let hold = format!("/admin/applications/{}/{held}/legal-hold", lsp.org_id);
    assert_eq!(server.post(&hold, &json!({"hold": true, "reason": "court order 7"})).await.0, 200);
    let old = "
        update message set received_at = '2020-01-15';
        insert into attempt (callback_id, attempt, started_at, duration_ms)
        select callback_id, 1, '2020-01-15', 5 from callback";
    sql::run(&server.app.pool, old).await.unwrap();
    assert_eq!(sql::number(&server.app.pool, "select count(*) from message_default").await, 2);
    assert_eq!(sweep(&server).await.pruned, 2);
    for table in ["message", "attempt"] {
        assert_eq!(sql::number(&server.app.pool, &format!("select count(*) from {table}")).await, 1, "{table}");
    }
    for (id, left) in [(gone, 0), (held, 1)] {
        let shown = server.get(&format!("/admin/applications/{}/{id}", lsp.org_id)).await;
        assert_eq!(shown["received"].as_array().unwrap().len(), left, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_what_is_stored_where() {
    let server = idle(MESSAGES).await;
    let lsp = server.lsp().await;
    declined(&lsp, &bodies::pan()).await;
    let shown = server.get("/admin/storage").await;
    let items = shown["items"].as_array().unwrap();
    let filled: Vec<_> = items.iter().filter(|item| !item["oldest"].is_null()).collect();
    assert_eq!(filled.len(), 1, "{shown}");
    assert_eq!(filled[0]["table"], "message");
    assert!(filled[0]["bytes"].as_i64().unwrap() > 0);
    assert_eq!(items.iter().filter(|item| item["month"].is_null()).count(), 2, "the default partitions");
    assert_eq!(shown["dataKeys"], json!([{"id": 1, "due": true, "seals": true}]));
    assert_eq!(shown["retention"]["messagesDays"], 180);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_ids_are_forgotten_a_while_after_their_application_ended() {
    let server = idle(Retention { request_ids_days: Some(30), ..Retention::default() }).await;
    let lsp = server.lsp().await;
    let ended = declined(&lsp, &bodies::pan()).await;
    lsp.send(path::CREATE, json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]})).await;
    server.app.clock.advance(Duration::days(29));
    assert_eq!(sweep(&server).await.forgotten, 0);
    server.app.clock.advance(Duration::days(2));
    assert_eq!(sweep(&server).await.forgotten, 1);
    assert_eq!(sql::number(&server.app.pool, "select count(*) from inbox").await, 1, "the open one's");
    let shown = server.get(&format!("/admin/applications/{}/{ended}", lsp.org_id)).await;
    assert!(shown["keeping"]["ended"]["keysPrunedAt"].is_string(), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_being_placed_is_waited_for_before_a_month_goes() {
    let server = idle(MESSAGES).await;
    let lsp = server.lsp().await;
    declined(&lsp, &bodies::pan()).await;
    server.app.clock.advance(Duration::days(300));
    let mut placing = server.app.pool.begin().await.unwrap();
    placing.execute(HOLD_ALL).await.unwrap();
    assert!(ocen_lender::keep::sweep(&server.app).await.is_err(), "it waits for a second, and goes on in an hour");
    placing.commit().await.unwrap();
    sweep(&server).await;
    assert_eq!(messages(&server).await, 1);
}

/// Holds everything that has ended.
const HOLD_ALL: &str = "
    insert into legal_hold (application_id, reason, placed_at)
    select application_id, '', now() from ended_application on conflict do nothing";

/// A server on whose database something happens each time that a piece of a month with messages has been looked
/// through: the words in which pieces are asked for find another function than they mean.
async fn while_looking(what: &str) -> Server {
    let url = database::fresh().await;
    let mut conn = PgConnection::connect(&url).await.unwrap();
    let meanwhile = format!(
        "create function public.format(text, bigint) returns text language plpgsql as $$
        begin
            {what};
            return pg_catalog.format($1, $2);
        end
        $$;
        do $$ begin
            execute pg_catalog.format('alter database %I set search_path = public, pg_catalog', current_database());
        end $$"
    );
    conn.execute(AssertSqlSafe(meanwhile)).await.unwrap();
    conn.close().await.unwrap();
    keeping(MESSAGES, Options { idle: true, database_url: Some(url), ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_needed_again_while_a_month_is_looked_through_keeps_it() {
    let back = "update application set stage = 'UNDERWRITING' where stage = 'EXPIRED'";
    for (what, stage) in [(HOLD_ALL, "REJECTED"), (back, "EXPIRED")] {
        let server = while_looking(what).await;
        let lsp = server.lsp().await;
        if stage == "REJECTED" {
            declined(&lsp, &bodies::pan()).await;
        } else {
            let item = bodies::application(&bodies::id(), &bodies::pan());
            lsp.send(path::CREATE, json!({"loanApplications": [item]})).await;
            sql::run(&server.app.pool, "update application set stage = 'EXPIRED'").await.unwrap();
        }
        server.app.clock.advance(Duration::days(300));
        let swept = sweep(&server).await;
        assert!(!swept.dropped.is_empty(), "months without messages");
        assert_eq!(messages(&server).await, 1, "{stage}: {swept:?}");
        sweep(&server).await;
        assert_eq!(messages(&server).await, 1, "{stage}");
    }
}
