//! Connections below HTTP: who says nothing keeps nobody out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use ocen_lender::config::Config;
use ocen_lender::http::connections::{self, Bounds, Door};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;

use crate::support::server::{Options, Server};

/// Longer than any test.
const EVER: Duration = Duration::from_hours(1);

/// One more listener of a server, with few places.
async fn listener(server: &Server, bounds: Bounds, router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = Door { listener, tls: None, bench: None, bounds };
    server.app.tasks.spawn(connections::serve(Arc::clone(&server.app), door, router));
    address
}

fn probes() -> Router {
    Router::new().route("/", get(|| async { "here" }))
}

/// A connection from 127.0.0.`last`.
async fn open(to: SocketAddr, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    socket.connect(to).await.unwrap()
}

/// Asks over an open connection; false when it was closed.
async fn ask(stream: &mut TcpStream) -> bool {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok() && hear(stream).await
}

/// Waits for an answer; false when the connection is closed instead.
async fn hear(stream: &mut TcpStream) -> bool {
    let mut heard = Vec::new();
    let answer = async {
        while !heard.ends_with(b"here") {
            if !matches!(stream.read_buf(&mut heard).await, Ok(1..)) {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(Duration::from_secs(20), answer).await.expect("an answer or an end")
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_give_up_their_places_and_the_longest_first() {
    let server = Server::start().await;
    let at = listener(&server, Bounds { connections: 6, first_request: EVER }, probes()).await;
    let mut other = open(at, 2).await;
    assert!(ask(&mut other).await);
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(open(at, 3).await);
    }
    let mut probe = open(at, 4).await;
    assert!(ask(&mut probe).await, "a place was made for it");
    for stream in silent.iter_mut().take(15) {
        assert!(!hear(stream).await, "the silent ones made it");
    }
    assert!(ask(&mut other).await && ask(&mut probe).await, "and nobody else");
    assert!(ask(silent.last_mut().unwrap()).await, "the last of them did not have to");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_keeps_its_places_before_others() {
    let trusts = |config: &mut Config| config.proxy.trusted_proxies = vec!["127.0.0.9".parse().unwrap()];
    let server = Server::start_with(Options { tweak: Some(Box::new(trusts)), ..Options::default() }).await;
    let at = listener(&server, Bounds { connections: 6, first_request: EVER }, probes()).await;
    let mut proxied = Vec::new();
    for _ in 0..4 {
        proxied.push(open(at, 9).await);
        assert!(ask(proxied.last_mut().unwrap()).await);
    }
    let mut strangers = Vec::new();
    for _ in 0..20 {
        let mut stranger = open(at, 3).await;
        assert!(ask(&mut stranger).await);
        strangers.push(stranger);
    }
    for stream in &mut proxied {
        assert!(ask(stream).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_being_answered_is_not_cut_off() {
    let server = Server::start().await;
    let (gate, entered) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (waits, enters) = (Arc::clone(&gate), Arc::clone(&entered));
    let held = || async move {
        enters.add_permits(1);
        waits.acquire().await.unwrap().forget();
        "here"
    };
    let router = Router::new().route("/", get(held));
    let at = listener(&server, Bounds { connections: 2, first_request: EVER }, router).await;
    let mut asked = Vec::new();
    for last in [2, 2, 3] {
        let mut stream = open(at, last).await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        asked.push(stream);
        if asked.len() < 3 {
            entered.acquire().await.unwrap().forget();
        }
    }
    gate.add_permits(asked.len());
    for stream in &mut asked {
        assert!(hear(stream).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_request_comes_soon_or_never() {
    let server = Server::start().await;
    let first_request = Duration::from_secs(1);
    let at = listener(&server, Bounds { connections: 100, first_request }, probes()).await;
    let mut polite = open(at, 2).await;
    assert!(ask(&mut polite).await);
    let (mut silent, mut halting) = (open(at, 2).await, open(at, 2).await);
    halting.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    assert!(!hear(&mut silent).await && !hear(&mut halting).await);
    assert!(ask(&mut polite).await, "who has asked before may take his time");
}
