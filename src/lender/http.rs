//! The HTTP adapter: one signed protocol for every port and method (`lending.md` §5.2; README, "Connecting your
//! systems").
//!
//! `POST {url}/{port}/{method}` with Standard Webhooks headers. 200 carries an outcome, 202 one that is pending.

pub(super) mod ledger;

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};

use super::answer::Answer;
use super::question::Question;
use super::webhook::{self, Keys};
use super::{Call, Port, PortError};
use crate::clock::Clock;
use crate::config::{AdapterConfig, ClientTls};
use crate::domain::application::ask::NEVER_RECEIVED;
use crate::domain::application::ask::{Ask, Outcome};
use crate::telemetry::trace;
use crate::tls::TlsError;
use crate::tls::outgoing::{self, Trust};

/// Header under which the other side knows a repeated call.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// How long a system may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 256 * 1024;
/// The code of a refusal that is the adapter's rather than the lender's system's: for people, not for borrowers.
pub const ADAPTER_ERROR: &str = "ADAPTER_ERROR";

/// A client for adapters, with the certificates that are configured for them.
///
/// # Errors
/// When a certificate cannot be used, or the TLS library cannot be set up.
pub(super) fn client(tls: &ClientTls) -> Result<Client, TlsError> {
    let builder = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // One from the environment would see account numbers and passwords, and nobody configured it either.
        .no_proxy()
        // A redirect would carry account numbers to an address that nobody configured.
        .redirect(redirect::Policy::none());
    Ok(outgoing::equip(builder, tls, Trust::Alone)?.build()?)
}

/// One of the lender's systems behind HTTP.
pub struct Adapter {
    client: RwLock<Client>,
    tls: Box<ClientTls>,
    base: String,
    keys: Keys,
    timeout: Duration,
    clock: Clock,
}

impl Adapter {
    /// An adapter as configured.
    #[must_use]
    pub fn new(client: Client, config: &AdapterConfig, clock: Clock) -> Self {
        Self {
            client: RwLock::new(client),
            tls: config.tls.clone(),
            base: config.url.as_str().trim_end_matches('/').to_owned(),
            keys: Keys::new(&config.secrets),
            timeout: config.timeout,
            clock,
        }
    }

    /// The files of certificates that it was made from.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        outgoing::paths(&self.tls)
    }

    /// Reads the files again; what cannot be used leaves it as it was, and the log says so.
    pub(super) fn reload(&self) {
        if self.files().is_empty() {
            return;
        }
        match client(&self.tls) {
            Ok(fresh) => *self.client.write().unwrap_or_else(PoisonError::into_inner) = fresh,
            Err(error) => tracing::error!(%error, "an adapter's certificates stay as they were"),
        }
    }

    fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ask(&self, call: &Call<'_>) -> Result<Outcome, PortError> {
        let request = self.request(call)?;
        let response = request.send().await.map_err(|error| unreachable(call.ask, &error))?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = read(call.ask, response).await?;
        outcome(call, (status, retry_after), &body)
    }

    fn request(&self, call: &Call<'_>) -> Result<RequestBuilder, PortError> {
        let (port, method) = (call.ask.port(), call.method());
        let body = Question::new(call)
            .and_then(|question| serde_json::to_vec(&question).ok())
            .ok_or_else(|| PortError::bad_question(call.ask))?;
        let now = self.clock.wall();
        // A question has one id over all its tries. Asking what became of it is a message of its own each time: under
        // the first id the other side would repeat its first answer.
        let asks_after = method == "status" || call.reference.is_some();
        let id =
            if asks_after { format!("{}.{method}.{}", call.key, now.timestamp_millis()) } else { call.key.clone() };
        let seconds = now.timestamp();
        let request = self
            .client()
            .post(format!("{}/{port}/{method}", self.base))
            .timeout(self.timeout)
            .header(CONTENT_TYPE, "application/json")
            .header(webhook::ID, &id)
            .header(webhook::TIMESTAMP, seconds.to_string())
            .header(webhook::SIGNATURE, self.keys.sign(&id, seconds, &body))
            .header(IDEMPOTENCY_KEY, &id)
            .header(trace::HEADER, call.span.traceparent());
        Ok(request.body(body))
    }
}

impl Port for Adapter {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move { self.ask(&call).await })
    }
}

/// What an answer's status and body mean for the question.
pub(super) fn outcome(
    call: &Call<'_>,
    (status, retry_after): (StatusCode, Option<Duration>),
    body: &[u8],
) -> Result<Outcome, PortError> {
    let bad = |detail: String| PortError::BadAnswer { port: call.ask.port(), detail };
    if status == StatusCode::OK || status == StatusCode::ACCEPTED {
        let answer = Answer::read(body).map_err(bad)?;
        let outcome = answer.outcome(call.ask).and_then(|outcome| received(call, outcome)).map_err(bad)?;
        let pending = matches!(outcome, Outcome::Pending { .. });
        return if pending || status == StatusCode::OK {
            Ok(outcome)
        } else {
            Err(bad("202 without `pending`".into()))
        };
    }
    if status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 425 | 429) {
        return Err(PortError::Later { port: call.ask.port(), status: status.as_u16(), retry_after });
    }
    if status.is_client_error() {
        return match Answer::read(body) {
            Ok(answer @ Answer::Refused { .. }) => {
                answer.outcome(call.ask).and_then(|outcome| received(call, outcome)).map_err(bad)
            }
            // For money a bare 4xx may be a proxy's: it proves nothing about the payment.
            _ if call.ask.moves_money() => Err(bad(format!("{status} without an outcome"))),
            _ => Ok(Outcome::Refused {
                code: ADAPTER_ERROR.to_owned(),
                detail: format!("the adapter answered {status}"),
            }),
        };
    }
    Err(bad(status.to_string()))
}

/// What was sent with this very call has been received.
fn received(call: &Call<'_>, outcome: Outcome) -> Result<Outcome, String> {
    if call.method() == "status" { Ok(outcome) } else { arrived(call.ask, outcome) }
}

/// An order that was answered arrived: only to `status` it may be said that it never did.
pub(super) fn arrived(ask: &Ask, outcome: Outcome) -> Result<Outcome, String> {
    match outcome {
        Outcome::Refused { code, .. } if ask.moves_money() && code == NEVER_RECEIVED => {
            Err(format!("{NEVER_RECEIVED} answers `status` alone"))
        }
        outcome => Ok(outcome),
    }
}

/// `Retry-After` in seconds; its other form, a date, is not looked at.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn read(ask: &Ask, response: Response) -> Result<Vec<u8>, PortError> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| unreachable(ask, &error))?;
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(PortError::BadAnswer { port: ask.port(), detail: format!("more than {MAX_ANSWER} bytes") });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn unreachable(ask: &Ask, error: &reqwest::Error) -> PortError {
    PortError::Unreachable { port: ask.port(), detail: failure(error) }
}

/// Keeps the kind of failure and drops the address, which reqwest's own message repeats.
pub(super) fn failure(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let other = if error.is_connect() { "no connection" } else { "the connection broke" };
    outgoing::refusal(error).unwrap_or_else(|| other.to_owned())
}
