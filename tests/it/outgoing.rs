//! What leaves for an LSP's address: certificates that it asks for, and every trick by which a URL, a name or an answer
//! could lead inside or hold us up.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ocen_lender::config::{AdapterConfig, Asked, ClientTls, Config, DeliveryConfig, PortConfig};
use ocen_lender::delivery::address::{PublicOnly, System};
use ocen_lender::delivery::client::{Answer, Client, Manner, Message, PostError};
use ocen_lender::lender::ledger::Comparison;
use ocen_lender::tls::incoming::Incoming;
use reqwest::dns::{Name, Resolve, Resolving};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::certificates::{self, Authority, Folder};
use crate::support::server::{Options, Server};

/// How long a callback may take here.
const TIMEOUT: Duration = Duration::from_secs(5);
const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";

fn config(private: bool) -> DeliveryConfig {
    DeliveryConfig {
        timeout: TIMEOUT,
        allow_private_addresses: private,
        paused: false,
        allowed_ports: Vec::new(),
        inbox: None,
        tls: ClientTls::default(),
        lsp_tls: BTreeMap::new(),
    }
}

/// An endpoint that counts who comes, and what it says after a request.
struct Endpoint {
    address: SocketAddr,
    came: Arc<AtomicUsize>,
}

impl Endpoint {
    /// Writes `first`, then `rest` for ever while anybody reads.
    async fn saying(first: String, rest: Vec<u8>, tls: Option<Incoming>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, came) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&came);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (first, rest) = (first.clone(), rest.clone());
                let acceptor = tls.as_ref().map(Incoming::acceptor);
                tokio::spawn(async move {
                    match acceptor {
                        None => answer(stream, &first, &rest).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                answer(stream, &first, &rest).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, came }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn visits(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, first: &str, rest: &[u8]) {
    let mut request = vec![0; 16 * 1024];
    if stream.read(&mut request).await.is_err() || stream.write_all(first.as_bytes()).await.is_err() {
        return;
    }
    stream.flush().await.ok();
    if rest.is_empty() {
        // Nothing more comes, and the connection stays.
        let _until_it_goes = stream.read(&mut request).await;
    }
    while !rest.is_empty() && stream.write_all(rest).await.is_ok() {}
}

/// Names that point where a test says, each time the next answer.
struct Names {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names {
    fn pointing_to(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(parse).collect(), asked: AtomicUsize::new(0) })
    }
}

impl Resolve for Names {
    fn resolve(&self, _name: Name) -> Resolving {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst) % self.answers.len();
        let found: Vec<SocketAddr> = self.answers[turn].iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
        Box::pin(async move { Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs) })
    }
}

fn message() -> Message {
    Message { body: Bytes::from_static(b"{}"), traceparent: "00-1-1-01".to_owned(), manner: Manner::Usual }
}

