//! Our requests: posted until they are acked, asked again until they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::SecondsFormat;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::borrower::new_id;
use super::envelope::Envelopes;
use super::error::JourneyError;
use super::inbox::{Answer, Inbox};
use super::operations::{Operation, text};
use super::screen::Screen;
use crate::clock::{Clock, Ids};

/// First pause before a request is tried again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For one step, retries included.
    pub step: Duration,
    /// For a callback, before the same request is sent again.
    pub resend: Duration,
}

/// Sends requests and hands out their answers.
#[derive(Debug)]
pub struct Courier {
    /// Ours.
    pub org_id: String,
    /// The server's address for LSPs, without a slash at its end.
    pub url: String,
    /// The shared client.
    pub client: reqwest::Client,
    /// For signing, and for verifying acks.
    pub envelopes: Arc<Envelopes>,
    /// Where answers arrive.
    pub inbox: Arc<Inbox>,
    /// Shows what happens.
    pub screen: Arc<Screen>,
    /// How long to wait.
    pub patience: Patience,
    /// The time.
    pub clock: Clock,
    /// Tries beyond the first, of all requests.
    pub retries: AtomicU64,
}

/// One request, the same in every try but for its `metadata`.
#[derive(Debug)]
pub struct Call {
    /// What is asked for.
    pub operation: &'static Operation,
    /// Its `requestId`.
    pub request_id: String,
    /// For people.
    pub note: String,
    body: Value,
    started: Instant,
}

/// An ack that says yes.
#[derive(Debug)]
struct Ack {
    message: Value,
    signed: bool,
    took: Duration,
}

/// What one try came to.
enum Try {
    Acked(Ack),
    Again { came: String, pause: Option<Duration> },
    Refused { expected: &'static str, came: String },
}

impl Call {
    /// A request with an id of its own. `note` is for people.
    pub fn new(operation: &'static Operation, mut body: Value, note: impl Into<String>) -> Self {
        let request_id = new_id(Ids, "REQ");
        if let Some(members) = body.as_object_mut() {
            members.insert("requestId".to_owned(), request_id.clone().into());
        }
        Self { operation, request_id, body, note: note.into(), started: Instant::now() }
    }

    /// Why this request was the end.
    pub fn failed(&self, expected: impl Into<String>, came: impl Into<String>) -> JourneyError {
        let (expected, came) = (expected.into(), came.into());
        JourneyError::Step {
            step: self.operation.request_name().to_owned(),
            request_id: self.request_id.clone(),
            expected,
            came,
        }
    }
}

impl Courier {
    /// Sends a request whose ack is all there is to it, and gives the ack.
    ///
    /// # Errors
    /// [`JourneyError`] when it is refused, or not acked in time.
    pub async fn post(&self, call: &Call) -> Result<Value, JourneyError> {
        let ack = self.acked(call, Instant::now() + self.patience.step).await?;
        self.screen.sent(call, ack.took, ack.signed);
        Ok(ack.message)
    }

    /// Sends a request and waits for its answer, which says that all went well.
    ///
    /// # Errors
    /// [`JourneyError`] when the request or its answer says no, or either does not come in time.
    pub async fn ask(&self, call: &Call) -> Result<Arc<Answer>, JourneyError> {
        let deadline = Instant::now() + self.patience.step;
        self.inbox.expect(&call.request_id, call.operation);
        let ack = self.acked(call, deadline).await?;
        self.screen.sent(call, ack.took, ack.signed);
        loop {
            let until = deadline.min(Instant::now() + self.patience.resend);
            if let Some(answer) = self.inbox.next(&call.request_id, until).await? {
                return self.accept(call, answer);
            }
            if Instant::now() >= deadline {
                let waited = format!("none within {} s", self.patience.step.as_secs());
                return Err(call.failed(call.operation.answer_name(), waited));
            }
            // The same request again does nothing twice, and has a lost answer queued once more.
            self.screen.aside(&format!("{} again, its answer is late", call.operation.request_name()));
            self.acked(call, deadline).await?;
        }
    }

    /// Waits for the answer after an interim one to the same request.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_on(&self, call: &Call) -> Result<Arc<Answer>, JourneyError> {
        let deadline = Instant::now() + self.patience.step;
        match self.inbox.next(&call.request_id, deadline).await? {
            Some(answer) => self.accept(call, answer),
            None => Err(call.failed("a final answer", format!("none within {} s", self.patience.step.as_secs()))),
        }
    }

