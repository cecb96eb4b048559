//! `doctor`: checks everything that `serve` needs, and says what is wrong. With `--production` also what `serve` would
//! start with and a lender should not: weak keys, secrets of the example, open doors, a database that may forget.

mod edge;
mod outside;
mod postgres;
mod report;
mod secrets;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection};
use tokio::net::TcpListener;

pub(super) use self::edge::is_loopback;
use self::report::{Advice, Finding, Report};
use super::{CliError, key_files, output};
use crate::clock::Clock;
use crate::config::{Config, KeyFiles, ServeArgs};
use crate::seal::{MasterKey, Sealer};
use crate::store::{schema, seal_key};

/// Oldest Postgres that is supported, as it numbers itself.
const OLDEST_POSTGRES: i32 = 140_000;
/// Furthest that our clock and the database's may be apart.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(2);

const CONFIGURATION: Advice = ("serve does not start with it", "correct what is named, in the file or environment");
const KEYS: Advice = (
    "nothing can be signed: a key must be there, be RSA and have 2048 bits or more",
    "make one with `ocen-lender keys signing`, or correct [keys]",
);
const DATABASE: Advice = ("nothing can be stored", "start Postgres 14 or newer, or correct DATABASE_URL");
const CLOCK: Advice = (
    "leases go by the database's clock and signatures by ours: one of both is wrong",
    "synchronise both machines by NTP",
);
const MIGRATIONS: Advice = ("serve does not start without them", "run `ocen-lender migrate`");
const MASTER_KEY: Advice = ("what is sealed cannot be read", "use the master key that this database was started with");
const ADDRESS: Advice = ("serve cannot listen there", "choose another address");
const IN_USE: Advice = ("only one process listens there", "nothing, where it is the server itself that runs");

/// `doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    serve: ServeArgs,
    /// Look for what must not go into production as well
    #[arg(long)]
    production: bool,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
    /// How many processes share the database, to reckon its connections
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    replicas: u32,
}

pub(super) async fn run(args: &Args) -> ExitCode {
    let mut report = Report::new(args.json);
    match Config::serve(&args.serve) {
        Err(error) => {
            report.bad("configuration", error, CONFIGURATION);
            if let Some(url) = &args.serve.database_url {
                database(url, None, &mut report).await;
            }
        }
        Ok(config) => configured(args, &config, &mut report).await,
    }
    report.finish()
}

async fn configured(args: &Args, config: &Config, report: &mut Report) {
    report.good("configuration", "complete");
    let master = keys(config.keys.as_ref(), report).await;
    let mut conn = None;
    if let Some(url) = &config.database.url {
        conn = database(url, master.as_ref(), report).await;
    }
    for (name, address) in
        [("lsp", config.listen.lsp), ("operators", config.listen.admin), ("borrowers", config.listen.borrower)]
    {
        address_is_free(name, address, report).await;
    }
    if !args.production {
        return;
    }
    report.extend(secrets::check(config).await);
    report.extend(edge::check(config));
    report.extend(outside::adapters(config).await);
    if let Some(conn) = &mut conn {
        report.extend(postgres::check(conn, config, args.replicas).await);
        report.extend(outside::lsps(conn, config).await);
    }
}

async fn keys(files: Option<&KeyFiles>, report: &mut Report) -> Option<MasterKey> {
    let (keys, master) = match key_files::load(files?).await {
        Ok(loaded) => loaded,
        Err(error) => {
            report.bad("keys", error, KEYS);
            return None;
        }
    };
    let fingerprint = keys.signing.verifying_key().fingerprint();
    report.good("keys", format!("signing with {} (sha256 {fingerprint})", keys.signing.kid()));
    Some(master)
}

/// Gives the connection when the database can be reached and has every migration.
async fn database(url: &SecretString, master: Option<&MasterKey>, report: &mut Report) -> Option<PgConnection> {
    let mut conn = match PgConnection::connect(url.expose_secret()).await {
        Ok(conn) => conn,
        Err(error) => {
            report.bad("database", error, DATABASE);
            return None;
        }
    };
    report.judge("database", version(&mut conn).await, DATABASE);
    report.judge("clock", clock(&mut conn).await, CLOCK);
    let migrated = migrations(&mut conn).await;
    let is_migrated = migrated.is_ok();
    report.judge("migrations", migrated, MIGRATIONS);
    if let Some(master) = master.filter(|_| is_migrated) {
        report.judge("master key", opens(&mut conn, master).await, MASTER_KEY);
    }
    is_migrated.then_some(conn)
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
        Ok(_) => report.good(name, format!("{address} is free")),
        // The doctor may be asked while the server runs.
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            report.add(Finding::warn(name, format!("{address} is in use")).because(IN_USE.0, IN_USE.1));
        }
        Err(error) => report.bad(name, format!("{address}: {error}"), ADDRESS),
    }
}
