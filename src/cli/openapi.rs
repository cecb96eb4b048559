//! `openapi`: prints the description of what is served.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::CliError;
use crate::protocol::openapi;

/// What to print.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The JSON Schema of key facts statements instead
    #[arg(long)]
    kfs: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let text = if args.kfs { openapi::kfs_schema()? } else { openapi::text()? };
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
