//! `listen`: an LSP's engineer sees each callback, and whether it is to be believed.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use ocen_lender::jose::{HeaderMember, SigningKey, sign_flattened};
use ocen_lender::listen::{self, ListenArgs, ListenError, Screen, Tally};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::bodies::{self, path};
use crate::support::lsp::TestLsp;
use crate::support::server::Server;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: ListenArgs,
}

/// What was printed.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A listener that runs.
struct Listening {
    paper: Paper,
    stop: CancellationToken,
    task: JoinHandle<Result<Tally, ListenError>>,
}

impl Listening {
    fn start(server: &Server, more: &[&str]) -> Self {
        let common = ["listen", "--port", "0", "--url", &server.url, "--admin-url", &server.admin];
        let args = Cli::parse_from(common.iter().chain(more)).args;
        let (paper, stop) = (Paper::default(), CancellationToken::new());
        let screen = Screen::to(&args, Box::new(paper.clone()));
        let task = tokio::spawn(listen::run(args, screen, stop.clone()));
        Self { paper, stop, task }
    }

    async fn end(self) -> (Tally, String) {
        self.stop.cancel();
        let tally = self.task.await.unwrap().unwrap();
        (tally, self.paper.text())
    }
}

async fn callback_url(server: &Server, org: &str) -> String {
    server.get(&format!("/admin/lsps/{org}")).await["callbackBaseUrl"].as_str().unwrap().to_owned()
}

/// Waits until the LSP's callbacks go elsewhere than before.
async fn taken_over(server: &Server, lsp: &TestLsp, before: &str) -> String {
    let moved = async || callback_url(server, &lsp.org_id).await != before;
    server.until("the listener registered itself", moved).await;
    callback_url(server, &lsp.org_id).await
}

async fn file(lsp: &TestLsp) -> String {
    let body = json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]});
    let (request_id, ack) = lsp.send(path::CREATE, body).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
    request_id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_verified_printed_and_acknowledged_and_the_registration_put_back() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let before = server.get("/admin/lsps/LSP-TEST").await;
    let url = before["callbackBaseUrl"].as_str().unwrap();
    let listening = Listening::start(&server, &["--org", "LSP-TEST", "--register", "-v"]);
    taken_over(&server, &lsp, url).await;

    let request_id = file(&lsp).await;
    let printed = async || listening.paper.text().contains(&request_id);
    server.until("the callback was printed", printed).await;
    let delivered = format!("/admin/callbacks?state=delivered&requestId={request_id}");
    let is_delivered = async || server.get(&delivered).await["items"].as_array().is_some_and(|items| items.len() == 1);
    server.until("the ack was taken", is_delivered).await;

    let (tally, text) = listening.end().await;
    assert_eq!(tally, Tally { callbacks: 1, refused: 0 }, "{text}");
    let line = text.lines().find(|line| line.contains('←')).unwrap();
    for word in ["createLoanApplicationsResponse", "✓ lender-1", "→ 200 ack 0"] {
        assert!(line.contains(word), "{word} in {line}");
    }
    assert!(text.contains("\"loanApplications\": ["), "the body, with -v: {text}");
    assert_eq!(server.get("/admin/lsps/LSP-TEST").await, before, "as it was, keys and settings too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_verify_is_refused_with_the_reason() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let before = callback_url(&server, "LSP-TEST").await;
    let listening = Listening::start(&server, &["--org", "LSP-TEST", "--register", "--json"]);
    let url = taken_over(&server, &lsp, &before).await;
    let callback = |kid: &str, stamp: Option<&str>| {
        let key = SigningKey::generate(kid).unwrap();
        let mut body = lsp.complete(json!({"response": {"error": "0"}}));
        if let Some(stamp) = stamp {
            body["metadata"]["timestamp"] = json!(stamp);
        }
        let text = serde_json::to_vec(&body).unwrap();
        (text.clone(), sign_flattened(&key, HeaderMember::Header, &text).unwrap())
    };
    let post = async |body: Vec<u8>| {
        let answer = server.http.post(format!("{url}/v3/offer/setOfferResponse")).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["error"].as_str().unwrap().to_owned())
    };

    assert_eq!(post(callback("lender-1", None).1).await, (401, "AUTH1001".to_owned()), "the right kid, another key");
    assert_eq!(post(callback("lender-9", None).1).await, (401, "AUTH1002".to_owned()));
    assert_eq!(post(b"{\"payload\": 1}".to_vec()).await, (401, "AUTH1001".to_owned()));
    assert_eq!(post(b"hello".to_vec()).await, (400, "GEN5010".to_owned()));
    assert_eq!(post(callback("any", Some("2020-01-01T00:00:00Z")).0).await, (401, "AUTH1004".to_owned()));
    let plain = callback("any", None).0;
    assert_eq!(post(plain.clone()).await, (200, "0".to_owned()), "plain JSON is taken, and shown as not verified");
    assert_eq!(post(plain).await, (200, "0".to_owned()));

    let lines = listening.paper.lines();
    assert!(lines.iter().all(|line| line["verified"] == json!(false)), "{lines:?}");
    assert!(lines[0]["fault"]["detail"].as_str().unwrap().contains("does not verify"), "{lines:?}");
    assert_eq!((&lines[5]["repeated"], &lines[6]["repeated"]), (&json!(false), &json!(true)));
    assert_eq!(listening.end().await.0, Tally { callbacks: 7, refused: 5 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_handed_on_and_the_endpoints_answer_is_the_answer() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let endpoint = callback_url(&server, "LSP-TEST").await;
    let more = ["--org", "LSP-TEST", "--register", "--json", "--forward-to", &endpoint];
    let listening = Listening::start(&server, &more);
    taken_over(&server, &lsp, &endpoint).await;

    let request_id = file(&lsp).await;

    // The endpoint verifies every signature itself: it got the very bytes.
    lsp.callback(&request_id).await;
    let delivered = format!("/admin/callbacks?state=delivered&requestId={request_id}");
    let is_delivered = async || server.get(&delivered).await["items"].as_array().is_some_and(|items| items.len() == 1);
    server.until("its ack went back", is_delivered).await;
    let line = listening.paper.lines().remove(0);
    assert_eq!((&line["verified"], &line["answer"]["error"]), (&json!(true), &json!("0")), "{line}");
    assert!(line["answer"]["tookMs"].is_u64(), "{line}");
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_that_is_not_registered_is_told_before_anything_is_listened_for() {
    let server = Server::start().await;
    let listening = Listening::start(&server, &["--org", "LSP-NOBODY", "--register"]);
    let refused = listening.task.await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("no such LSP") && refused.contains("--no-register"), "{refused}");
}
