//! `openapi`: prints the description of what is served.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::CliError;
use crate::protocol::openapi;

pub(super) fn run() -> Result<ExitCode, CliError> {
    io::stdout().write_all(openapi::text()?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
