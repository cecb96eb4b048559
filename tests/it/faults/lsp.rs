//! An LSP that never gives up, behaves as badly as it is told to, and writes down everything that it saw: the evidence.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ocen_lender::clock::{Clock, Ids};
use ocen_lender::jose::{HeaderMember, Incoming, OCEN_V3_ALGORITHMS, SigningKey, VerifyingKey, sign_flattened};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::dice::Dice;

/// Who it is.
pub const ORG_ID: &str = "LSP-FAULTS";
/// How long one try of a request may take.
const TRY: Duration = Duration::from_secs(6);
/// How long a step may take before it counts as lost: the longest fault, leases and backoff on top.
const PATIENCE: Duration = Duration::from_mins(10);
/// A callback is answered badly at most so often, so that the next try is soon.
const MOST_BAD: usize = 3;
/// How many acknowledged requests are remembered to be sent again.
const REMEMBERED: usize = 200;

/// How the endpoint answers a callback instead of acknowledging it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// HTTP 500.
    Error,
    /// HTTP 429 with Retry-After.
    TooMany,
    /// HTTP 302 to somewhere else.
    Moved,
    /// HTTP 200 with a page.
    Garbage,
    /// HTTP 200 whose body ends too early.
    Half,
    /// Nothing, for ever.
    Hang,
    /// Takes it in, and says HTTP 500 all the same.
    LostAck,
}

/// All of them.
pub const MANNERS: [Manner; 7] =
    [Manner::Error, Manner::TooMany, Manner::Moved, Manner::Garbage, Manner::Half, Manner::Hang, Manner::LostAck];

/// A callback as it arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Path.
    pub path: String,
    /// `requestId`.
    pub request_id: String,
    /// `metadata.traceId`, which tells callbacks apart.
    pub trace_id: String,
    /// The message without its timestamp.
    pub frozen: String,
    /// Whether it was acknowledged.
    pub good: bool,
}

/// What was seen from outside.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Paths of requests that were acknowledged, by request id.
    pub acked: HashMap<String, String>,
    /// Every request id that was ever sent.
    pub sent: HashMap<String, String>,
    /// Callbacks in the order in which they came.
    pub arrivals: Vec<Arrival>,
    /// What must not happen: a refusal without a reason, a bad signature.
    pub complaints: Vec<String>,
    /// Tries that came to nothing.
    pub failed_tries: Vec<String>,
    /// Some of the requests that were acknowledged, whole.
    old: VecDeque<(String, Value)>,
}

/// How badly, and how often.
#[derive(Debug, Default)]
struct Conduct {
    percent: u64,
    manners: Vec<Manner>,
}

/// The LSP.
pub struct Lsp {
    key: SigningKey,
    lender: VerifyingKey,
    http: reqwest::Client,
    url: String,
    /// Its endpoint, behind no wire.
    pub endpoint: SocketAddr,
    evidence: Mutex<Evidence>,
    answers: Mutex<HashMap<(String, String), Value>>,
    arrived: Notify,
    conduct: Mutex<Conduct>,
    dice: Dice,
    /// Each request leaves so often at once.
    copies: Mutex<usize>,
}

