//! The HTTP adapter: one signed protocol for every port and method (`lending.md` §5.2).
//!
//! `POST {url}/{port}/{method}` with Standard Webhooks headers. 200 carries an outcome, 202 one that is pending.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretSlice};

use super::answer::Answer;
use super::question::Question;
use super::{Call, Port, PortError};
use crate::clock::Clock;
use crate::domain::application::ask::{Ask, Outcome};

/// How long a system may take to answer; more belongs into a pending outcome.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;
/// The code of a refusal that is the adapter's rather than the lender's system's: for people, not for borrowers.
pub const ADAPTER_ERROR: &str = "ADAPTER_ERROR";

/// The client that all adapters share.
///
/// # Errors
/// When the TLS library cannot be set up.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect would carry account numbers to an address that nobody configured.
        .redirect(redirect::Policy::none())
        .build()
}

/// One of the lender's systems behind HTTP.
pub struct Adapter {
    client: Client,
    base: String,
    key: hmac::Key,
    clock: Clock,
}

impl Adapter {
    /// An adapter at `base`, signing with the bytes behind `whsec_`.
    #[must_use]
    pub fn new(client: Client, base: &Url, secret: &SecretSlice<u8>, clock: Clock) -> Self {
        let key = signing_key(secret.expose_secret());
        Self { client, base: base.as_str().trim_end_matches('/').to_owned(), key, clock }
    }

    async fn ask(&self, call: &Call<'_>) -> Result<Outcome, PortError> {
        let request = self.request(call)?;
        let response = request.send().await.map_err(|error| unreachable(call.ask, &error))?;
        let status = response.status();
        let body = read(call.ask, response).await?;
        outcome(call, status, &body)
    }

    fn request(&self, call: &Call<'_>) -> Result<RequestBuilder, PortError> {
        let (port, method) = (call.ask.port(), call.method());
        let body = Question::new(call)
            .and_then(|question| serde_json::to_vec(&question).ok())
            .ok_or_else(|| PortError::bad_question(call.ask))?;
        let seconds = self.clock.wall().timestamp();
        // A status call is a message of its own each time; any other keeps its id over all tries.
        let id = if method == "status" { format!("{}.status.{seconds}", call.key) } else { call.key.clone() };
        let request = self
            .client
            .post(format!("{}/{port}/{method}", self.base))
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signature(&self.key, &id, seconds, &body))
            .header("idempotency-key", &id);
        Ok(request.body(body))
    }
}

impl Port for Adapter {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move {
            match self.ask(&call).await {
                // It may have arrived all the same; only its status can tell.
                Err(error @ (PortError::Unreachable { .. } | PortError::BadAnswer { .. }))
                    if call.ask.moves_money() =>
                {
                    tracing::warn!(%error, "money call without an answer");
                    Ok(Outcome::Unknown { reference: call.reference.map(str::to_owned) })
                }
                other => other,
            }
        })
    }
}

pub(super) fn signing_key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

/// `v1,` and the base64 of HMAC-SHA256 over id, time and body (Standard Webhooks, symmetric).
pub(super) fn signature(key: &hmac::Key, id: &str, seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body);
    format!("v1,{}", STANDARD.encode(context.sign()))
}

fn outcome(call: &Call<'_>, status: StatusCode, body: &[u8]) -> Result<Outcome, PortError> {
    let bad = |detail: String| PortError::BadAnswer { port: call.ask.port(), detail };
    let retryable = matches!(status.as_u16(), 408 | 409 | 425 | 429);
    if status == StatusCode::OK || status == StatusCode::ACCEPTED {
        let answer = Answer::read(body).map_err(bad)?;
        let outcome = answer.outcome(call.ask).map_err(bad)?;
        let pending = matches!(outcome, Outcome::Pending { .. });
        return if pending || status == StatusCode::OK {
            Ok(outcome)
        } else {
            Err(bad("202 without `pending`".into()))
        };
    }
    if status.is_client_error() && !retryable {
        return match Answer::read(body) {
            Ok(answer @ Answer::Refused { .. }) => answer.outcome(call.ask).map_err(bad),
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

/// Keeps the kind of failure and drops the address, which reqwest's own message repeats.
fn unreachable(ask: &Ask, error: &reqwest::Error) -> PortError {
    let detail = match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        _ => "the connection broke",
    };
    PortError::Unreachable { port: ask.port(), detail: detail.to_owned() }
}
