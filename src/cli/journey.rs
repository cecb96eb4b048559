//! `journey`: drives loans against a running server, as an LSP would.

use std::process::ExitCode;

pub(super) use crate::journey::JourneyArgs as Args;

/// The journey says itself how it went; the exit code says it to scripts.
pub(super) async fn run(args: Args) -> ExitCode {
    match crate::journey::run(args).await {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
