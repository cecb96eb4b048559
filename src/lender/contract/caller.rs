//! The contract suite's side of the wire: calls as the server makes them, and calls that it would never make.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::later::Later;
use super::sample::{Sample, Samples};
use crate::clock::Clock;
use crate::config::AdapterConfig;
use crate::domain::application::ask::{Ask, Outcome};
use crate::lender::answer::Answer;
use crate::lender::http::{IDEMPOTENCY_KEY, MAX_ANSWER, failure};
use crate::lender::webhook::{self, Keys};

/// How a call is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    /// As the server signs.
    Right,
    /// By a secret that the adapter does not know, before the right one: as while a secret is replaced.
    Rotating,
    /// By a secret that the adapter does not know.
    Wrong,
    /// Not at all.
    Missing,
    /// Rightly, but an hour ago.
    Stale,
    /// For another body.
    Altered,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    pub(super) took: Duration,
}

impl Reply {
    /// The outcome, as the server would read it.
    pub(super) fn outcome(&self, ask: &Ask) -> Result<Outcome, String> {
        let outcome = Answer::read(&self.body)
            .and_then(|answer| answer.outcome(ask))
            .map_err(|why| format!("HTTP {}: {why}", self.status.as_u16()))?;
        let pending = matches!(outcome, Outcome::Pending { .. });
        let refused = matches!(outcome, Outcome::Refused { .. });
        match self.status.as_u16() {
            200 => Ok(outcome),
            202 if pending => Ok(outcome),
            400..=499 if refused => Ok(outcome),
            other => Err(format!("HTTP {other} does not go with its outcome")),
        }
    }
}

/// Calls one adapter.
pub(super) struct Caller {
    client: Client,
    base: String,
    keys: Keys,
    strangers: Keys,
    timeout: Duration,
    pub(super) clock: Clock,
    later: Option<Arc<Later>>,
}

impl Caller {
    pub(super) fn new(client: Client, config: &AdapterConfig, (clock, later): (Clock, Option<Arc<Later>>)) -> Self {
        Self {
            client,
            base: config.url.as_str().trim_end_matches('/').to_owned(),
            keys: Keys::new(&config.secrets),
            strangers: Keys::new(&[vec![7; 32].into()]),
            timeout: config.timeout,
            clock,
            later,
        }
    }

    /// Waits before a question is asked about again, no longer than until its answer was posted.
    pub(super) async fn rest(&self, sample: &Sample, wait: Duration) {
        match &self.later {
            Some(later) => drop(later.came(sample, wait).await),
            None => tokio::time::sleep(wait).await,
        }
    }

    /// What was posted as the later answer to a question, where that is possible.
    pub(super) async fn posted(&self, sample: &Sample, patience: Duration) -> Option<Result<Outcome, String>> {
        self.later.as_ref()?.came(sample, patience).await
    }

    /// Asks as the server does; a poll and a `status` have a key of their own.
    pub(super) async fn ask(&self, samples: &Samples, sample: &Sample, method: &str) -> Result<Reply, String> {
        let now = self.clock.wall().timestamp_millis();
        let asks_after = method == "status" || sample.reference.is_some();
        let id = if asks_after { format!("{}.{method}.{now}", sample.key) } else { sample.key.clone() };
        let path = (sample.ask.port(), method);
        self.post(path, &id, &self.body(samples, sample), Signing::Right).await
    }

    /// The body of a question, with the address for its later answer where there is one.
    pub(super) fn body(&self, samples: &Samples, sample: &Sample) -> Value {
        let address = self.later.as_ref().map(|later| later.url(sample, &self.keys));
        samples.body(sample, address.as_deref())
    }

    /// Posts a body, signed somehow.
    pub(super) async fn post(
        &self,
        (port, method): (&str, &str),
        id: &str,
        body: &Value,
        signing: Signing,
    ) -> Result<Reply, String> {
        let mut body = body.to_string().into_bytes();
        let age = if signing == Signing::Stale { 3600 } else { 0 };
        let seconds = self.clock.wall().timestamp() - age;
        let right = || self.keys.sign(id, seconds, &body);
        let wrong = || self.strangers.sign(id, seconds, &body);
        let signature = match signing {
            Signing::Right | Signing::Stale | Signing::Altered => right(),
            Signing::Rotating => format!("{} {}", wrong(), right()),
            Signing::Wrong => wrong(),
            Signing::Missing => String::new(),
        };
        if signing == Signing::Altered {
            body.push(b' ');
        }
        let mut request = self
            .client
            .post(format!("{}/{port}/{method}", self.base))
            .timeout(self.timeout)
            .header(CONTENT_TYPE, "application/json")
            .header(IDEMPOTENCY_KEY, id);
        if signing != Signing::Missing {
            request = request
                .header(webhook::ID, id)
                .header(webhook::TIMESTAMP, seconds.to_string())
                .header(webhook::SIGNATURE, signature);
        }
        let begun = Instant::now();
        let response = request.body(body).send().await.map_err(|error| failure(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| failure(&error))?;
        if body.len() > MAX_ANSWER {
            return Err(format!("more than {MAX_ANSWER} bytes came"));
        }
        Ok(Reply { status, body: body.to_vec(), took: begun.elapsed() })
    }
}
