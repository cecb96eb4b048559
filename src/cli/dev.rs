//! `dev`: the sandbox.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::fs;
use tokio_util::sync::CancellationToken;

use super::banner::Banner;
use super::{CliError, hosted, key_files, migrate, run};
use crate::app::{self, App, OurKeys, Parts, SharedApp};
use crate::clock::Ids;
use crate::config::{Config, DevArgs, Listen};
use crate::console;
use crate::domain::ids::OrgId;
use crate::http::{Extra, Listeners};
use crate::jose::SigningKey;
use crate::lender::Ports;
use crate::lsp::{Lsp, LspKey, Settings};
use crate::sandbox::cluster::{Cluster, Durability};
use crate::sandbox::systems::Systems;
use crate::sandbox::{self, demo};
use crate::seal::MasterKey;
use crate::store;

pub(super) async fn run(args: &DevArgs) -> Result<ExitCode, CliError> {
    let begun = Instant::now();
    let stop = run::stop_on_signals()?;
    let mut config = Config::dev(args)?;
    let data_dir = args.data_dir.as_path();
    fs::create_dir_all(data_dir).await.map_err(CliError::file(data_dir))?;
    let _owned = own(data_dir)?;
    let listeners = Listeners::bind(&config.listen).await?.secured(&config.tls)?;
    config.listen_on(listeners.addresses()?);
    if !args.open_admin && !args.hosted.hosted {
        ask_for_a_token(&mut config);
    }
    let cluster = match &config.database.url {
        Some(_) => None,
        None => Some(Cluster::adopt_or_start(data_dir, Durability::Durable).await?),
    };
    if let Some(cluster) = &cluster {
        config.database.url = Some(cluster.database_url().into());
    }
    let is_hosted = config.sandbox.as_ref().is_some_and(|sandbox| sandbox.hosted.is_some());
    let served = if is_hosted {
        Box::pin(hosted::serve(config, listeners, stop, begun)).await
    } else {
        let database = cluster.as_ref().and_then(Cluster::home_elsewhere);
        Box::pin(serve(config, listeners, (data_dir, database), stop, begun)).await
    };
    if let Some(cluster) = cluster {
        cluster.stop().await?;
    }
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Makes this process the only sandbox on a data directory for as long as the file is open. A second one would take the
/// callbacks of the demo LSP from the first. The system takes the lock back from a process that dies, however it dies:
/// what it left running is then found again by the next one.
///
/// # Errors
/// [`CliError::SandboxRuns`], or the file that cannot be used.
fn own(data_dir: &Path) -> Result<File, CliError> {
    let path = data_dir.join("dev.lock");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(CliError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CliError::SandboxRuns { data_dir: data_dir.to_owned() }),
        // Some network drives know no locks, and the sandbox runs there as well.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(CliError::file(&path)(error)),
    }
}

/// On loopback nobody needs a token; elsewhere one is made up, and the banner shows it.
fn ask_for_a_token(config: &mut Config) {
    if config.admin_token.is_none() && !config.listen.admin.ip().is_loopback() {
        config.admin_token = Some(Ids.token().into());
    }
}

async fn serve(
    config: Config,
    listeners: Listeners,
    (data_dir, database): (&Path, Option<&Path>),
    stop: CancellationToken,
    begun: Instant,
) -> Result<(), CliError> {
    let kid = format!("{}-1", config.lender.org_id);
    let app = build(config, data_dir, kid).await?;
    register_demo(&app, data_dir).await?;
    if !stop.is_cancelled() {
        let (listen, token, took) = (app.config.listen, app.config.admin_token.as_ref(), begun.elapsed());
        Banner { listen, token, data_dir, database, took }.print();
    }
    run::end_with(&app, stop);
    app.tasks.spawn(sandbox::diary::run(Arc::clone(&app)));
    let extra = Extra {
        admin: sandbox::http::router(&app).with_state(Arc::clone(&app)),
        pages: console::router(),
        borrower: sandbox::pay::router(&app),
    };
    run::serve_all(app, listeners, extra).await
}

