//! `serve`: production.

use std::process::ExitCode;
use std::sync::Arc;

use secrecy::ExposeSecret as _;

use super::{CliError, key_files, reload, run};
use crate::app::{self, App, Parts};
use crate::audit;
use crate::clock::Clock;
use crate::config::{Config, ServeArgs};
use crate::console;
use crate::http::{Extra, Listeners};
use crate::lender::Ports;
use crate::store::schema;

pub(super) async fn run(args: &ServeArgs) -> Result<ExitCode, CliError> {
    let stop = run::stop_on_signals()?;
    let config = Config::serve(args)?;
    let files = config.keys.as_ref().ok_or(CliError::Missing("keys"))?;
    let (keys, master) = key_files::load(files).await?;
    let url = config.database.url.as_ref().ok_or(CliError::Missing("DATABASE_URL"))?;
    let pool = app::pool(url.expose_secret(), config.database.max_connections)?;
    let missing = schema::missing(&mut *pool.acquire().await?).await?;
    if !missing.is_empty() {
        return Err(CliError::MigrationsMissing(missing.len()));
    }
    let clock = Clock::default();
    let ports = Ports::new(&config, &clock, |_| None)?;
    let listeners = Listeners::bind(&config.listen).await?.secured(&config.tls)?;
    let app =
        App::build(Parts { pool, clock, config, keys, ports, codec: Arc::new(crate::protocol::Codec), master }).await?;
    audit::start::record(&app).await?;
    tracing::info!(
        lsp = %app.config.listen.lsp,
        admin = %app.config.listen.admin,
        borrower = %app.config.listen.borrower,
        version = env!("CARGO_PKG_VERSION"),
        "serving"
    );
    run::end_with(&app, stop);
    reload::watch(&app, args)?;
    run::serve_all(app, listeners, Extra { pages: console::router(), ..Extra::default() }).await?;
    Ok(ExitCode::SUCCESS)
}
