//! What the server says about itself: log lines, and the names of their fields in one table.
//!
//! | line | fields |
//! |---|---|
//! | `request` | `listener` (lsp, admin, borrower), `method`, `operation` (OCEN operation or route pattern), `status`, `org`, `error` (code of the ack), `bytes_in`, `duration_us` |
//! | `callback` | `callback` (id), `org`, `operation`, `attempt`, `status`, `duration_ms`, `outcome` (DELIVERED, PENDING, PARKED), `error` |
//!
//! No line holds a message, a name, an account, a phone number or any other personal data: ids, codes, counts and
//! times only. Paths are logged as their patterns.

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