    /// News that nobody asked for, if there are any until `until`.
    ///
    /// # Errors
    /// [`JourneyError::Callback`] once any callback of the run broke the contract.
    pub async fn news(&self, topic: &str, until: Instant) -> Result<Option<Arc<Answer>>, JourneyError> {
        let news = self.inbox.next(topic, until).await?;
        if let Some(answer) = &news {
            self.screen.came(answer, None);
        }
        Ok(news)
    }

    fn accept(&self, call: &Call, answer: Arc<Answer>) -> Result<Arc<Answer>, JourneyError> {
        self.screen.came(&answer, Some(answer.received.saturating_duration_since(call.started)));
        match text(&answer.message, "/response/error") {
            "0" => Ok(answer),
            code => {
                let detail = text(&answer.message, "/response/detail");
                Err(call.failed("response.error 0", format!("{code} {detail}").trim_end()))
            }
        }
    }

    /// Tries until the server acks, refuses, or time is up.
    async fn acked(&self, call: &Call, deadline: Instant) -> Result<Ack, JourneyError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let (came, wanted) = match self.attempt(call, deadline).await {
                Try::Acked(ack) => return Ok(ack),
                Try::Refused { expected, came } => return Err(call.failed(expected, came)),
                Try::Again { came, pause } => (came, pause),
            };
            let next = wanted.unwrap_or(pause).min(LONGEST_PAUSE);
            if Instant::now() + next >= deadline {
                let expected = format!("an ack with error 0 within {} s", self.patience.step.as_secs());
                return Err(call.failed(expected, format!("at last {came}")));
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            self.screen.aside(&format!("{} again in {} ms: {came}", call.operation.request_name(), next.as_millis()));
            sleep(next).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(&self, call: &Call, deadline: Instant) -> Try {
        let trace_id = Ids.token();
        let body = match self.envelopes.seal(&self.stamped(call, &trace_id)) {
            Ok(body) => body,
            Err(came) => {
                return Try::Refused { expected: "a signature", came };
            }
        };
        let began = Instant::now();
        let url = format!("{}{}", self.url, call.operation.request_path);
        let request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(body);
        let answered = async {
            let response = request.send().await?;
            let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Ok::<_, reqwest::Error>((response.status(), wait, response.bytes().await?))
        };
        match timeout_at(deadline, answered).await {
            Err(_) => Try::Again { came: "nothing".to_owned(), pause: None },
            Ok(Err(error)) => Try::Again { came: root_cause(&error), pause: None },
            Ok(Ok((status, wait, body))) if asks_for_patience(status) => {
                let came = format!("HTTP {}: {}", status.as_u16(), shown(&body));
                Try::Again { came, pause: wait.map(Duration::from_secs) }
            }
            Ok(Ok((status, _, body))) => self.read_ack(status, &body, &trace_id, began.elapsed()),
        }
    }

    fn read_ack(&self, status: StatusCode, body: &[u8], trace_id: &str, took: Duration) -> Try {
        let opened = match self.envelopes.open(body) {
            Ok(opened) => opened,
            Err(came) => {
                let came = format!("HTTP {} with {came}: {}", status.as_u16(), shown(body));
                return Try::Refused { expected: "a signed ack", came };
            }
        };
        let ack = opened.message.get("ack").cloned().unwrap_or(opened.message);
        let error = text(&ack, "/error");
        if status != StatusCode::OK || error != "0" {
            let came =
                format!("HTTP {}, {error} {} {}", status.as_u16(), text(&ack, "/detail"), text(&ack, "/pointer"));
            return Try::Refused { expected: "an ack with error 0", came: came.trim_end().to_owned() };
        }
        if text(&ack, "/traceId") != trace_id {
            let came = format!("traceId `{}`, sent was `{trace_id}`", text(&ack, "/traceId"));
            return Try::Refused { expected: "an ack that echoes the traceId", came };
        }
        Try::Acked(Ack { message: ack, signed: opened.signed, took })
    }

    fn stamped(&self, call: &Call, trace_id: &str) -> Value {
        let mut message = call.body.clone();
        let metadata = json!({
            "version": "1.0",
            "orgId": self.org_id,
            "timestamp": self.clock.wall().to_rfc3339_opts(SecondsFormat::Millis, true),
            "traceId": trace_id,
        });
        if let Some(members) = message.as_object_mut() {
            members.insert("metadata".to_owned(), metadata);
        }
        message
    }
}

/// Whether the server may well say yes a little later.
pub fn asks_for_patience(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT
}

/// The innermost reason, e.g. "Connection refused", since reqwest's own text hides it.
pub fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The beginning of a body, for an error text.
pub fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(200).collect()
}
