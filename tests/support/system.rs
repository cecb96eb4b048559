//! A lender's system behind HTTP that does what a test says, call by call, and holds every call against the published
//! schemas.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonschema::Draft;
use ocen_lender::clock::{Clock, Ids};
use ocen_lender::config::{AdapterConfig, Config, PortConfig};
use ocen_lender::lender::webhook::{Keys, Signed};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// The secret that server and system share, without `whsec_`.
pub const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// One call as the system heard it.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Which port.
    pub port: String,
    /// Which method.
    pub method: String,
    /// `Idempotency-Key`.
    pub key: String,
    /// The question.
    pub body: Value,
    /// How many calls of this method came before.
    pub number: usize,
}

/// What the system says.
pub enum Told {
    /// What a system says that has nothing to object.
    Usual,
    /// A status with a body.
    Status(u16, Value),
    /// A status with `Retry-After` in seconds.
    RetryAfter(u16, u64),
    /// Nothing until [`System::let_go`].
    Held(Value),
}

type Script = dyn Fn(&Heard) -> Told + Send + Sync;

/// A running system.
pub struct System {
    /// Its base address.
    pub url: String,
    script: Mutex<Arc<Script>>,
    heard: Mutex<Vec<Heard>>,
    changed: Notify,
    free: tokio::sync::Semaphore,
    description: Value,
}

impl System {
    /// A system that follows a script.
    pub async fn start(script: impl Fn(&Heard) -> Told + Send + Sync + 'static) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let system = Arc::new(Self {
            url: format!("http://{}/ocen", listener.local_addr().unwrap()),
            script: Mutex::new(Arc::new(script)),
            heard: Mutex::default(),
            changed: Notify::new(),
            free: tokio::sync::Semaphore::new(0),
            description: serde_json::from_str(&ocen_lender::lender::openapi::text().unwrap()).unwrap(),
        });
        let router = Router::new().fallback(listen).with_state(Arc::clone(&system));
        tokio::spawn(async move { axum::serve(listener, router).await });
        system
    }

    /// Follows another script from now on.
    pub fn now(&self, script: impl Fn(&Heard) -> Told + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    /// Puts the system behind a port of a configuration, with limits.
    pub fn behind(&self, config: &mut Config, port: &str, limits: impl Fn(AdapterConfig) -> AdapterConfig) {
        let adapter = AdapterConfig::at(self.url.parse().unwrap(), vec![STANDARD.decode(SECRET).unwrap().into()]);
        config.ports.insert(port.to_owned(), PortConfig::Adapter(limits(adapter)));
    }

    /// The calls of a method so far.
    pub fn calls(&self, method: &str) -> Vec<Heard> {
        self.heard.lock().unwrap().iter().filter(|heard| heard.method == method).cloned().collect()
    }

    /// Waits until a method was called so often, and gives its calls.
    pub async fn until(&self, method: &str, times: usize) -> Vec<Heard> {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let calls = self.calls(method);
                if calls.len() >= times {
                    return calls;
                }
                changed.await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        came.unwrap_or_else(|_| panic!("{method} was called {} times, not {times}", self.calls(method).len()))
    }

    /// Lets one call go that is held.
    pub fn let_go(&self) {
        self.free.add_permits(1);
    }

    async fn answer(&self, heard: &Heard) -> Response {
        let script = Arc::clone(&self.script.lock().unwrap());
        match script(heard) {
            Told::Usual => axum::Json(usual(heard)).into_response(),
            Told::Status(status, body) => (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response(),
            Told::RetryAfter(status, seconds) => {
                (StatusCode::from_u16(status).unwrap(), [("retry-after", seconds.to_string())]).into_response()
            }
            Told::Held(body) => {
                self.free.acquire().await.unwrap().forget();
                axum::Json(body).into_response()
            }
        }
    }

    /// Panics when a call is not what the description says.
    fn check(&self, heard: &Heard) {
        let place =
            format!("/paths/~1{}~1{}/post/requestBody/content/application~1json/schema", heard.port, heard.method);
        let Some(schema) = self.description.pointer(&place) else { return };
        let whole = json!({"allOf": [schema], "components": self.description["components"]});
        let validator = jsonschema::options().with_draft(Draft::Draft202012).build(&whole).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&heard.body).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{}/{}: {wrong:#?}\n{:#}", heard.port, heard.method, heard.body);
    }
}

async fn listen(State(system): State<Arc<System>>, uri: Uri, headers: HeaderMap, bytes: Bytes) -> Response {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
    let signed =
        Signed { id: text("webhook-id"), timestamp: text("webhook-timestamp"), signature: text("webhook-signature") };
    if keys().verify(signed, &bytes, Clock::default().wall()).is_err() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut path = uri.path().rsplit('/').map(str::to_owned);
    let (method, port) = (path.next().unwrap(), path.next().unwrap());
    let heard = {
        let mut all = system.heard.lock().unwrap();
        let number = all.iter().filter(|heard| heard.method == method).count();
        let body = serde_json::from_slice(&bytes).unwrap();
        let heard = Heard { port, method, key: text("idempotency-key").to_owned(), body, number };
        all.push(heard.clone());
        heard
    };
    system.check(&heard);
    system.changed.notify_waiters();
    system.answer(&heard).await
}

/// The keys that server and system share.
pub fn keys() -> Keys {
    Keys::new(&[STANDARD.decode(SECRET).unwrap().into()])
}

/// `done` with a finding.
pub fn done(finding: Value) -> Value {
    json!({"outcome": "done", "finding": finding})
}

/// `pending` for so many seconds.
pub fn pending(seconds: i64) -> Value {
    let poll_after = Clock::default().wall() + chrono::Duration::seconds(seconds);
    json!({"outcome": "pending", "reference": "REF-1", "pollAfter": poll_after})
}

/// Money that moved, as the bank tells it.
pub fn paid() -> Value {
    done(json!({"finding": "paid", "utr": "UTR-1", "valueDate": Clock::default().today()}))
}

fn usual(heard: &Heard) -> Value {
    done(match (heard.port.as_str(), heard.method.as_str()) {
        ("decision", "eligibility" | "final-check") => json!({"finding": "pass"}),
        ("disbursement", "verify-account") => json!({"finding": "accountVerified", "reference": "LOOKUP-1"}),
        ("disbursement", _) => return paid(),
        ("kyc", _) => json!({"finding": "kycDone", "reference": "KYC-1"}),
        (port, method) => panic!("a test must say what {port}/{method} answers"),
    })
}

/// Headers of a message of the system's, signed at a time that differs from now by so many seconds.
pub fn signed(body: &str, keys: &Keys, seconds: i64) -> Vec<(&'static str, String)> {
    let id = format!("later-{}", Ids.uuid());
    let at = Clock::default().wall().timestamp() + seconds;
    let signature = keys.sign(&id, at, body.as_bytes());
    vec![("webhook-id", id), ("webhook-timestamp", at.to_string()), ("webhook-signature", signature)]
}

/// Posts a later answer as it is.
pub async fn call_back(http: &reqwest::Client, url: &str, body: &str, headers: &[(&str, String)]) -> (u16, Value) {
    let mut request = http.post(url).header("content-type", "application/json").body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}
