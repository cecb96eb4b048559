//! `journey`: drives loans against a running server, as an LSP would.

use std::process::ExitCode;

use super::{CliError, output};
pub(super) use crate::journey::JourneyArgs as Args;
use crate::journey::{self, Resident};

/// The journey says itself how it went; the exit code says it to scripts.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    if args.serve {
        return match journey::stay(&args).await {
            Ok(resident) => answer(resident, &args.admin_url).await,
            Err(_) => Ok(ExitCode::FAILURE),
        };
    }
    match journey::run(args).await {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(_) => Ok(ExitCode::FAILURE),
    }
}

/// Lets the LSP answer callbacks until Ctrl-C.
async fn answer(resident: Resident, admin_url: &str) -> Result<ExitCode, CliError> {
    let (org, url) = (resident.org_id(), resident.callback_url());
    output::line(format_args!("\n{org} answers at {url} until Ctrl-C"));
    let server = format!("--admin-url {admin_url} --callback-url {url}");
    output::line(format_args!("test it:  ocen-lender conformance --lsp {org} {server}"));
    tokio::signal::ctrl_c().await?;
    resident.close().await;
    Ok(ExitCode::SUCCESS)
}
