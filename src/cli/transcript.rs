//! `transcript`: verifies what `GET /admin/applications/{orgId}/{loanApplicationId}/transcript` gave.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use reqwest::Url;
use serde_json::Value;
use tokio::fs;

use super::{CliError, lsp, output};
use crate::transcript::verify::{Findings, verify};

/// `transcript`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a transcript's chain and signature; exit code 1 when something is wrong
    Verify {
        /// The zip
        file: PathBuf,
        /// The lender's key set, as its /.well-known/jwks.json answers
        #[arg(long, value_name = "FILE", conflicts_with = "url")]
        jwks: Option<PathBuf>,
        /// The lender's address, to fetch that key set from
        #[arg(long, value_name = "URL")]
        url: Option<Url>,
    },
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let Command::Verify { file, jwks, url } = args.command;
    let trusted = match (jwks, url) {
        (Some(path), _) => Some(serde_json::from_slice(&fs::read(&path).await.map_err(CliError::file(&path))?)?),
        (None, Some(url)) => Some(published(url).await?),
        (None, None) => None,
    };
    let zip = File::open(&file).map_err(CliError::file(&file))?;
    match verify(std::io::BufReader::new(zip), trusted.as_ref()) {
        Ok(found) => {
            show(&file, &found, trusted.is_some());
            Ok(ExitCode::SUCCESS)
        }
        Err(wrong) => {
            output::complaint(format_args!("{}: {wrong}", file.display()));
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn published(mut url: Url) -> Result<Value, CliError> {
    url.set_path("/.well-known/jwks.json");
    Ok(lsp::client(&url)?.get(url).send().await?.error_for_status()?.json().await?)
}

fn show(file: &Path, found: &Findings, trusted: bool) {
    let Findings { index, kid, fingerprint, signed_requests } = found;
    let about = |member| index.about.get(member).and_then(Value::as_str).unwrap_or("-");
    output::line(format_args!("{}: whole, unchanged, signed", file.display()));
    output::line(format_args!("  about     {} of {}, {}", about("loanApplicationId"), about("orgId"), about("stage")));
    output::line(format_args!("  made      {} by {} ({})", about("createdAt"), about("lender"), about("by")));
    output::line(format_args!("  view      {}", index.view));
    output::line(format_args!("  entries   {}, chain {}", index.entries.len(), index.chain));
    if *signed_requests > 0 {
        output::line(format_args!("  requests  {signed_requests} with the LSP's own good signature"));
    }
    output::line(format_args!("  key       {kid}, sha256 {fingerprint}"));
    if !trusted {
        output::line("  This key comes from the file itself: compare it with the lender's, or use --url or --jwks");
    }
}
