//! `doctor`: checks everything that `serve` needs, and says what is wrong.

use std::fmt::Display;
use std::net::SocketAddr;
use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection};
use tokio::net::TcpListener;

use super::{CliError, key_files, output};
use crate::clock::Clock;
use crate::config::{Config, KeyFiles, ServeArgs};
use crate::seal::{MasterKey, Sealer};
use crate::store::{schema, seal_key};

/// Oldest Postgres that is supported, as it numbers itself.
const OLDEST_POSTGRES: i32 = 140_000;
/// Furthest that our clock and the database's may be apart.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(2);

pub(super) async fn run(args: &ServeArgs) -> ExitCode {
    let mut report = Report::default();
    match Config::serve(args) {
        Err(error) => {
            report.bad("configuration", error);
            if let Some(url) = &args.database_url {
                database(url, None, &mut report).await;
            }
        }
        Ok(config) => {
            Report::good("configuration", "complete");
            let master = keys(config.keys.as_ref(), &mut report).await;
            if let Some(url) = &config.database.url {
                database(url, master.as_ref(), &mut report).await;
            }
            for (name, address) in
                [("lsp", config.listen.lsp), ("operators", config.listen.admin), ("borrowers", config.listen.borrower)]
            {
                address_is_free(name, address, &mut report).await;
            }
        }
    }
    report.exit_code()
}

/// What was found, printed as it comes.
#[derive(Debug, Default)]
struct Report {
    problems: usize,
}

impl Report {
    fn line(mark: &str, what: &str, detail: impl Display) {
        output::line(format_args!("{mark:<4} {what:<14} {detail}"));
    }

    fn good(what: &str, detail: impl Display) {
        Self::line("ok", what, detail);
    }

    fn bad(&mut self, what: &str, detail: impl Display) {
        self.problems += 1;
        Self::line("BAD", what, detail);
    }

    fn judge(&mut self, what: &str, result: Result<impl Display, impl Display>) {
        match result {
            Ok(detail) => Self::good(what, detail),
            Err(detail) => self.bad(what, detail),
        }
    }

    fn exit_code(&self) -> ExitCode {
        if self.problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

async fn keys(files: Option<&KeyFiles>, report: &mut Report) -> Option<MasterKey> {
    let (keys, master) = match key_files::load(files?).await {
        Ok(loaded) => loaded,
        Err(error) => {
            report.bad("keys", error);
            return None;
        }
    };
    let fingerprint = keys.signing.verifying_key().fingerprint();
    Report::good("keys", format!("signing with {} (sha256 {fingerprint})", keys.signing.kid()));
    Some(master)
}

async fn database(url: &SecretString, master: Option<&MasterKey>, report: &mut Report) {
    let mut conn = match PgConnection::connect(url.expose_secret()).await {
        Ok(conn) => conn,
        Err(error) => return report.bad("database", error),
    };
    report.judge("database", version(&mut conn).await);
    report.judge("clock", clock(&mut conn).await);
    let migrated = migrations(&mut conn).await;
    let is_migrated = migrated.is_ok();
    report.judge("migrations", migrated);
    if let Some(master) = master.filter(|_| is_migrated) {
        report.judge("master key", opens(&mut conn, master).await);
    }
}

async fn version(conn: &mut PgConnection) -> Result<String, String> {
    let found = schema::server(conn).await.map_err(|e| e.to_string())?;
    if found.version_number < OLDEST_POSTGRES {
        return Err(format!("Postgres {} is too old; 14 or newer is needed", found.version));
    }
    Ok(format!("Postgres {}", found.version))
}

async fn clock(conn: &mut PgConnection) -> Result<String, String> {
    let theirs: DateTime<Utc> = schema::server(conn).await.map_err(|e| e.to_string())?.now;
    let apart = (Clock::default().wall() - theirs).abs();
    let detail = format!("{} ms from the database's", apart.num_milliseconds());
    if apart > CLOCK_TOLERANCE { Err(detail) } else { Ok(detail) }
}

async fn migrations(conn: &mut PgConnection) -> Result<String, String> {
    let missing = schema::missing(conn).await.map_err(|e| e.to_string())?;
    if missing.is_empty() {
        return Ok("all applied".into());
    }
    Err(CliError::MigrationsMissing(missing.len()).to_string())
}

async fn opens(conn: &mut PgConnection, master: &MasterKey) -> Result<String, String> {
    let wrapped = seal_key::all(conn).await.map_err(|e| e.to_string())?;
    if wrapped.is_empty() {
        return Ok("no data keys yet; the first start makes one".into());
    }
    let sealer = Sealer::new(master, &wrapped).map_err(|e| e.to_string())?;
    Ok(format!("opens {} data keys, number {} seals", wrapped.len(), sealer.active_key_id().unwrap_or_default()))
}

async fn address_is_free(name: &str, address: SocketAddr, report: &mut Report) {
    match TcpListener::bind(address).await {
        Ok(_) => Report::good(name, format!("{address} is free")),
        Err(error) => report.bad(name, format!("{address}: {error}")),
    }
}
