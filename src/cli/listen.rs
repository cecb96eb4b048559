//! `listen`: takes an LSP's callbacks, verifies and prints them.

use std::process::ExitCode;

use super::{CliError, run};
use crate::listen::{self, Screen};

pub(super) use crate::listen::ListenArgs as Args;

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let stop = run::stop_on_signals()?;
    let screen = Screen::terminal(&args);
    listen::run(args, screen, stop).await?;
    Ok(ExitCode::SUCCESS)
}
