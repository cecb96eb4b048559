//! Callback addresses inside the lender's network: refused when they are registered, and never called when a name or a
//! row comes to mean one later.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ocen_lender::config::Config;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _};
use tokio::net::TcpListener;

use crate::support::bodies::path;
use crate::support::fingerprint;
use crate::support::lsp::{Reaction, TestLsp};
use crate::support::server::{Options, Server};
use crate::support::sql;

/// What points inside, in the spellings that parsers are known to disagree on.
const INSIDE: [&str; 24] = [
    "http://127.0.0.1",
    "http://127.1",
    "http://2130706433",
    "http://0x7f.0.0.1",
    "http://0177.0.0.1",
    "http://0",
    "http://localhost",
    "http://LOCALHOST.",
    "http://lsp.localhost:8080",
    "http://10.0.0.8",
    "http://172.31.255.255",
    "http://192.168.1.1",
    "http://100.64.0.1",
    "http://169.254.169.254/latest/meta-data",
    "http://[::1]",
    "http://[::]",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:7f00:1]",
    "http://[64:ff9b::127.0.0.1]",
    "http://[fe80::1]",
    "http://[fd00:ec2::254]",
    "http://[2002:7f00:1::]",
    "http://user:password@lsp.example",
    "http://１２７.０.０.１",
];

/// A server that sends callbacks to public addresses only, as `serve` does.
async fn strict() -> Server {
    let strict = |config: &mut Config| config.delivery.allow_private_addresses = false;
    Server::start_with(Options { tweak: Some(Box::new(strict)), ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_inside_can_be_registered() {
    let server = strict().await;
    let before = fingerprint::all(&server).await;
    for url in INSIDE.iter().copied().chain(["file:///etc/passwd", "gopher://8.8.8.8", "http://", "//8.8.8.8"]) {
        let body = json!({"name": "L", "callbackBaseUrl": url, "settings": {"allowUnsigned": true}});
        let put = server.http.put(format!("{}/admin/lsps/LSP-INSIDE", server.admin)).json(&body).send().await.unwrap();
        assert_eq!(put.status().as_u16(), 422, "{url}: {}", put.text().await.unwrap());
    }
    assert_eq!(fingerprint::all(&server).await, before);
}

/// A service inside, which nobody from outside should make us call; counts who did.
async fn inside() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let (port, calls) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_comes_to_mean_the_inside_is_not_called() {
    let server = strict().await;
    let (port, calls) = inside().await;
    let body = json!({"name": "L", "callbackBaseUrl": "https://lsp.example", "settings": {"allowUnsigned": true}});
    let put = server.http.put(format!("{}/admin/lsps/LSP-TURNED", server.admin)).json(&body).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.text().await.unwrap());
    // A name whose record was changed after the registration; names of this machine resolve to it.
    for host in ["127.0.0.1", "localhost", "[::1]", "ip6-localhost"] {
        let moved = format!("update lsp set callback_base_url = 'http://{host}:{port}' where org_id = 'LSP-TURNED'");
        server.app.pool.execute(AssertSqlSafe(moved)).await.unwrap();
        let request_id = ask(&server).await;
        let tried = format!(
            "select count(*)
            from attempt
            join callback using (callback_id)
            where request_id = '{request_id}'
            and error is not null
            and status is null"
        );
        server
            .until(&format!("{host} was refused"), || async { sql::number(&server.app.pool, &tried).await > 0 })
            .await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0, "somebody inside was called");
}

/// A plain request that has an answer.
async fn ask(server: &Server) -> String {
    let request_id = format!("REQ-{}", ocen_lender::clock::Ids.uuid().simple());
    let metadata = json!({
        "version": "1.0", "orgId": "LSP-TURNED", "traceId": request_id,
        "timestamp": server.app.clock.wall().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    let body = json!({"metadata": metadata, "requestId": request_id, "lookupType": "LOOKUP_TYPE"});
    let ack = server.http.post(format!("{}{}", server.url, path::LOOKUP)).json(&body).send().await.unwrap();
    assert!(ack.status().is_success(), "{}", ack.text().await.unwrap());
    request_id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_the_inside_is_not_followed() {
    let server = Server::start().await;
    let lsp = TestLsp::register(&server, "LSP-BOUNCE").await;
    let (port, calls) = inside().await;
    let bounce = |status| {
        let location = vec![("location".to_owned(), format!("http://127.0.0.1:{port}/"))];
        Reaction { status, body: None, headers: location }
    };
    lsp.inbox.react("*", [301, 302, 303, 307, 308].map(bounce).to_vec());
    for _ in 0..5 {
        lsp.send(path::LOOKUP, json!({"lookupType": "LOOKUP_TYPE"})).await;
    }
    let bounced = "select count(*) from attempt where status between 300 and 399";
    server.until("each was bounced", || async { sql::number(&server.app.pool, bounced).await >= 5 }).await;
    assert_eq!(calls.load(Ordering::SeqCst), 0, "a redirect was followed");
}
