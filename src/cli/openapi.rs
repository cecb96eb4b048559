//! `openapi`: prints the description of what is served.

use std::process::ExitCode;

use super::CliError;

pub(super) fn run() -> Result<ExitCode, CliError> {
    Err(CliError::Missing("the OpenAPI description in this build"))
}
