//! `migrate`: brings a database's schema up to date.

use std::process::ExitCode;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection};

use super::CliError;
use crate::config::args::database_url;
use crate::store::schema;

/// `migrate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Postgres 14 or newer
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL", value_parser = database_url)]
    database_url: SecretString,
}

pub(super) async fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut conn = PgConnection::connect(args.database_url.expose_secret()).await?;
    let applied = apply(&mut conn).await?;
    tracing::info!(applied, "the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

/// Applies what is missing; returns how many there were. A connection of its own has no statement timeout, which a large
/// table may need.
pub(super) async fn apply(conn: &mut PgConnection) -> Result<usize, CliError> {
    Ok(schema::migrate(conn).await?)
}
