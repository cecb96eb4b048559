//! Log line and metrics of a call to one of the lender's systems; `telemetry` describes the fields.

use std::time::{Duration, Instant};

use crate::app::App;
use crate::domain::application::ask::Outcome;
use crate::lender::ledger::{LEDGER, LedgerError};
use crate::lender::{Call, PortError};
use crate::store::ask::Leased;
use crate::telemetry::trace::Span;

/// A call that has begun.
pub(super) struct Called<'a> {
    leased: &'a Leased,
    port: &'static str,
    method: &'static str,
    span: Span,
    begun: Instant,
}

impl<'a> Called<'a> {
    /// It begins now.
    pub(super) fn now(leased: &'a Leased, call: &Call<'_>) -> Self {
        Self { leased, port: call.ask.port(), method: call.method(), span: call.span, begun: Instant::now() }
    }

    /// It has ended, with an outcome or without.
    pub(super) fn note(&self, app: &App, result: &Result<Outcome, PortError>) {
        let Self { leased, port, method, span, begun } = *self;
        let took = begun.elapsed();
        let outcome = word(result);
        app.metrics.port(port, method, outcome, took);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    ask = %leased.id,
                    org = leased.org_id,
                    port,
                    method,
                    "try" = leased.tries,
                    outcome,
                    duration_ms = millis(took),
                    error = result.as_ref().err().map(tracing::field::display),
                    trace_id = %span.trace.simple(),
                    span_id = %span.id,
                    "port"
                )
            };
        }
        // Asking again mends no answer that breaks the contract: somebody must see it.
        if matches!(result, Err(PortError::BadAnswer { .. })) {
            line!(warn);
        } else {
            line!(info);
        }
    }
}

fn word(result: &Result<Outcome, PortError>) -> &'static str {
    match result {
        Ok(Outcome::Done { .. }) => "done",
        Ok(Outcome::Pending { .. }) => "pending",
        Ok(Outcome::Refused { .. }) => "refused",
        Ok(Outcome::Unknown { .. }) => "unknown",
        Err(_) => "failed",
    }
}

/// A call of the general ledger has ended. It is about the book, not about an application.
pub(super) fn note_ledger(app: &App, method: &'static str, error: Option<&LedgerError>, took: Duration) {
    let outcome = match error {
        None => "done",
        Some(LedgerError::Later(_)) => "pending",
        Some(LedgerError::Refused { .. }) => "refused",
        Some(LedgerError::Port(_)) => "failed",
    };
    app.metrics.port(LEDGER, method, outcome, took);
    let error = error.map(tracing::field::display);
    tracing::info!(port = LEDGER, method, outcome, duration_ms = millis(took), error, "port");
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