/// A sandbox's app, with its database brought up to date and the keys and the clock of its directory.
pub(super) async fn build(config: Config, data_dir: &Path, kid: String) -> Result<SharedApp, CliError> {
    let url: SecretString = config.database.url.clone().ok_or(CliError::Missing("the database"))?;
    migrate::apply(&mut PgConnection::connect(url.expose_secret()).await?).await?;
    let pool: PgPool = app::pool(url.expose_secret(), config.database.max_connections)?;
    let clock = sandbox::clock::restore(data_dir).map_err(CliError::file(&data_dir.join("clock")))?;
    let systems = Systems::new(pool.clone(), Ids, &config);
    let ports = systems.join(Ports::new(&config, &clock, |port| systems.simulated(port))?, &config);
    let signing = Arc::new(signing_key(data_dir, kid).await?);
    let keys = OurKeys { published: vec![Arc::clone(&signing)], signing };
    let master = master_key(data_dir).await?;
    Ok(App::build(Parts { pool, clock, config, keys, ports, codec: Arc::new(crate::protocol::Codec), master }).await?)
}

/// The sandbox's signing key, made when there is none.
async fn signing_key(data_dir: &Path, kid: String) -> Result<SigningKey, CliError> {
    let path = data_dir.join("signing.pem");
    if fs::try_exists(&path).await.map_err(CliError::file(&path))? {
        return key_files::signing(&kid, &path).await;
    }
    let key = SigningKey::generate(kid)?;
    key_files::write_new(&path, &key.to_pkcs8_pem()?).await?;
    Ok(key)
}

/// The sandbox's master key, made when there is none.
async fn master_key(data_dir: &Path) -> Result<MasterKey, CliError> {
    let path = data_dir.join("master.key");
    if !fs::try_exists(&path).await.map_err(CliError::file(&path))? {
        key_files::write_new(&path, &MasterKey::generate()?.to_base64()).await?;
    }
    key_files::master(&path).await
}

/// Registers the demo LSP, unless somebody gave it a callback address of his own.
async fn register_demo(app: &SharedApp, data_dir: &Path) -> Result<(), CliError> {
    let org_id = OrgId::from(demo::ORG_ID);
    let key = demo::key(data_dir).await?;
    let mut conn = app.pool.acquire().await?;
    let known = store::lsp::find(&mut conn, &org_id).await?;
    if known.is_some_and(|lsp| !lsp.callback_base_url.ends_with(&inbox_path())) {
        return Ok(());
    }
    let lsp = Lsp {
        org_id,
        name: "Demo LSP".into(),
        callback_base_url: inbox(app.config.listen),
        settings: Settings { allow_unsigned: true, ..Settings::default() },
        keys: vec![LspKey { kid: demo::KID.into(), public_key_pem: key.public_key_pem(), revoked_at: None }],
    };
    let mut tx = conn.begin().await?;
    store::lsp::put(&mut tx, &lsp, app.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}

fn inbox_path() -> String {
    format!("/sandbox/inbox/{}", demo::ORG_ID)
}

fn inbox(listen: Listen) -> String {
    format!("http://{}{}", reachable(listen.admin), inbox_path())
}

/// An address that a client on this machine can use.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port());
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_has_one_sandbox_at_a_time() {
        let data_dir = std::env::temp_dir().join(format!("ocen-own-{}", Ids.uuid().simple()));
        std::fs::create_dir_all(&data_dir).unwrap();
        let first = own(&data_dir).unwrap();

        let refused = own(&data_dir).unwrap_err().to_string();

        assert!(refused.contains("already runs") && refused.contains("--data-dir"), "{refused}");
        drop(first);
        assert!(own(&data_dir).is_ok(), "the first one has gone");
        std::fs::remove_dir_all(&data_dir).unwrap();
    }
}
