//! The sandbox's hook in intake. In `serve` there is no bench (`app::bench`), and nothing of this happens.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::app::{App, Arrival};

/// Detail of a 429 that the sandbox injects although no limit was reached.
pub(super) const TOO_MANY: &str = "too many requests, says the sandbox (injected); send the same message again in 1 s";

/// The header with scenario codes; nobody reads it outside the sandbox.
pub(super) fn scenario(app: &App, headers: &HeaderMap) -> Option<String> {
    let value = headers.get(app.bench.as_ref()?.header())?;
    value.to_str().ok().map(str::to_owned)
}

/// What is done to a request on purpose.
pub(super) async fn arrival(app: &App, operation: &'static str, message: (&[u8], Option<&str>)) -> Arrival {
    let Some(bench) = &app.bench else {
        return Arrival::default();
    };
    bench.arrival(operation, message, app.clock.now()).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "faults on purpose could not be read");
        Arrival::default()
    })
}

/// An ack that comes late, unless the server ends before.
pub(super) async fn wait(app: &App, late: Duration) {
    if late.is_zero() {
        return;
    }
    tokio::select! {
        () = tokio::time::sleep(late) => {}
        () = app.stop.cancelled() => {}
    }
}

/// A server that fails.
pub(super) fn broken() -> Response {
    let detail = "the sandbox fails on purpose (injected)";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response()
}