async fn post(client: &Client, url: &str) -> Result<Answer, PostError> {
    client.post("LSP-1", url, "/v3/offer/setOfferResponse", message()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_an_inner_address_is_called() {
    let inside = Endpoint::saying(OK.to_owned(), Vec::new(), None).await;
    let port = inside.address.port();
    let client = Client::new(&config(false)).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "localhost",
        "LOCALHOST.",
        "x.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "100.64.0.1",
        "lsp.example@127.0.0.1",
        "user:pass@127.0.0.1",
        "①②⑦.0.0.1",
        "127.0.0.1%2f@127.0.0.1",
    ] {
        let posted = post(&client, &format!("http://{host}:{port}")).await;
        assert!(matches!(posted, Err(PostError::Url(_) | PostError::Connection(_))), "{host}: {posted:?}");
    }
    for url in ["ftp://lsp.example", "file:///etc/passwd", "gopher://127.0.0.1:70", "//127.0.0.1", "unix:/run/x", ""] {
        assert!(matches!(post(&client, url).await, Err(PostError::Url(_))), "{url}");
    }
    assert_eq!(inside.visits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_points_inside_is_not_called_whatever_it_said_before() {
    let inside = Endpoint::saying(OK.to_owned(), Vec::new(), None).await;
    let names = Names::pointing_to(&[&["127.0.0.1"], &["::1"], &["::ffff:127.0.0.1"], &["10.0.0.1", "127.0.0.1"], &[]]);
    let client = Client::resolving_by(&config(false), Arc::clone(&names) as _).unwrap();
    let url = format!("http://rebind.example:{}", inside.address.port());
    for _ in 0..5 {
        assert!(matches!(post(&client, &url).await, Err(PostError::Connection(_))));
    }
    assert_eq!((inside.visits(), names.asked.load(Ordering::SeqCst)), (0, 5));

    // Of a mixed answer only what is public is left, and the connection is made from that answer.
    let mixed = PublicOnly::of(Names::pointing_to(&[&["127.0.0.1", "8.8.8.8", "fd00::1", "2606:4700::1111"]]));
    let left: Vec<IpAddr> = mixed.resolve("x".parse().unwrap()).await.unwrap().map(|address| address.ip()).collect();
    assert_eq!(left, ["8.8.8.8".parse::<IpAddr>().unwrap(), "2606:4700::1111".parse().unwrap()]);
    assert!(PublicOnly::of(Arc::new(System)).resolve("localhost".parse().unwrap()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_made_to_the_address_that_was_checked() {
    let endpoint = Endpoint::saying(OK.to_owned(), Vec::new(), None).await;
    // The second answer would fail; it is not asked for while the first connection is made.
    let names = Names::pointing_to(&[&["127.0.0.1"], &["192.0.2.1"]]);
    let client = Client::resolving_by(&config(true), Arc::clone(&names) as _).unwrap();
    let url = format!("http://pinned.example:{}", endpoint.address.port());
    assert_eq!(post(&client, &url).await.unwrap().status, 200);
    assert_eq!((endpoint.visits(), names.asked.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_an_answer_and_not_an_order() {
    let inside = Endpoint::saying(OK.to_owned(), Vec::new(), None).await;
    for status in [301, 302, 303, 307, 308] {
        let said = format!("HTTP/1.1 {status} Over there\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", inside.url());
        let outside = Endpoint::saying(said, Vec::new(), None).await;
        let client = Client::new(&config(true)).unwrap();
        assert_eq!(post(&client, &outside.url()).await.unwrap().status, status);
    }
    assert_eq!(inside.visits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_ports_that_are_allowed_are_called() {
    let endpoint = Endpoint::saying(OK.to_owned(), Vec::new(), None).await;
    let only = |port| Client::new(&DeliveryConfig { allowed_ports: vec![port], ..config(true) }).unwrap();
    assert!(matches!(post(&only(443), &endpoint.url()).await, Err(PostError::Url(_))));
    assert_eq!(endpoint.visits(), 0);
    assert_eq!(post(&only(endpoint.address.port()), &endpoint.url()).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_is_cut_and_a_silent_one_given_up() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_owned();
    let endless = Endpoint::saying(head.clone(), vec![b'x'; 64 * 1024], None).await;
    let client = Client::new(&config(true)).unwrap();
    assert_eq!(post(&client, &endless.url()).await.unwrap().body.len(), 64 * 1024);

    let hasty = Client::new(&DeliveryConfig { timeout: Duration::from_millis(300), ..config(true) }).unwrap();
    for said in [String::new(), "HTTP/1.1 200 O".to_owned(), head, format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(9))] {
        let silent = Endpoint::saying(said, Vec::new(), None).await;
        assert!(matches!(post(&hasty, &silent.url()).await, Err(PostError::Timeout(_))));
    }
    let headers = Endpoint::saying("HTTP/1.1 200 OK\r\n".to_owned(), b"x: yyyyyyyyyyyyyyyy\r\n".to_vec(), None).await;
    assert!(matches!(post(&client, &headers.url()).await, Err(PostError::Connection(_))), "endless headers");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_that_asks_for_a_certificate_gets_ours_and_checks_out_itself() {
    let (theirs, lenders) = (Authority::new(), Authority::new());
    let [at_lsp, at_us] = [Folder::new(), Folder::new()];
    let tls = Incoming::load(certificates::listener(&at_lsp, &theirs, Some(&lenders), Asked::Required)).unwrap();
    let endpoint = Endpoint::saying(OK.to_owned(), Vec::new(), Some(tls)).await;
    let url = endpoint.url().replace("http://", "https://");
    let ours = certificates::client_tls(&at_us, &theirs, Some(&lenders.issue("lender.example")));

    let by_lsp = BTreeMap::from([("LSP-1".to_owned(), ours.clone())]);
    let one = Client::new(&DeliveryConfig { lsp_tls: by_lsp, ..config(true) }).unwrap();
    assert_eq!(post(&one, &url).await.unwrap().status, 200);
    let other = one.post("LSP-2", &url, "/v3/x", message()).await;
    assert!(matches!(other, Err(PostError::Connection(_))), "another LSP's calls do not trust its authority");
    let all = Client::new(&DeliveryConfig { tls: ours.clone(), ..config(true) }).unwrap();
    assert_eq!(post(&all, &url).await.unwrap().status, 200);
    let silent = ClientTls { cert_file: None, key_file: None, ..ours };
    let nobody = Client::new(&DeliveryConfig { tls: silent, ..config(true) }).unwrap();
    assert!(matches!(post(&nobody, &url).await, Err(PostError::Connection(_))), "without a certificate");

    // Files that changed count from the next reading on.
    certificates::client_tls(&at_us, &Authority::new(), Some(&lenders.issue("lender.example")));
    assert_eq!(post(&all, &url).await.unwrap().status, 200);
    all.reload();
    assert!(matches!(post(&all, &url).await, Err(PostError::Connection(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_checks_and_shows_certificates_that_change_without_a_restart() {
    let (theirs, lenders) = (Authority::new(), Authority::new());
    let [at_them, at_us] = [Folder::new(), Folder::new()];
    let tls = Incoming::load(certificates::listener(&at_them, &theirs, Some(&lenders), Asked::Required)).unwrap();
    let endpoint = Endpoint::saying(OK.to_owned(), Vec::new(), Some(tls)).await;
    let url = endpoint.url().replace("http://", "https://").parse().unwrap();
    let ours = certificates::client_tls(&at_us, &theirs, Some(&lenders.issue("lender.example")));
    let adapter = AdapterConfig { tls: Box::new(ours), ..AdapterConfig::at(url, vec![vec![1; 32].into()]) };
    let tweak = |config: &mut Config| drop(config.ports.insert("ledger".to_owned(), PortConfig::Adapter(adapter)));
    let server = Server::start_with(Options { tweak: Some(Box::new(tweak)), idle: true, ..Options::default() }).await;
    let ports = &server.app.ports;
    let ask = async || {
        let (now, today) = (server.app.clock.now(), server.app.clock.today());
        let asked = Comparison { key: "KEY", as_of: today, accounts: &[], loans: &[], now, today };
        ports.ledger().unwrap().compare(asked).await.unwrap_err().to_string()
    };
    assert!(ask().await.contains("answered no outcome"), "{}: it was let in", ask().await);

    certificates::client_tls(&at_us, &Authority::new(), Some(&lenders.issue("lender.example")));
    assert!(ask().await.contains("answered no outcome"));
    ports.reload();
    assert!(ask().await.contains("TLS: invalid peer certificate: UnknownIssuer"), "{}", ask().await);
    certificates::client_tls(&at_us, &theirs, Some(&Authority::new().issue("lender.example")));
    ports.reload();
    // The other side ends the connection with an alert, which its end may overtake.
    server.until("the alert is heard", || async { ask().await.contains("TLS: received fatal alert") }).await;
}