impl Lsp {
    /// Opens its endpoint; its requests go to `server`.
    pub async fn open(server: SocketAddr, lender: VerifyingKey, dice: Dice) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = reqwest::Client::builder().timeout(TRY).pool_max_idle_per_host(0).no_proxy().build().unwrap();
        let lsp = Arc::new(Self {
            key: SigningKey::generate("lsp-faults-1").unwrap(),
            lender,
            http,
            url: format!("http://{server}"),
            endpoint: listener.local_addr().unwrap(),
            evidence: Mutex::default(),
            answers: Mutex::default(),
            arrived: Notify::new(),
            conduct: Mutex::default(),
            dice,
            copies: Mutex::new(1),
        });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&lsp));
        tokio::spawn(async move { axum::serve(listener, router).await });
        lsp
    }

    /// Registers itself; callbacks come by `callbacks`.
    pub async fn register(&self, admin: SocketAddr, token: &str, callbacks: SocketAddr) {
        let keys = json!([{"kid": self.key.kid(), "publicKeyPem": self.key.public_key_pem()}]);
        let body = json!({"name": ORG_ID, "callbackBaseUrl": format!("http://{callbacks}"), "keys": keys});
        let put = self.http.put(format!("http://{admin}/admin/lsps/{ORG_ID}")).bearer_auth(token).json(&body);
        let answer = put.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// From now on so many of a hundred callbacks are answered in one of these manners.
    pub fn misbehave(&self, percent: u64, manners: &[Manner]) {
        *self.conduct.lock().unwrap() = Conduct { percent, manners: manners.to_vec() };
    }

    /// Acknowledges everything again.
    pub fn behave(&self) {
        *self.conduct.lock().unwrap() = Conduct::default();
    }

    /// From now on each request leaves so often at once.
    pub fn send_copies(&self, copies: usize) {
        *self.copies.lock().unwrap() = copies;
    }

    /// A look at the evidence.
    pub fn evidence<T>(&self, look: impl FnOnce(&Evidence) -> T) -> T {
        look(&self.evidence.lock().unwrap())
    }

    /// Sends a request until it is acknowledged and waits for its answer on `answer_path`.
    pub async fn ask(&self, path: &str, body: Value) -> Value {
        let request_id = self.send(path, body).await;
        self.answer(&answer_path(path), &request_id).await
    }

    /// Sends a request until it is acknowledged; gives its id.
    pub async fn send(&self, path: &str, mut body: Value) -> String {
        let request_id = format!("REQ-{}", Ids.uuid().simple());
        body["requestId"] = json!(request_id);
        self.evidence.lock().unwrap().sent.insert(request_id.clone(), path.to_owned());
        let copies = *self.copies.lock().unwrap();
        let sending = (0..copies).map(|_| self.until_acked(path, &body));
        futures_util::future::join_all(sending).await;
        let evidence = &mut *self.evidence.lock().unwrap();
        evidence.acked.insert(request_id.clone(), path.to_owned());
        evidence.old.push_back((path.to_owned(), body));
        if evidence.old.len() > REMEMBERED {
            evidence.old.pop_front();
        }
        request_id
    }

    /// Sends some request of the past once more; it must be acknowledged, and nothing happens again.
    pub async fn send_an_old_one_again(&self) {
        if let Some((path, body)) = self.old_one() {
            self.until_acked(&path, &body).await;
        }
    }

    /// Sends something else under the id of an old request; it must be refused.
    pub async fn abuse_an_old_id(&self) {
        let Some((path, mut body)) = self.old_one() else { return };
        body["extensibleData"] = json!({"other": Ids.uuid().to_string()});
        match self.try_once(&path, &body).await {
            Ok(ack) if ack["error"] == "0" => self.complain(format!("{path}: another body was taken for the same")),
            Ok(_) => {}
            Err(came) => self.note(&came),
        }
    }

    fn old_one(&self) -> Option<(String, Value)> {
        let evidence = self.evidence.lock().unwrap();
        let which = usize::try_from(self.dice.roll(evidence.old.len() as u64)).unwrap();
        evidence.old.get(which).cloned()
    }

    async fn until_acked(&self, path: &str, body: &Value) {
        let trying = async {
            loop {
                match self.try_once(path, body).await {
                    Ok(ack) if ack["error"] == "0" => return,
                    Ok(ack) => {
                        let retryable = matches!(ack["error"].as_str(), Some("GEN5004" | "GEN5003" | "GEN5008") | None);
                        let came = format!("{path} {}: {ack}", body["requestId"]);
                        self.note(&came);
                        if !retryable {
                            self.complain(came);
                            return;
                        }
                    }
                    Err(came) => self.note(&format!("{path} {}: {came}", body["requestId"])),
                }
                self.dice.wait(Duration::from_millis(50), Duration::from_millis(400)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, trying).await.is_err() {
            self.complain(format!("{path} {} was not acknowledged", body["requestId"]));
        }
    }

    /// One try with fresh metadata; an answer that is no proven ack counts as none.
    async fn try_once(&self, path: &str, body: &Value) -> Result<Value, String> {
        let mut message = body.clone();
        message["metadata"] = json!({
            "version": "1.0",
            "orgId": ORG_ID,
            "timestamp": now(),
            "traceId": Ids.uuid().to_string(),
        });
        let bytes = sign_flattened(&self.key, HeaderMember::Header, &serde_json::to_vec(&message).unwrap()).unwrap();
        let url = format!("{}{path}", self.url);
        let sent = self.http.post(url).header("content-type", "application/json").body(bytes).send().await;
        let answer = sent.map_err(|error| root_cause(&error))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| root_cause(&error))?;
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(format!("HTTP {status}"));
        }
        let ack = self.open_message(&bytes).ok_or_else(|| format!("HTTP {status}, no proven ack"))?;
        if ack["error"] == "0" && ack["traceId"] != message["metadata"]["traceId"] {
            return Err("an ack of another message".to_owned());
        }
        Ok(ack)
    }

    /// Waits for the answer that arrived on a path for a request.
    pub async fn answer(&self, path: &str, request_id: &str) -> Value {
        let key = (path.to_ascii_lowercase(), request_id.to_owned());
        let waiting = async {
            loop {
                let arrived = self.arrived.notified();
                tokio::pin!(arrived);
                arrived.as_mut().enable();
                if let Some(answer) = self.answers.lock().unwrap().remove(&key) {
                    return answer;
                }
                arrived.await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, waiting).await;
        came.unwrap_or_else(|_| panic!("{request_id}: nothing came on {path}"))
    }

    fn complain(&self, what: String) {
        self.evidence.lock().unwrap().complaints.push(what);
    }

    fn note(&self, what: &str) {
        self.evidence.lock().unwrap().failed_tries.push(what.to_owned());
    }

    fn manner(&self, trace_id: &str) -> Option<Manner> {
        let bad = |arrival: &&Arrival| arrival.trace_id == trace_id;
        if self.evidence.lock().unwrap().arrivals.iter().rev().filter(bad).count() >= MOST_BAD {
            return None;
        }
        let conduct = self.conduct.lock().unwrap();
        if self.dice.roll(100) >= conduct.percent {
            return None;
        }
        let which = usize::try_from(self.dice.roll(conduct.manners.len() as u64)).unwrap();
        conduct.manners.get(which).copied()
    }

    /// Opens a signed message whose signature is good.
    fn open_message(&self, bytes: &[u8]) -> Option<Value> {
        match Incoming::parse(bytes, OCEN_V3_ALGORITHMS) {
            Ok(Incoming::Signed(message)) => serde_json::from_slice(message.verify(&self.lender).ok()?).ok(),
            _ => None,
        }
    }

    fn take(&self, path: &str, body: &Value, good: bool) {
        let mut frozen = body.clone();
        frozen["metadata"]["timestamp"] = Value::Null;
        let word = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let arrival = Arrival {
            path: path.to_owned(),
            request_id: word("/requestId"),
            trace_id: word("/metadata/traceId"),
            frozen: digest(&frozen),
            good,
        };
        if good {
            let key = (path.to_ascii_lowercase(), arrival.request_id.clone());
            self.answers.lock().unwrap().insert(key, body.clone());
        }
        self.evidence.lock().unwrap().arrivals.push(arrival);
        self.arrived.notify_waiters();
    }

    fn ack(&self, body: &Value) -> Vec<u8> {
        let ack = json!({"error": "0", "traceId": body["metadata"]["traceId"], "timestamp": now()});
        sign_flattened(&self.key, HeaderMember::Header, &serde_json::to_vec(&ack).unwrap()).unwrap()
    }
}

async fn receive(State(lsp): State<Arc<Lsp>>, uri: Uri, bytes: Bytes) -> Response {
    let Some(body) = lsp.open_message(&bytes) else {
        lsp.complain(format!("{}: a callback that the lender did not sign", uri.path()));
        return StatusCode::BAD_REQUEST.into_response();
    };
    let manner = lsp.manner(body["metadata"]["traceId"].as_str().unwrap_or_default());
    lsp.take(uri.path(), &body, matches!(manner, None | Some(Manner::LostAck)));
    match manner {
        None => ([("content-type", "application/json")], lsp.ack(&body)).into_response(),
        Some(Manner::Error | Manner::LostAck) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Manner::TooMany) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "2")]).into_response(),
        Some(Manner::Moved) => {
            (StatusCode::FOUND, [("location", format!("http://{}/elsewhere", lsp.endpoint))]).into_response()
        }
        Some(Manner::Garbage) => "<html>welcome</html>".into_response(),
        Some(Manner::Half) => {
            let whole = lsp.ack(&body);
            let half = Bytes::copy_from_slice(&whole[..whole.len() / 2]);
            let broken = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]);
            ([("content-length", whole.len().to_string())], Body::from_stream(broken)).into_response()
        }
        Some(Manner::Hang) => std::future::pending().await,
    }
}

fn digest(value: &Value) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, value.to_string().as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}

fn now() -> String {
    Clock::default().wall().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Where the answer to a request comes: the operation's own path.
pub fn answer_path(path: &str) -> String {
    ocen_lender::protocol::route(path).and_then(|operation| operation.answer_path).unwrap().to_owned()
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
