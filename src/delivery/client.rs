//! Posts a callback to an LSP: no redirects, bounded time, bounded answer (design §6, §10).

use std::collections::HashSet;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, Url, redirect};
use tokio::time::{Instant, timeout_at};

use super::address::{PublicOnly, check_literal};
use crate::telemetry::trace::HEADER;

/// Most bytes of an answer that are read; an ack is far smaller.
const READ_LIMIT: usize = 64 * 1024;
/// Idle connections kept to one LSP.
const IDLE_PER_HOST: usize = 32;
/// Most answer paths whose odd spelling is remembered.
const REMEMBERED: usize = 10_000;

/// What is posted.
#[derive(Debug, Clone)]
pub struct Message {
    /// JSON, signed or plain.
    pub body: Bytes,
    /// The try's place in its trace (W3C).
    pub traceparent: String,
}

/// What an LSP answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, cut at 64 KiB.
    pub body: Vec<u8>,
    /// `Retry-After` as sent.
    pub retry_after: Option<String>,
}

/// Why there is no answer. The texts go to operators.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The registered URL cannot be used.
    #[error("the callback URL is not usable: {0}")]
    Url(String),
    /// Nothing came back in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection failed.
    #[error("{0}")]
    Connection(String),
}

/// The HTTP client for callbacks, with what it learnt about LSPs' spelling of paths.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    allow_private: bool,
    timeout: Duration,
    lower_case: Mutex<HashSet<String>>,
}

impl Client {
    /// A client that gives an LSP `timeout` for each attempt.
    ///
    /// # Errors
    /// When the TLS library cannot start.
    pub fn new(timeout: Duration, allow_private: bool) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            // A proxy would resolve names itself and so pass the address policy by.
            .no_proxy()
            .connect_timeout(timeout)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .user_agent(concat!("ocen-lender/", env!("CARGO_PKG_VERSION")));
        if !allow_private {
            builder = builder.dns_resolver(Arc::new(PublicOnly));
        }
        Ok(Self { http: builder.build()?, allow_private, timeout, lower_case: Mutex::default() })
    }

    /// Posts `body` to an LSP's base URL and answer path.
    ///
    /// The two answer paths with a capital T are tried again in lower case when the LSP does not know them
    /// (`ocen-v3.md` §1.2), within the same time, and what worked is remembered.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn post(&self, base_url: &str, path: &str, message: Message) -> Result<Answer, PostError> {
        let deadline = Instant::now() + self.timeout;
        let base_url = base_url.trim_end_matches('/');
        let Some(other) = lower_case_spelling(path) else {
            return self.post_once(&format!("{base_url}{path}"), message, deadline).await;
        };
        let [spec, lower] = [path, &other].map(|path| format!("{base_url}{path}"));
        let learnt = self.knows(&lower);
        let (first, second) = if learnt { (&lower, &spec) } else { (&spec, &lower) };
        let answer = self.post_once(first, message.clone(), deadline).await?;
        if !matches!(answer.status, 404 | 405) {
            return Ok(answer);
        }
        let answer = self.post_once(second, message, deadline).await?;
        if (200..300).contains(&answer.status) {
            self.learn(lower, !learnt);
        }
        Ok(answer)
    }

    async fn post_once(&self, url: &str, message: Message, deadline: Instant) -> Result<Answer, PostError> {
        let url = Url::parse(url).map_err(|e| PostError::Url(e.to_string()))?;
        if !self.allow_private {
            check_literal(&url).map_err(|e| PostError::Url(e.to_string()))?;
        }
        let exchange = async {
            let Message { body, traceparent } = message;
            let request = self.http.post(url).header(CONTENT_TYPE, "application/json").header(HEADER, traceparent);
            read(request.body(body).send().await?).await
        };
        match timeout_at(deadline, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(PostError::Connection(describe(&error))),
            Err(_) => Err(PostError::Timeout(self.timeout)),
        }
    }

    fn knows(&self, lower: &str) -> bool {
        self.lower_case.lock().unwrap_or_else(PoisonError::into_inner).contains(lower)
    }

    fn learn(&self, lower: String, works: bool) {
        let mut known = self.lower_case.lock().unwrap_or_else(PoisonError::into_inner);
        if !works {
            known.remove(&lower);
        } else if known.len() < REMEMBERED {
            known.insert(lower);
        }
    }
}

/// `…/triggerDisbursement…` for `…/TriggerDisbursement…`.
fn lower_case_spelling(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/')?;
    let rest = name.strip_prefix('T').filter(|_| name.starts_with("TriggerDisbursement"))?;
    Some(format!("{folder}/t{rest}"))
}

async fn read(mut response: Response) -> Result<Answer, reqwest::Error> {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while body.len() < READ_LIMIT {
        let Some(chunk) = response.chunk().await? else {
            break;
        };
        let room = READ_LIMIT - body.len();
        body.extend(chunk.iter().take(room));
    }
    Ok(Answer { status, body, retry_after })
}

/// The innermost cause says the most, and the outermost one repeats the URL.
fn describe(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "the connection failed".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_odd_paths_have_another_spelling() {
        assert_eq!(
            lower_case_spelling("/v3/disbursement/TriggerDisbursementStatusResponse").as_deref(),
            Some("/v3/disbursement/triggerDisbursementStatusResponse")
        );
        assert_eq!(lower_case_spelling("/v3/disbursement/triggerDisbursementResponse"), None);
        assert_eq!(lower_case_spelling("/v3/offer/setOfferResponse"), None);
    }
}
