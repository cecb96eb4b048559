//! `journey`: drives loans against a running server, as an LSP would.

use std::process::ExitCode;

use reqwest::Url;
use secrecy::SecretString;

use super::CliError;

/// `journey`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The LSPs' listener
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(super) url: Url,
    /// The operators' listener
    #[arg(long, default_value = "http://127.0.0.1:8081", value_name = "URL")]
    pub(super) admin_url: Url,
    /// Its bearer token
    #[arg(long, env = "OCEN_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(super) admin_token: Option<SecretString>,
    /// How many loans
    #[arg(long, default_value_t = 1)]
    pub(super) count: u32,
    /// Send plain JSON
    #[arg(long)]
    pub(super) unsigned: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[expect(clippy::unused_async, reason = "the journey itself is asynchronous")]
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let Args {
        url,
        admin_url,
        admin_token,
        count,
        unsigned,
        json,
    } = args;
    tracing::debug!(%url, %admin_url, token = admin_token.is_some(), count, unsigned, json, "journey");
    Err(CliError::Missing("the journey in this build"))
}
