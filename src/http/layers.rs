//! Around every request of every listener: one log line, and a panic that stays one request's.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;

use super::problem::Problem;
use crate::domain::ids::OrgId;

/// What a handler knows of its request and the log line tells; carried as an extension of the response.
#[derive(Debug, Clone, Default)]
pub struct Logged {
    /// The OCEN operation.
    pub operation: Option<&'static str>,
    /// The LSP, once its key or its metadata told.
    pub org: Option<OrgId>,
    /// The error code of the ack; `"0"` is success.
    pub error: Option<Cow<'static, str>>,
    /// Size of the request's body.
    pub bytes_in: usize,
}

impl Logged {
    /// Adds this to what the response carries already.
    #[must_use]
    pub fn with(self, mut response: Response) -> Response {
        let known = response.extensions_mut().remove::<Self>().unwrap_or_default();
        response.extensions_mut().insert(Self {
            operation: self.operation.or(known.operation),
            org: self.org.or(known.org),
            error: self.error.or(known.error),
            bytes_in: self.bytes_in.max(known.bytes_in),
        });
        response
    }
}

/// Puts the layers around a listener's router; `listener` names it in the log.
pub fn around(router: Router, listener: &'static str) -> Router {
    router.layer(middleware::from_fn_with_state(listener, observe))
}

async fn observe(State(listener): State<&'static str>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    // The pattern, not the path: paths hold ids.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| panicked());
    let known = response.extensions().get::<Logged>().cloned().unwrap_or_default();
    let line = Line {
        listener,
        method: method.as_str(),
        operation: known.operation.or(route.as_deref()).unwrap_or("-"),
        status: response.status(),
        org: known.org.as_ref().map(OrgId::as_str),
        error: known.error.as_deref(),
        bytes_in: known.bytes_in,
        duration_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
    };
    line.write();
    response
}

/// The log line; `telemetry` describes its fields.
struct Line<'a> {
    listener: &'static str,
    method: &'a str,
    operation: &'a str,
    status: StatusCode,
    org: Option<&'a str>,
    error: Option<&'a str>,
    bytes_in: usize,
    duration_us: u64,
}

impl Line<'_> {
    fn write(&self) {
        let Self { listener, method, operation, org, error, bytes_in, duration_us, .. } = *self;
        let status = self.status.as_u16();
        // Probes come every few seconds and say nothing while all is well.
        if operation.starts_with("/health") && self.status.is_success() {
            tracing::debug!(listener, method, operation, status, duration_us, "request");
        } else {
            tracing::info!(listener, method, operation, status, org, error, bytes_in, duration_us, "request");
        }
    }
}

/// The panic hook has written where; the caller learns no more than that it was our fault.
fn panicked() -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the request failed; the server's log says why").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_handler_and_the_outer_one_both_add_to_the_line() {
        let inner = Logged { error: Some("GEN5001".into()), org: Some("LSP".into()), ..Logged::default() };
        let outer = Logged { operation: Some("setOffer"), bytes_in: 7, ..Logged::default() };
        let response = outer.with(inner.with(StatusCode::OK.into_response()));
        let known = response.extensions().get::<Logged>().unwrap();
        assert_eq!(known.operation, Some("setOffer"));
        assert_eq!(known.org, Some("LSP".into()));
        assert_eq!(known.error.as_deref(), Some("GEN5001"));
        assert_eq!(known.bytes_in, 7);
    }
}
