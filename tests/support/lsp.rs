//! An LSP that signs what it sends, acks what it gets, and holds every byte against the published schemas.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use ocen_lender::clock::{Clock, Ids};
use ocen_lender::jose::{HeaderMember, Incoming, OCEN_V3_ALGORITHMS, SigningKey, sign_flattened};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, OnceCell};

use super::server::Server;
use super::wire;

/// Key generation is slow in debug builds, so one per process.
static KEY: OnceCell<Arc<SigningKey>> = OnceCell::const_new();

/// The LSP of most tests.
pub const USUAL: &str = "LSP-TEST";

/// The key that it signs with, and other LSPs of a test that bring it.
pub async fn key() -> Arc<SigningKey> {
    Arc::clone(KEY.get_or_init(|| async { Arc::new(SigningKey::generate("lsp-key-1").unwrap()) }).await)
}

/// A key for an LSP that may stand beside others on a server.
pub async fn key_of(org_id: &str) -> Arc<SigningKey> {
    if org_id == USUAL { key().await } else { Arc::new(SigningKey::generate("lsp-key-1").unwrap()) }
}

/// A registered LSP with a listener.
pub struct TestLsp {
    /// `metadata.orgId`.
    pub org_id: String,
    /// What it signs with; `None` sends plain JSON.
    pub key: Option<Arc<SigningKey>>,
    /// Where the protected header goes.
    pub member: HeaderMember,
    /// `http://127.0.0.1:port` of the server.
    pub url: String,
    /// What came, in order.
    pub inbox: Arc<Inbox>,
    lender: ocen_lender::jose::VerifyingKey,
    http: reqwest::Client,
}

/// Callbacks as they came.
#[derive(Default)]
pub struct Inbox {
    got: Mutex<Vec<Callback>>,
    arrived: Notify,
    answers: Mutex<HashMap<String, Vec<Reaction>>>,
}

/// How the LSP's endpoint answers next.
#[derive(Debug, Clone)]
pub struct Reaction {
    /// HTTP status.
    pub status: u16,
    /// Body; `None` is a proper ack.
    pub body: Option<String>,
    /// Extra headers.
    pub headers: Vec<(String, String)>,
}

/// One callback, verified.
#[derive(Debug, Clone)]
pub struct Callback {
    /// As posted, e.g. `/v3/offer/setOfferResponse`.
    pub path: String,
    /// The message.
    pub body: Value,
    /// Whether it came signed; the signature was good then.
    pub signed: bool,
    /// Where the protected header stood when it was signed.
    pub member: Option<HeaderMember>,
    /// The `traceparent` header.
    pub traceparent: String,
    /// The bytes as they came.
    pub raw: Bytes,
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Ack {
    /// HTTP status.
    pub status: u16,
    /// The ack object.
    pub body: Value,
    /// Whether it came signed; the signature was good then.
    pub signed: bool,
    /// Where the protected header stood when it was signed.
    pub member: Option<HeaderMember>,
    /// `Retry-After`, seconds.
    pub retry_after: Option<u64>,
}

impl Ack {
    /// `error` of the ack.
    pub fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }
}

impl TestLsp {
    /// Registers an LSP with a key and a listener. No two of a server's have the same key.
    pub async fn register(server: &Server, org_id: &str) -> Self {
        Self::register_with(server, org_id, json!({}), Some(key_of(org_id).await)).await
    }

    /// Registers an LSP with settings; without a key it sends plain JSON.
    pub async fn register_with(server: &Server, org_id: &str, settings: Value, key: Option<Arc<SigningKey>>) -> Self {
        let inbox = Arc::new(Inbox::default());
        let lender = server.app.keys.signing().verifying_key().clone();
        let base = listen(Arc::clone(&inbox), lender.clone()).await;
        let keys: Vec<Value> =
            key.iter().map(|key| json!({"kid": key.kid(), "publicKeyPem": key.public_key_pem()})).collect();
        let body = json!({"name": org_id, "callbackBaseUrl": base, "keys": keys, "settings": settings});
        let put = server.http.put(format!("{}/admin/lsps/{org_id}", server.admin)).json(&body).send().await.unwrap();
        assert!(put.status().is_success(), "{}", put.text().await.unwrap());
        Self {
            org_id: org_id.to_owned(),
            key,
            member: HeaderMember::Header,
            url: server.url.clone(),
            inbox,
            lender,
            http: server.http.clone(),
        }
    }

    /// The same LSP, connecting in another way.
    pub fn over(&self, url: &str, http: reqwest::Client) -> Self {
        Self {
            org_id: self.org_id.clone(),
            key: self.key.clone(),
            member: self.member,
            url: url.to_owned(),
            inbox: Arc::clone(&self.inbox),
            lender: self.lender.clone(),
            http,
        }
    }

    /// Fresh metadata of ours.
    pub fn metadata(&self) -> Value {
        json!({
            "version": "1.0",
            "orgId": self.org_id,
            "timestamp": Clock::default().wall().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "traceId": Ids.uuid().to_string(),
        })
    }

    /// Adds metadata and, where missing, a request id.
    pub fn complete(&self, mut body: Value) -> Value {
        if body.get("metadata").is_none() {
            body["metadata"] = self.metadata();
        }
        if body.get("requestId").is_none() {
            body["requestId"] = json!(format!("REQ-{}", Ids.uuid().simple()));
        }
        body
    }

