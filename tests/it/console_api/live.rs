//! News for open pages.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::flow::Flow;
use crate::support::lsp::TestLsp;
use crate::support::server::Server;

/// An open page.
struct Page {
    answer: reqwest::Response,
    text: String,
}

impl Page {
    async fn open(server: &Server, query: &str) -> Self {
        let answer = server.http.get(format!("{}/admin/live{query}", server.admin)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut page = Self { answer, text: String::new() };
        page.until(|_, text| text.contains("event: ready")).await;
        page
    }

    /// Listens until what was heard is enough.
    async fn until(&mut self, enough: impl Fn(&[Value], &str) -> bool) -> Vec<Value> {
        let heard = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let changes = self.changes();
                if enough(&changes, &self.text) {
                    return changes;
                }
                let chunk = self.answer.chunk().await.unwrap().expect("the stream goes on");
                self.text.push_str(&String::from_utf8_lossy(&chunk));
            }
        });
        heard.await.unwrap_or_else(|_| panic!("listened in vain: {}", self.text))
    }

    fn changes(&self) -> Vec<Value> {
        let blocks = self.text.split("\n\n").filter(|block| block.starts_with("event: changed"));
        blocks.filter_map(|block| serde_json::from_str(block.split_once("data: ")?.1).ok()).collect()
    }
}

fn tells(changes: &[Value], application: &str, topic: &str) -> bool {
    let about = |change: &&Value| change["loanApplicationId"] == application;
    changes.iter().filter(about).any(|change| change["topics"].as_array().unwrap().contains(&json!(topic)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_hears_what_has_changed() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let mut page = Page::open(&server, "").await;
    let id = Flow { server: &server, lsp: &lsp }.file(1).await.remove(0);
    let changes =
        page.until(|changes, _| tells(changes, &id, "applications") && tells(changes, &id, "callbacks")).await;
    assert!(changes.iter().any(|change| change["orgId"] == "LSP-TEST"), "{changes:?}");
    page.until(|changes, _| {
        changes.iter().any(|change| change["topics"].as_array().unwrap().contains(&json!("traffic")))
    })
    .await;
    server.post("/sandbox/clock", &json!({"advance": "P1D"})).await;
    page.until(|changes, _| {
        changes.iter().any(|change| change["topics"].as_array().unwrap().contains(&json!("clock")))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_one_lsp_hears_nothing_of_another() {
    let server = Server::start().await;
    let (own, other) = (server.lsp().await, TestLsp::register(&server, "LSP-NEXT").await);
    let mut page = Page::open(&server, "?orgId=LSP-TEST").await;
    let theirs = Flow { server: &server, lsp: &other }.file(1).await.remove(0);
    let id = Flow { server: &server, lsp: &own }.file(1).await.remove(0);
    let changes = page.until(|changes, _| tells(changes, &id, "applications")).await;
    assert!(!page.text.contains(&theirs) && !page.text.contains("LSP-NEXT"), "{changes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_replica_hears_it_too() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let options = crate::support::server::Options {
        database_url: Some(server.database_url.clone()),
        idle: true,
        ..Default::default()
    };
    let replica = Server::start_with(options).await;
    let mut page = Page::open(&replica, "").await;
    let id = Flow { server: &server, lsp: &lsp }.file(1).await.remove(0);
    page.until(|changes, _| tells(changes, &id, "callbacks")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_ends_when_the_server_drains() {
    let server = Server::start().await;
    let mut page = Page::open(&server, "").await;
    server.app.draining.cancel();
    let ended =
        tokio::time::timeout(Duration::from_secs(10), async { while page.answer.chunk().await.unwrap().is_some() {} });
    assert!(ended.await.is_ok(), "it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_pages_listen_than_a_process_can_bear() {
    let server = Server::start().await;
    let mut pages = Vec::new();
    let refused = loop {
        let answer = server.http.get(format!("{}/admin/live", server.admin)).send().await.unwrap();
        if answer.status() != 200 {
            break answer;
        }
        pages.push(answer);
        assert!(pages.len() <= 200, "one more is refused");
    };
    assert_eq!((refused.status().as_u16(), pages.len()), (503, 200));
    assert!(refused.headers().contains_key("retry-after"));
    drop(pages);
    server
        .until("there is room again", || async {
            server.http.get(format!("{}/admin/live", server.admin)).send().await.unwrap().status() == 200
        })
        .await;
}
