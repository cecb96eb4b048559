//! HTTP below the messages: sizes, methods, media types, and clients that do not behave.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::bodies::{self, path};
use crate::support::fingerprint;
use crate::support::server::Server;

/// Where a crowd of connections comes from, other than everybody else.
const CROWD: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), 0);
/// What each of them sends, in bytes.
const STALLED: usize = 19 << 19;

fn create() -> Value {
    json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]})
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_a_size() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let padded = |bytes: usize| {
        let mut body = create();
        body["loanApplications"][0]["description"] = json!("x".repeat(bytes));
        body
    };
    let lookup = |bytes: usize| lsp.complete(json!({"lookupType": "LOAN_TYPE", "note": "x".repeat(bytes)}));

    for (path, body) in [(path::CREATE, lsp.complete(padded(11 << 20))), (path::LOOKUP, lookup(300 << 10))] {
        let before = fingerprint::all(&server).await;
        let ack = lsp.post(path, lsp.seal(&body)).await;
        assert_eq!((ack.status, ack.error()), (413, "GEN5013"), "{path}: {}", ack.body);
        assert_eq!(fingerprint::all(&server).await, before, "{path}");
    }
    assert_eq!(lsp.send(path::LOOKUP, lookup(100 << 10)).await.1.error(), "0");
    assert_eq!(lsp.send(path::CREATE, padded(2 << 20)).await.1.error(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_itself_is_checked() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let message = lsp.seal(&lsp.complete(create()));
    let before = fingerprint::all(&server).await;
    let url = |path: &str| format!("{}{path}", server.url);
    let post = |path: &str, kind: &str| server.http.post(url(path)).header("content-type", kind).body(message.clone());
    let json = "application/json";

    for (what, request, expected) in [
        ("text", post(path::CREATE, "text/plain"), (415, "GEN5012")),
        ("a form", post(path::CREATE, "application/x-www-form-urlencoded"), (415, "GEN5012")),
        ("compressed", post(path::CREATE, json).header("content-encoding", "gzip"), (415, "GEN5012")),
        (
            "as it is, and compressed",
            post(path::CREATE, json).header("content-encoding", "identity, br"),
            (415, "GEN5012"),
        ),
        ("GET", server.http.get(url(path::CREATE)), (405, "GEN5003")),
        ("PUT", server.http.put(url(path::GRANT)).body(message.clone()), (405, "GEN5003")),
        ("DELETE", server.http.delete(url(path::LOOKUP)), (405, "GEN5003")),
        ("an unknown call", post("/v3/loan/forgiveLoanRequest", json), (404, "GEN5011")),
        ("our own answer's path", post("/v3/offer/setOfferResponse", json), (404, "GEN5011")),
        ("another version", post("/v4/offer/setOfferRequest", json), (404, "GEN5011")),
        ("an operator's path", post("/admin/lsps", json), (404, "GEN5011")),
    ] {
        let answer = request.send().await.unwrap();
        let (status, allow) = (answer.status().as_u16(), answer.headers().get("allow").cloned());
        let ack: Value = answer.json().await.unwrap();
        assert_eq!((status, ack["error"].as_str().unwrap()), expected, "{what}: {ack}");
        assert!(
            ack["traceId"].is_string() && ack["timestamp"].is_string() && ack["detail"].is_string(),
            "{what}: {ack}"
        );
        assert_eq!(allow.is_some_and(|allow| allow == "POST"), status == 405, "{what}");
    }
    assert_eq!(fingerprint::all(&server).await, before);
    for plain in ["identity", " Identity", ""] {
        let sent = post(path::CREATE, json).header("content-encoding", plain).send().await.unwrap();
        assert_eq!(sent.status().as_u16(), 200, "{plain:?}");
    }
}

/// A create from another address, which stops shortly before its end.
async fn stall(to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(CROWD).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let head = format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", path::CREATE, STALLED + 1);
    stream.write_all(&[head.as_bytes(), &vec![b' '; STALLED]].concat()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_stall_hold_half_of_the_memory_at_most_and_not_for_long() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let address: SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
    // Half of what large bodies may take is 48 MiB.
    let mut stalled = join_all((0..5).map(|_| stall(address))).await;

    let mut large = create();
    large["loanApplications"][0]["description"] = json!("x".repeat(2 << 20));
    let large = lsp.seal(&lsp.complete(large));
    let crowd = reqwest::Client::builder().local_address(CROWD.ip()).no_proxy().build().unwrap();
    let more = || crowd.post(format!("{}{}", server.url, path::CREATE)).body(large.clone()).send();
    server
        .until("the address has its share", || async { more().await.is_ok_and(|answer| answer.status() == 503) })
        .await;
    let ack = lsp.post(path::CREATE, large.clone()).await;
    assert_eq!(ack.status, 200, "others are served meanwhile: {}", ack.body);

    for stream in &mut stalled {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("slower than"), "{answer}");
    }
    assert_eq!(more().await.unwrap().status(), 200, "what they held is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_broken_clients_harm_nobody() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let address: SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
    let message = lsp.seal(&lsp.complete(create()));
    let head = format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", path::CREATE, message.len());
    let half_body = [head.as_bytes(), &message[..message.len() / 2]].concat();
    let before = fingerprint::all(&server).await;

    let mut slow = Vec::new();
    for part in [b"POST /v3/loan/gra".as_slice(), &half_body].repeat(20) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(part).await.unwrap();
        slow.push(stream);
    }
    let (_, ack) = lsp.send(path::LOOKUP, json!({"lookupType": "LOAN_TYPE"})).await;
    assert_eq!(ack.error(), "0", "others are served meanwhile");

    // Who hangs up in the middle of a body hears nothing or a refusal, never an acceptance.
    for mut stream in slow {
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    for garbage in ["\r\n\r\n", "GET\r\n\r\n", "POST / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(garbage.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{garbage:?}: {answer}");
    }
    let after = fingerprint::all(&server).await;
    for table in ["application", "event", "loan"] {
        assert_eq!(after[table], before[table], "{table}");
    }
}
