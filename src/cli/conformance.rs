//! `conformance`: tests an LSP's side and reports.

use std::path::Path;
use std::process::ExitCode;

use tokio::fs;

use super::{CliError, output};
pub(super) use crate::conformance::ConformanceArgs as Args;
use crate::conformance::{self, ConformanceError, Report};

/// Nothing could be told.
const COULD_NOT_RUN: u8 = 2;

pub(super) async fn run(args: &Args) -> Result<ExitCode, CliError> {
    match conformance::run(args).await {
        Ok(report) => {
            output::line(conformance::text::render(&report));
            write(args, &report).await
        }
        Err(error) => Ok(could_not_run(&error)),
    }
}

fn could_not_run(error: &ConformanceError) -> ExitCode {
    output::complaint(format_args!("ocen-lender: {error}"));
    ExitCode::from(COULD_NOT_RUN)
}

async fn write(args: &Args, report: &Report) -> Result<ExitCode, CliError> {
    if let Some(file) = &args.html {
        put(file, &conformance::html::render(report)).await?;
    }
    if let Some(file) = &args.junit {
        put(file, &conformance::junit::render(report)).await?;
    }
    if let Some(file) = &args.json {
        let json = serde_json::to_string_pretty(report)?;
        put(file, &json).await?;
        let mut signature = file.clone().into_os_string();
        signature.push(".jws");
        match conformance::signed(args, &json).await {
            Ok(signed) => put(Path::new(&signature), &signed).await?,
            Err(error) => return Ok(could_not_run(&error)),
        }
    }
    Ok(ExitCode::from(report.exit_code()))
}

async fn put(file: &Path, text: &str) -> Result<(), CliError> {
    fs::write(file, text).await.map_err(CliError::file(file))
}
