//! The database goes away and comes back: nothing half done, nothing to be restarted by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::bodies::{self, path};
use crate::support::database;
use crate::support::lsp::{TestLsp, key};
use crate::support::server::{Options, Server};

/// How the wire to the database behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Line {
    /// Everything passes.
    Up,
    /// Nothing passes, and what was open is closed.
    Cut,
    /// The next commit never reaches the database.
    LosesCommit,
    /// The next commit reaches the database, and its answer never comes back.
    LosesAnswer,
}

/// A wire that can be cut.
struct Wire {
    line: Arc<AtomicU8>,
    cut: std::sync::Mutex<CancellationToken>,
    database: SocketAddr,
}

impl Wire {
    /// Puts a wire before a database; gives it with the URL that goes through it.
    async fn before(database_url: &str) -> (Arc<Self>, String) {
        let (scheme, rest) = database_url.split_once("://").unwrap();
        let authority = rest.split('/').next().unwrap();
        let host = authority.rsplit('@').next().unwrap();
        let database = tokio::net::lookup_host(host).await.unwrap().next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let through = rest.replacen(host, &listener.local_addr().unwrap().to_string(), 1);
        let line = Arc::new(AtomicU8::new(Line::Up as u8));
        let wire = Arc::new(Self { line, cut: std::sync::Mutex::default(), database });
        tokio::spawn(Arc::clone(&wire).carry(listener));
        (wire, format!("{scheme}://{through}"))
    }

    /// Changes how the wire behaves.
    fn set(&self, line: Line) {
        self.line.store(line as u8, Ordering::SeqCst);
        if line == Line::Cut {
            std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
        }
    }

    fn is(&self, line: Line) -> bool {
        self.line.load(Ordering::SeqCst) == line as u8
    }

    async fn carry(self: Arc<Self>, listener: TcpListener) {
        while let Ok((client, _)) = listener.accept().await {
            if self.is(Line::Cut) {
                continue;
            }
            let cut = self.cut.lock().unwrap().clone();
            let wire = Arc::clone(&self);
            tokio::spawn(async move {
                tokio::select! {
                    () = cut.cancelled() => {}
                    () = wire.connection(client) => {}
                }
            });
        }
    }

    /// Carries one connection until either side or the fault ends it.
    async fn connection(&self, mut client: TcpStream) {
        let mut database = TcpStream::connect(self.database).await.unwrap();
        let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let Ok(size @ 1..) = read else { return };
                    let commits = asked[..size].windows(6).any(|word| word == b"COMMIT");
                    if commits && self.is(Line::LosesCommit) {
                        return self.set(Line::Up);
                    }
                    if database.write_all(&asked[..size]).await.is_err() { return }
                    if commits && self.is(Line::LosesAnswer) {
                        // Read, so that the commit is done before the client is told to try again.
                        database.read(&mut answered).await.ok();
                        return self.set(Line::Up);
                    }
                }
                read = database.read(&mut answered) => {
                    let Ok(size @ 1..) = read else { return };
                    if client.write_all(&answered[..size]).await.is_err() { return }
                }
            }
        }
    }
}

async fn started(idle: bool) -> (Arc<Wire>, Server, TestLsp) {
    let (wire, database_url) = Wire::before(&database::fresh().await).await;
    let server = Server::start_with(Options { database_url: Some(database_url), idle, ..Options::default() }).await;
    let lsp = TestLsp::register_with(&server, "LSP-TEST", json!({}), Some(key().await)).await;
    (wire, server, lsp)
}

fn create(id: &str) -> Value {
    json!({"loanApplications": [bodies::application(id, &bodies::pan())]})
}

/// How many applications the operators see.
async fn applications(server: &Server) -> usize {
    server.get("/admin/applications").await["items"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_everybody_is_told_to_come_back() {
    let (wire, server, lsp) = started(false).await;
    lsp.ask(path::CREATE, create("APP-BEFORE")).await;
    let message = lsp.complete(create("APP-DURING"));
    let request_id = message["requestId"].as_str().unwrap().to_owned();

    wire.set(Line::Cut);
    for _ in 0..2 {
        let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
        assert_eq!((ack.status, ack.error()), (503, "GEN5004"), "{}", ack.body);
        assert_eq!(ack.body["traceId"], message["metadata"]["traceId"]);
    }
    let status = |url: String| async { server.http.get(url).send().await.unwrap().status().as_u16() };
    assert_eq!(status(format!("{}/health/live", server.url)).await, 200);
    assert_eq!(status(format!("{}/health/ready", server.url)).await, 503);
    let admin = server.http.get(format!("{}/admin/applications", server.admin)).send().await.unwrap();
    assert_eq!(admin.status().as_u16(), 503);
    assert!(admin.headers().contains_key("retry-after"));

    wire.set(Line::Up);
    server.until("the server is ready again", || async { status(format!("{}/health/ready", server.url)).await == 200 }).await;
    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!((ack.status, ack.error()), (200, "0"), "{}", ack.body);
    lsp.callback(&request_id).await;
    assert_eq!(applications(&server).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_never_arrived_left_nothing() {
    let (wire, server, lsp) = started(true).await;
    let message = lsp.complete(create("APP-1"));

    wire.set(Line::LosesCommit);
    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!((ack.status, ack.error()), (503, "GEN5004"), "{}", ack.body);
    assert_eq!(applications(&server).await, 0);

    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
    assert_eq!(applications(&server).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_not_done_twice() {
    let (wire, server, lsp) = started(true).await;
    let message = lsp.complete(create("APP-1"));

    wire.set(Line::LosesAnswer);
    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!((ack.status, ack.error()), (503, "GEN5004"), "{}", ack.body);
    assert_eq!(applications(&server).await, 1);

    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
    assert_eq!(applications(&server).await, 1);
    let shown = server.get("/admin/applications/LSP-TEST/APP-1").await;
    assert_eq!(shown["received"].as_array().unwrap().len(), 1, "{shown}");
}