    /// The bytes that go out for a message.
    pub fn seal(&self, body: &Value) -> Vec<u8> {
        let bytes = serde_json::to_vec(body).unwrap();
        match &self.key {
            Some(key) => sign_flattened(key, self.member, &bytes).unwrap(),
            None => bytes,
        }
    }

    /// Sends a request and gives its request id with the ack, whose form was checked.
    pub async fn send(&self, path: &str, body: Value) -> (String, Ack) {
        let body = self.complete(body);
        let request_id = body["requestId"].as_str().unwrap_or_default().to_owned();
        let ack = self.post(path, self.seal(&body)).await;
        if ack.error() == "0" {
            assert_eq!(ack.body["traceId"], body["metadata"]["traceId"]);
            assert_eq!(ack.signed, self.key.is_some());
        }
        (request_id, ack)
    }

    /// Posts bytes as they are.
    pub async fn post(&self, path: &str, bytes: Vec<u8>) -> Ack {
        let request = self.http.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        let answer = request.body(bytes).send().await.unwrap();
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
        let bytes = answer.bytes().await.unwrap();
        let (body, member) = open(&bytes, &self.lender);
        wire::check_ack(&body);
        Ack { status, body, signed: member.is_some(), member, retry_after }
    }

    /// Sends a request that must be accepted, and waits for its callback.
    pub async fn ask(&self, path: &str, body: Value) -> Value {
        let (request_id, ack) = self.send(path, body).await;
        assert_eq!((ack.status, ack.error()), (200, "0"), "{path}: {}", ack.body);
        self.callback(&request_id).await
    }

    /// Waits for the callback of a request.
    pub async fn callback(&self, request_id: &str) -> Value {
        self.callback_that(&format!("answers {request_id}"), |c| c.body["requestId"] == request_id).await.body
    }

    /// Waits for a callback that fits.
    pub async fn callback_that(&self, what: &str, fits: impl Fn(&Callback) -> bool) -> Callback {
        let waiting = async {
            loop {
                let arrived = self.inbox.arrived.notified();
                tokio::pin!(arrived);
                arrived.as_mut().enable();
                if let Some(found) = self.inbox.all().into_iter().find(|c| fits(c)) {
                    return found;
                }
                arrived.await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        found.unwrap_or_else(|_| panic!("no callback that {what}; got {:?}", self.inbox.summary()))
    }
}

impl Inbox {
    /// Everything that came so far.
    pub fn all(&self) -> Vec<Callback> {
        self.got.lock().unwrap().clone()
    }

    /// Callbacks for a request.
    pub fn of(&self, request_id: &str) -> Vec<Callback> {
        self.all().into_iter().filter(|c| c.body["requestId"] == request_id).collect()
    }

    /// What the endpoint answers to the next callbacks on a path (`*` for any), before it acks properly again.
    pub fn react(&self, path: &str, reactions: Vec<Reaction>) {
        self.answers.lock().unwrap().insert(path.to_owned(), reactions.into_iter().rev().collect());
    }

    fn reaction(&self, path: &str) -> Option<Reaction> {
        let mut answers = self.answers.lock().unwrap();
        for key in [path, "*"] {
            if let Some(reaction) = answers.get_mut(key).and_then(Vec::pop) {
                return Some(reaction);
            }
        }
        None
    }

    fn summary(&self) -> Vec<String> {
        self.all().iter().map(|c| format!("{} {}", c.path, c.body["requestId"])).collect()
    }
}

async fn listen(inbox: Arc<Inbox>, lender: ocen_lender::jose::VerifyingKey) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(receive).with_state((inbox, lender));
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

async fn receive(
    State((inbox, lender)): State<(Arc<Inbox>, ocen_lender::jose::VerifyingKey)>,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    let (body, member) = open(&bytes, &lender);
    let reaction = inbox.reaction(&path);
    if reaction.is_none() {
        wire::check_callback(&path, &body);
    }
    let traceparent = headers["traceparent"].to_str().unwrap().to_owned();
    let got = Callback { path, body: body.clone(), signed: member.is_some(), member, traceparent, raw: bytes.clone() };
    inbox.got.lock().unwrap().push(got);
    inbox.arrived.notify_waiters();
    let proper = json!({
        "error": "0",
        "traceId": body["metadata"]["traceId"],
        "timestamp": body["metadata"]["timestamp"],
    });
    match reaction {
        None => axum::Json(proper).into_response(),
        Some(Reaction { status, body, headers }) => {
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = (status, body.unwrap_or_else(|| proper.to_string())).into_response();
            for (name, value) in headers {
                let name = axum::http::HeaderName::try_from(name).unwrap();
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    }
}

/// Opens a signed message, whose signature must be good, or a plain one.
fn open(bytes: &[u8], lender: &ocen_lender::jose::VerifyingKey) -> (Value, Option<HeaderMember>) {
    match Incoming::parse(bytes, OCEN_V3_ALGORITHMS) {
        Ok(Incoming::Signed(message)) => {
            let payload = message.verify(lender).expect("a message of the lender's has a good signature");
            (serde_json::from_slice(payload).unwrap(), Some(message.member()))
        }
        _ => (serde_json::from_slice(bytes).unwrap_or(Value::Null), None),
    }
}
