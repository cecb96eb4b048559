//! What the server says about itself: log lines with the names of their fields in one table, metrics, traces.
//!
//! | line | written | fields |
//! |---|---|---|
//! | `request` | once for each request of any listener | `listener` (lsp, admin, borrower), `method`, `operation` (OCEN operation or route pattern), `status`, `org`, `request_id` and `ocen_trace_id` (the LSP's `requestId` and `metadata.traceId`, once the LSP is proven), `error` (code of the ack; `0` is success), `bytes_in`, `duration_us`, `db_us` (of it in the engine: waiting for a connection, the transaction), `trace_id`, `span_id`, `parent_id` |
//! | `callback` | for each try to deliver one | `callback` (id), `org`, `operation`, `request_id`, `attempt`, `status`, `duration_ms`, `age_ms` (since it was decided), `outcome` (DELIVERED, PENDING, PARKED), `error`, `trace_id`, `span_id` |
//! | `port` | for each call of one of the lender's systems; calls of the general ledger have no ask | `ask` (id), `org`, `port`, `method`, `try`, `outcome` (done, pending, refused, unknown, failed), `duration_ms`, `error`, `trace_id`, `span_id` |
//! | `day-end` | for each sweep that found something to do | `day`, `closed` (whether the day is over), `loans`, `given_up`, `duration_ms` |
//!
//! `trace_id`, `span_id` and `parent_id` are W3C trace context; a trace is one exchange, or what the LSP made one.
//! Beside these there are warnings and errors with an `error`, each once, where it is dealt with.
//!
//! No line holds a message, a name, an account, a phone number or any other personal data: ids, codes, counts and
//! times only. Paths are logged as their patterns.

pub mod metrics;
pub mod names;
mod process;
pub mod trace;
pub mod traffic;

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Shown when nothing else is asked for: our own lines, and what goes wrong elsewhere.
const DEFAULT_FILTER: &str = "warn,ocen_lender=info";

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// A filter that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("OCEN_LOG is no filter: {0}")]
pub struct BadFilter(#[from] tracing_subscriber::filter::ParseError);

/// Starts logging to standard error. A second call changes nothing, so that tests may call it, too.
///
/// # Errors
/// [`BadFilter`].
pub fn init(filter: Option<&str>, format: Format) -> Result<(), BadFilter> {
    let filter = EnvFilter::try_new(filter.unwrap_or(DEFAULT_FILTER))?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // It fails only when logging was started already.
    let _ = match format {
        Format::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        Format::Text => lines.compact().with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    Ok(())
}
