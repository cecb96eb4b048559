//! Around every request of every listener: one log line, its metrics, its trace, and a panic that stays one request's.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;

use super::problem::Problem;
use crate::app::SharedApp;
use crate::clock::Ids;
use crate::domain::ids::OrgId;
use crate::telemetry::metrics::Answered;
use crate::telemetry::trace::{self, Span};
use crate::telemetry::traffic::Passed;

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
    /// The LSP's request id.
    pub request_id: Option<String>,
    /// The LSP's own trace id.
    pub ocen_trace_id: Option<String>,
    /// How long the engine took, when it was asked.
    pub engine_took: Option<Duration>,
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
            request_id: self.request_id.or(known.request_id),
            ocen_trace_id: self.ocen_trace_id.or(known.ocen_trace_id),
            engine_took: self.engine_took.or(known.engine_took),
        });
        response
    }
}

/// What the layers of one listener know.
#[derive(Clone)]
struct Listener {
    app: SharedApp,
    name: &'static str,
}

/// Puts the layers around a listener's router; `name` stands in log and metrics.
pub fn around(router: Router, app: SharedApp, name: &'static str) -> Router {
    router.layer(middleware::from_fn_with_state(Listener { app, name }, observe))
}

async fn observe(State(listener): State<Listener>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let span = Span::accept(traceparent(request.headers()), Ids.uuid());
    request.extensions_mut().insert(span);
    let method = request.method().clone();
    // The pattern, not the path: paths hold ids.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| panicked());
    let line = Line {
        listener: listener.name,
        method,
        route: route.as_ref().map(MatchedPath::as_str),
        status: response.status(),
        known: response.extensions_mut().remove::<Logged>().unwrap_or_default(),
        span,
        took: begun.elapsed(),
    };
    line.write();
    listener.app.metrics.answered(&line.answered());
    if let Some(passed) = line.passed() {
        let org = line.known.org.as_ref().map_or("", OrgId::as_str);
        listener.app.traffic.note(listener.app.clock.wall(), org, passed);
    }
    if listener.app.draining.is_cancelled() {
        // The client's next request goes to another replica, over a connection of its own.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The one header; several are none.
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(trace::HEADER).iter();
    let only = all.next().filter(|_| all.next().is_none())?;
    only.to_str().ok()
}

/// The log line; `telemetry` describes its fields.
struct Line<'a> {
    listener: &'static str,
    method: Method,
    route: Option<&'a str>,
    status: StatusCode,
    known: Logged,
    span: Span,
    took: Duration,
}

impl Line<'_> {
    fn write(&self) {
        let Self { listener, known, span, .. } = self;
        let (status, method) = (self.status.as_u16(), self.method.as_str());
        let operation = known.operation.or(self.route).unwrap_or("-");
        let duration_us = micros(self.took);
        // Probes and scrapes come every few seconds and say nothing while all is well.
        if self.is_routine() {
            tracing::debug!(listener, method, operation, status, duration_us, trace_id = %span.trace.simple(), "request");
            return;
        }
        tracing::info!(
            listener,
            method,
            operation,
            status,
            org = known.org.as_ref().map(OrgId::as_str),
            request_id = known.request_id,
            ocen_trace_id = known.ocen_trace_id,
            error = known.error.as_deref(),
            bytes_in = known.bytes_in,
            duration_us,
            db_us = known.engine_took.map(micros),
            trace_id = %span.trace.simple(),
            span_id = %span.id,
            parent_id = span.parent.map(tracing::field::display),
            "request"
        );
    }

    fn is_routine(&self) -> bool {
        self.status.is_success() && self.route.is_some_and(|route| route == "/metrics" || route.starts_with("/health"))
    }

    /// What it was to the traffic of LSPs: only an OCEN message has an ack with an error code.
    fn passed(&self) -> Option<Passed> {
        let error = self.known.error.as_deref()?;
        Some(if error == "0" { Passed::Request } else { Passed::Refused })
    }

    fn answered(&self) -> Answered<'_> {
        Answered {
            listener: self.listener,
            operation: self.known.operation,
            route: self.route,
            org: self.known.org.as_ref().map(OrgId::as_str),
            status: self.status.as_u16(),
            error: self.known.error.as_ref(),
            took: self.took,
        }
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
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
