//! Handing a callback on to the endpoint that is being built.

use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use tokio::time::Instant;

use super::keys::root_cause;

/// Most bytes of the endpoint's answer.
const LARGEST: usize = 1024 * 1024;
/// What goes along with the body.
const HEADERS: [&str; 3] = ["content-type", "traceparent", "user-agent"];

/// Where callbacks are handed on to.
#[derive(Debug)]
pub(super) struct Forward {
    client: reqwest::Client,
    base: String,
}

/// What the endpoint answered.
#[derive(Debug, Clone)]
pub(super) struct Forwarded {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<header::HeaderValue>,
    pub(super) body: Bytes,
    pub(super) took_ms: u64,
}

impl Forward {
    pub(super) fn new(client: reqwest::Client, base: String) -> Self {
        Self { client, base }
    }

    /// Posts the bytes as they came, to the same path.
    ///
    /// # Errors
    /// In words, why there is no answer.
    pub(super) async fn send(&self, path: &str, headers: &HeaderMap, body: Bytes) -> Result<Forwarded, String> {
        let began = Instant::now();
        let mut request = self.client.post(format!("{}{path}", self.base)).body(body);
        for name in HEADERS {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let response = request.send().await.map_err(|error| root_cause(&error))?;
        let status = response.status();
        let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
        let body = response.bytes().await.map_err(|error| root_cause(&error))?;
        if body.len() > LARGEST {
            return Err(format!("an answer of {} bytes", body.len()));
        }
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Forwarded { status, content_type, body, took_ms })
    }
}
