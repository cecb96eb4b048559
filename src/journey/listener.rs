//! Our side of the callbacks: verify, note, ack.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::{DateTime, SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::envelope::{Envelopes, Opened};
use super::inbox::{Answer, Inbox};
use super::lsp::fetch_keys;
use super::operations::{self, Operation, text};
use crate::clock::{Clock, Ids};

/// Largest callback, in bytes: a hundred offers with their schedules.
const BODY_LIMIT: usize = 32 * 1024 * 1024;
/// How far the timestamp of a callback may be from our time, in minutes: it is fresh per attempt.
const TIMESTAMP_TOLERANCE_MINUTES: i64 = 5;

/// Least time between two fetches of the lender's keys.
const KEYS_PAUSE: Duration = Duration::from_secs(1);

/// What the listener needs.
#[derive(Debug)]
pub struct Listener {
    /// For verifying callbacks and signing acks.
    pub envelopes: Arc<Envelopes>,
    /// Where callbacks go.
    pub inbox: Arc<Inbox>,
    /// The time.
    pub clock: Clock,
    /// Where the lender's keys come from.
    pub keys: KeySource,
}

/// The lender's key set, fetched again when a message names a key that is not in it.
#[derive(Debug)]
pub struct KeySource {
    /// The shared client.
    pub client: reqwest::Client,
    /// The server's address for LSPs, without a slash at its end.
    pub url: String,
    /// When it was last fetched anew, so that nobody has us fetch it all the time.
    pub fetched: Mutex<Option<Instant>>,
}

impl Listener {
    /// Serves until `stop`.
    ///
    /// # Errors
    /// What the operating system reports.
    pub async fn serve(self: Arc<Self>, socket: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let router = Router::new().fallback(post(receive)).layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(self);
        axum::serve(socket, router).with_graceful_shutdown(stop.cancelled_owned()).await
    }

    /// Fetches the lender's keys once more, unless that was done a moment ago.
    async fn refresh_keys(&self) {
        let mut fetched = self.keys.fetched.lock().await;
        if fetched.is_some_and(|at| at.elapsed() < KEYS_PAUSE) {
            return;
        }
        *fetched = Some(Instant::now());
        if let Ok(jwks) = fetch_keys(&self.keys.client, &self.keys.url, Duration::ZERO, |_| ()).await {
            // A set that cannot be used leaves the known keys, and the message is refused.
            let _ = self.envelopes.learn(&jwks);
        }
    }

    fn take_in(&self, path: &str, body: &[u8]) -> Result<String, Refused> {
        let opened = self.envelopes.open(body).map_err(|what| Refused::new("AUTH1001", what))?;
        self.note(path, opened)
    }

    /// Takes in a callback that another endpoint received for us; what is wrong with it ends the run.
    pub fn take_over(&self, path: &str, opened: Opened) {
        if let Err(refused) = self.note(path, opened) {
            self.inbox.fail(format!("{path}, {}", refused.what));
        }
    }

    fn note(&self, path: &str, opened: Opened) -> Result<String, Refused> {
        let message = opened.message;
        let trace_id = text(&message, "/metadata/traceId").to_owned();
        let refused = |what| Refused { code: "GEN5010", what, trace_id: trace_id.clone() };
        let operation = operations::by_answer_path(path)
            .ok_or_else(|| refused("the path is not one of the answer paths".to_owned()))?;
        self.check(operation, &message).map_err(refused)?;
        let request_id = text(&message, "/requestId").to_owned();
        let named = format!("requestId {request_id}: ");
        let answer = Answer { operation, request_id, message, signed: opened.signed, received: Instant::now() };
        self.inbox.deposit(answer).map_err(|what| refused(named + &what))?;
        Ok(trace_id)
    }

    fn check(&self, operation: &Operation, message: &Value) -> Result<(), String> {
        for pointer in ["/metadata/version", "/metadata/orgId", "/metadata/traceId", "/requestId", "/response/error"] {
            if text(message, pointer).is_empty() {
                return Err(format!("`{pointer}` is missing"));
            }
        }
        let sent = DateTime::parse_from_rfc3339(text(message, "/metadata/timestamp"))
            .map_err(|error| format!("`/metadata/timestamp`: {error}"))?;
        if (self.clock.wall() - sent.to_utc()).abs() > TimeDelta::minutes(TIMESTAMP_TOLERANCE_MINUTES) {
            return Err(format!("`/metadata/timestamp` is {sent}, which is not now"));
        }
        let lacking = operation.members.iter().find(|pointer| message.pointer(pointer).is_none());
        lacking.map_or(Ok(()), |pointer| Err(format!("`{pointer}` is missing")))
    }

    fn ack(&self, status: StatusCode, error: &str, trace_id: &str) -> Response {
        let timestamp = self.clock.wall().to_rfc3339_opts(SecondsFormat::Millis, true);
        let ack = json!({"error": error, "traceId": trace_id, "timestamp": timestamp});
        match self.envelopes.seal(&ack) {
            Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
            // The answer stays noted; the lender will deliver it again.
            Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}

/// A callback that is not taken.
struct Refused {
    code: &'static str,
    what: String,
    trace_id: String,
}

impl Refused {
    fn new(code: &'static str, what: String) -> Self {
        Self { code, what, trace_id: Ids.token() }
    }
}

async fn receive(State(listener): State<Arc<Listener>>, uri: Uri, body: Bytes) -> Response {
    if listener.envelopes.names_a_new_key(&body) {
        listener.refresh_keys().await;
    }
    // A base URL may have a path of its own before `/v3`.
    let path = uri.path();
    let path = path.to_ascii_lowercase().find("/v3/").and_then(|at| path.get(at..)).unwrap_or(path);
    match listener.take_in(path, &body) {
        Ok(trace_id) => listener.ack(StatusCode::OK, "0", &trace_id),
        Err(refused) => {
            listener.inbox.fail(format!("{path}, {}", refused.what));
            listener.ack(StatusCode::BAD_REQUEST, refused.code, &refused.trace_id)
        }
    }
}
