//! Requests about applications that others are at, too: nothing is waited for that need not be, and nothing is lost.

use std::sync::Arc;

use ocen_lender::store::loan;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::task::JoinSet;

use crate::support::bodies::path;
use crate::support::flow::Flow;
use crate::support::server::{Options, Server};
use crate::support::{database, fingerprint, sql};

fn wants_data(id: &str, request_id: &str) -> Value {
    json!({
        "requestId": request_id,
        "loanApplicationIds": [id],
        "consent": {"consentFetchType": "ONETIME", "vua": "asha@aa.in"}
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_somebody_holds_keeps_no_other_waiting() {
    let server = Server::start().await;
    let lsp = Arc::new(server.lsp().await);
    let flow = Flow { server: &server, lsp: &lsp };
    let (held, free) = (flow.file(1).await.remove(0), flow.file(1).await.remove(0));
    let revision = format!("select revision from application where loan_application_id = '{held}'");
    let before = sql::number(&server.app.pool, &revision).await;
    let mut holder = server.app.pool.begin().await.unwrap();
    holder.execute(AssertSqlSafe(format!("{revision} for update"))).await.unwrap();

    let waiting = tokio::spawn({
        let (lsp, body) = (Arc::clone(&lsp), wants_data(&held, "REQ-HELD"));
        async move { lsp.send(path::CONSENT_HANDLE, body).await.1 }
    });
    for turn in 0..3 {
        let (_, ack) = lsp.send(path::CONSENT_HANDLE, wants_data(&free, &format!("REQ-{turn}"))).await;
        assert_eq!((ack.status, ack.error()), (200, "0"), "{}", ack.body);
    }
    assert_eq!(sql::number(&server.app.pool, &revision).await, before);
    holder.rollback().await.unwrap();

    // A lock is waited for a second, then the LSP sends again.
    let ack = waiting.await.unwrap();
    assert!([200, 503].contains(&ack.status), "{}", ack.body);
    let answer = lsp.ask(path::CONSENT_HANDLE, wants_data(&held, "REQ-HELD")).await;
    assert!(answer["consent"]["consentHandle"].is_string(), "{answer}");
    assert!(sql::number(&server.app.pool, &revision).await > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_about_one_application_at_once_each_counts_once() {
    const AT_ONCE: usize = 24;
    let server = Server::start().await;
    let lsp = Arc::new(server.lsp().await);
    let flow = Flow { server: &server, lsp: &lsp };
    let id = flow.file(1).await.remove(0);

    let mut sending = JoinSet::new();
    for turn in 0..AT_ONCE {
        let (lsp, body) = (Arc::clone(&lsp), wants_data(&id, &format!("REQ-{turn}")));
        sending.spawn(async move { lsp.send(path::CONSENT_HANDLE, body).await.1 });
    }
    let acks = sending.join_all().await;

    assert!(acks.iter().all(|ack| (ack.status, ack.error()) == (200, "0")), "{acks:?}");
    for turn in 0..AT_ONCE {
        lsp.callback(&format!("REQ-{turn}")).await;
    }
    // Each write took the revision on by one, so that no line of the history stands under one that was never written.
    let pool = &server.app.pool;
    let ahead = "select count(*) from event join application using (application_id)
        where event.revision > application.revision";
    assert_eq!(sql::number(pool, ahead).await, 0);
    let places = "select count(*) - max(seq) from callback
        where stream_id = (select bundle_id from application)";
    assert_eq!(sql::number(pool, places).await, 0, "a stream has no gap");
}

/// In a database of its own: whoever changes applications at once stops where he looks for them, his snapshot taken,
/// while somebody holds the lock.
const STOPS: &str = "
    create schema stops;
    create function stops.equal(bigint, bigint) returns boolean language plpgsql as $$
    begin
        if current_query() like '-- Changes of one moment%' then
            perform pg_advisory_xact_lock_shared(7001200031);
        end if;
        return int8eq($1, $2);
    end
    $$;
    create operator stops.= (leftarg = bigint, rightarg = bigint, function = stops.equal);
    do $$ begin
        execute format('alter database %I set search_path = public, stops, pg_catalog', current_database());
    end $$";

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_sealed_anew_meanwhile_is_changed_all_the_same() {
    let url = database::fresh().await;
    let mut keeper = PgConnection::connect(&url).await.unwrap();
    keeper.execute(STOPS).await.unwrap();
    let server = Server::start_with(Options { database_url: Some(url), ..Options::default() }).await;
    let lsp = Arc::new(server.lsp().await);
    let id = Flow { server: &server, lsp: &lsp }.file(1).await.remove(0);
    fingerprint::at_rest(&server).await;
    let pool = &server.app.pool;
    let revision = "select revision from application";
    let before = sql::number(pool, revision).await;

    keeper.execute("select pg_advisory_lock(7001200031)").await.unwrap();
    let sending = tokio::spawn({
        let lsp = Arc::clone(&lsp);
        async move { lsp.ask(path::CONSENT_HANDLE, wants_data(&id, "REQ-1")).await }
    });
    let stopped = "select count(*) from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())";
    server.until("the change has begun", || async { sql::number(pool, stopped).await > 0 }).await;
    // As one that does not take the revision on would write it.
    keeper.execute("update application set state = state").await.unwrap();
    keeper.execute("select pg_advisory_unlock(7001200031)").await.unwrap();

    let answer = sending.await.unwrap();
    assert!(answer["consent"]["consentHandle"].is_string(), "{answer}");
    assert!(sql::number(pool, revision).await > before);
    let asked = "select count(*) from application where data_consent <> 'NONE'";
    assert_eq!(sql::number(pool, asked).await, 1, "what was answered is so");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_change_that_does_not_reach_its_application_nothing_stays() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let id = Flow { server: &server, lsp: &lsp }.file(1).await.remove(0);
    fingerprint::at_rest(&server).await;
    let pool = &server.app.pool;
    let rows =
        "select (select count(*) from inbox) + (select count(*) from exchange) + (select count(*) from callback)";
    let before = sql::number(pool, rows).await;
    let unreachable = "
        create function stay() returns trigger language plpgsql as 'begin return null; end';
        create trigger stays before update on application for each row execute function stay()";
    sql::run(pool, unreachable).await.unwrap();

    let (_, ack) = lsp.send(path::CONSENT_HANDLE, wants_data(&id, "REQ-1")).await;
    assert_ne!(ack.status, 200, "{}", ack.body);
    assert_eq!(sql::number(pool, rows).await, before);

    sql::run(pool, "drop trigger stays on application").await.unwrap();
    let answer = lsp.ask(path::CONSENT_HANDLE, wants_data(&id, "REQ-1")).await;
    assert!(answer["consent"]["consentHandle"].is_string(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bank_reference_is_looked_for_by_one_at_a_time() {
    let server = Server::start_with(Options { idle: true, ..Options::default() }).await;
    let mut first = server.app.pool.begin().await.unwrap();
    assert!(!loan::is_paid_under(&mut first, "UTR-1").await.unwrap());
    let mut second = server.app.pool.begin().await.unwrap();
    assert!(!loan::is_paid_under(&mut second, "UTR-2").await.unwrap(), "another one is free");
    let busy = loan::is_paid_under(&mut second, "UTR-1").await.unwrap_err();
    assert!(busy.is_transient(), "{busy}");
    second.rollback().await.unwrap();
    first.rollback().await.unwrap();
    let mut second = server.app.pool.begin().await.unwrap();
    assert!(!loan::is_paid_under(&mut second, "UTR-1").await.unwrap());
    let valid = "select count(*) from pg_index
        where indexrelid in ('payout_utr_idx'::regclass, 'callback_times_idx'::regclass) and indisvalid";
    assert_eq!(sql::number(&server.app.pool, valid).await, 2);
}
