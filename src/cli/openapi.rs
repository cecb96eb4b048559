//! `openapi`: prints the description of what is served.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::CliError;
use crate::http;
use crate::journey::postman;
use crate::lender;
use crate::protocol::openapi;

/// What to print.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each names a document")]
pub(super) struct Args {
    /// The JSON Schema of key facts statements instead
    #[arg(long)]
    kfs: bool,
    /// What the lender's own systems answer instead
    #[arg(long, conflicts_with = "kfs")]
    ports: bool,
    /// What a lender's people see and do instead
    #[arg(long, conflicts_with_all = ["kfs", "ports"])]
    operators: bool,
    /// A Postman collection that takes a loan from application to closure instead
    #[arg(long, conflicts_with_all = ["kfs", "ports", "operators"])]
    postman: bool,
    /// The Postman environment of a `dev` server instead
    #[arg(long, conflicts_with_all = ["kfs", "ports", "operators", "postman"])]
    postman_environment: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let text = match () {
        () if args.kfs => openapi::kfs_schema()?,
        () if args.ports => lender::openapi::text()?,
        () if args.operators => http::admin::openapi::text()?,
        () if args.postman => postman::collection()?,
        () if args.postman_environment => postman::environment()?,
        () => openapi::text()?,
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
