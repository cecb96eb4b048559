//! Requests about applications that others are at, too: nothing is waited for that need not be, and nothing is lost.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _};
use tokio::task::JoinSet;

use crate::support::bodies::path;
use crate::support::flow::Flow;
use crate::support::server::Server;
use crate::support::sql;

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
