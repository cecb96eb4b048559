//! `openapi`: prints the description of what is served.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::CliError;
use crate::lender;
use crate::protocol::openapi;

/// What to print.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The JSON Schema of key facts statements instead
    #[arg(long)]
    kfs: bool,
    /// What the lender's own systems answer instead
    #[arg(long, conflicts_with = "kfs")]
    ports: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let text = match (args.kfs, args.ports) {
        (true, _) => openapi::kfs_schema()?,
        (_, true) => lender::openapi::text()?,
        _ => openapi::text()?,
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
