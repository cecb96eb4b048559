//! The database goes away and comes back: nothing half done, nothing to be restarted by hand.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::bodies::{self, path};
use crate::support::database;
use crate::support::lsp::{TestLsp, key};
use crate::support::server::{Options, Server};

/// The application whose commit the wire looks out for.
const NAME: &str = "APP-1";

/// How the wire to the database behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Line {
    /// Everything passes.
    #[default]
    Up,
    /// Nothing passes, and what was open is closed.
    Cut,
    /// So many commits never reach the database.
    LosesCommit(u8),
    /// So many commits reach the database, and the answer never comes back.
    LosesAnswer(u8),
}

/// A wire that can be cut.
struct Wire {
    line: Mutex<Line>,
    cut: Mutex<CancellationToken>,
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
        let wire = Arc::new(Self { line: Mutex::default(), cut: Mutex::default(), database });
        tokio::spawn(Arc::clone(&wire).carry(listener));
        (wire, format!("{scheme}://{through}"))
    }

    /// Changes how the wire behaves.
    fn set(&self, line: Line) {
        *self.line.lock().unwrap() = line;
        if line == Line::Cut {
            std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
        }
    }

    /// What happens to a commit that comes along now; counts it.
    fn meets_commit(&self) -> Line {
        let mut line = self.line.lock().unwrap();
        let now = *line;
        *line = match now {
            Line::LosesCommit(0..=1) | Line::LosesAnswer(0..=1) => Line::Up,
            Line::LosesCommit(more) => Line::LosesCommit(more - 1),
            Line::LosesAnswer(more) => Line::LosesAnswer(more - 1),
            other => other,
        };
        now
    }

    async fn carry(self: Arc<Self>, listener: TcpListener) {
        while let Ok((client, _)) = listener.accept().await {
            if *self.line.lock().unwrap() == Line::Cut {
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
                    let says = |word: &[u8]| asked[..size].windows(word.len()).any(|bytes| bytes == word);
                    // A new application is filed by one statement, which commits by itself.
                    let commits = says(b"COMMIT") || says(NAME.as_bytes());
                    let fault = if commits { self.meets_commit() } else { Line::Up };
                    if matches!(fault, Line::LosesCommit(_)) { return }
                    if database.write_all(&asked[..size]).await.is_err() { return }
                    if matches!(fault, Line::LosesAnswer(_)) {
                        // The answer is there, so the commit is done before the client hears that its line broke.
                        database.readable().await.ok();
                        return;
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
    let heartbeat = lsp.send(path::HEARTBEAT, json!({})).await.1;
    assert_eq!((heartbeat.status, heartbeat.error()), (503, "GEN5004"), "{}", heartbeat.body);
    let status = |url: String| async { server.http.get(url).send().await.unwrap().status().as_u16() };
    assert_eq!(status(format!("{}/health/live", server.url)).await, 200);
    assert_eq!(status(format!("{}/health/ready", server.url)).await, 503);
    let admin = server.http.get(format!("{}/admin/applications", server.admin)).send().await.unwrap();
    assert_eq!(admin.status().as_u16(), 503);
    assert!(admin.headers().contains_key("retry-after"));

    wire.set(Line::Up);
    server
        .until("the server is ready again", || async { status(format!("{}/health/ready", server.url)).await == 200 })
        .await;
    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!((ack.status, ack.error()), (200, "0"), "{}", ack.body);
    lsp.callback(&request_id).await;
    assert_eq!(applications(&server).await, 2);
}

/// More often than the server tries by itself.
const ALWAYS: u8 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn one_broken_line_is_mended_before_the_lsp_notices() {
    for fault in [Line::LosesCommit(1), Line::LosesAnswer(1)] {
        let (wire, server, lsp) = started(true).await;
        wire.set(fault);
        let (_, ack) = lsp.send(path::CREATE, create(NAME)).await;
        assert_eq!(ack.error(), "0", "{fault:?}: {}", ack.body);
        assert_eq!(*wire.line.lock().unwrap(), Line::Up, "the line broke once");
        assert_filed_once(&server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_never_arrives_leaves_nothing() {
    let (wire, server, lsp) = started(true).await;
    let message = lsp.complete(create(NAME));

    wire.set(Line::LosesCommit(ALWAYS));
    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!((ack.status, ack.error()), (503, "GEN5004"), "{}", ack.body);
    assert_eq!(applications(&server).await, 0);

    wire.set(Line::Up);
    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
    assert_filed_once(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_not_done_twice() {
    let (wire, server, lsp) = started(true).await;
    let message = lsp.complete(create(NAME));

    wire.set(Line::LosesAnswer(ALWAYS));
    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!((ack.status, ack.error()), (503, "GEN5004"), "{}", ack.body);

    wire.set(Line::Up);
    let ack = lsp.post(path::CREATE, lsp.seal(&message)).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
    assert_filed_once(&server).await;
}

async fn assert_filed_once(server: &Server) {
    assert_eq!(applications(server).await, 1);
    let shown = server.get("/admin/applications/LSP-TEST/APP-1").await;
    assert_eq!(shown["received"].as_array().unwrap().len(), 1, "{shown}");
    let asks: Vec<&Value> = shown["asks"].as_array().unwrap().iter().map(|ask| &ask["method"]).collect();
    assert_eq!(asks, ["timer"], "its expiry");
}
