//! A Postgres of our own for `dev` and for tests: made on first use, found again after a crash
//! of ours, stopped when its last user leaves. Nothing outside the data directory and, as root,
//! `/var/lib/ocen-lender` is touched; it listens on a free loopback port behind a password.

mod error;
mod locate;
mod server;
mod site;

use std::fmt;
use std::fs::File;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sqlx::migrate::MigrateDatabase;
use tokio::fs;

pub use self::error::ClusterError;
use self::server::{Server, StopMode};
use self::site::{Record, Site};

const SUPERUSER: &str = "ocen";
const DATABASE: &str = "ocen_lender";

/// What a cluster is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Data outlives the process and a power cut.
    Durable,
    /// For tests: does not wait for the disk, begins empty each time it is started, and is
    /// removed when it is stopped.
    ThrowAway,
}

/// What became of a cluster that was to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It has ended; a throw-away one is gone from the disk.
    Ended,
    /// Another process uses it, so it goes on.
    InUse,
    /// It did not run.
    WasNotRunning,
}

/// A running cluster that this process uses. Dropping it leaves the server running, for the next
/// [`Cluster::adopt_or_start`] to find; end it with [`Cluster::stop`].
pub struct Cluster {
    site: Site,
    url: String,
    adopted: bool,
    /// While open, no other process stops the server.
    users: File,
}

impl fmt::Debug for Cluster {
    /// Leaves out the URL, which holds the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("site", &self.site).field("adopted", &self.adopted).finish_non_exhaustive()
    }
}

impl Cluster {
    /// The cluster that belongs to `data_dir`: the running one, else the stopped one, started,
    /// else a new one. Callers in several processes get the same.
    ///
    /// # Errors
    /// Any [`ClusterError`]; nothing is left half made that the next call would trip over.
    pub async fn adopt_or_start(data_dir: &Path, durability: Durability) -> Result<Self, ClusterError> {
        let site = Site::at(data_dir).await?;
        let _turn = site.turn().await?;
        let users = site.join()?;
        let known = site.record().await?;
        if let Some(record) = &known
            && record.durability != durability
        {
            return Err(ClusterError::OtherDurability { data_dir: site.data_dir });
        }
        let (server, running) = find(&site).await?;
        let (record, port, adopted) = match (known, running) {
            (Some(record), Some(port)) => (record, port, true),
            (Some(record), None) if is_kept(&site, durability).await => {
                (record, server.start(durability).await?, false)
            }
            (_, running) => {
                let (record, port) = start_anew(&site, running.is_some(), durability).await?;
                (record, port, false)
            }
        };
        let url = url(&record.password, port);
        ensure_database(&url).await?;
        Ok(Self { site, url, adopted, users })
    }

    /// The `DATABASE_URL` of the cluster's database, password included.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.url
    }

    /// Whether the server ran already when this process came.
    #[must_use]
    pub fn adopted(&self) -> bool {
        self.adopted
    }

    /// The folder with the cluster and its log.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.site.home
    }

    /// Where the cluster is, when it is not in its data directory: root's own lives where Postgres's user gets to.
    #[must_use]
    pub fn home_elsewhere(&self) -> Option<&Path> {
        Some(self.home()).filter(|home| !home.starts_with(&self.site.data_dir))
    }

    /// Leaves the cluster; its last user shuts it down and waits until it has ended.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn stop(self) -> Result<Stopped, ClusterError> {
        drop(self.users);
        stop_at(&self.site).await
    }
}

/// Starts or finds the cluster of `data_dir`, leaves it running and returns its `DATABASE_URL`:
/// `cluster start` for scripts.
///
/// # Errors
/// See [`Cluster::adopt_or_start`].
pub async fn cli_start(data_dir: &Path, durability: Durability) -> Result<String, ClusterError> {
    let cluster = Cluster::adopt_or_start(data_dir, durability).await?;
    Ok(cluster.database_url().to_owned())
}

/// Stops the cluster of `data_dir` unless another process uses it: `cluster stop` for scripts.
///
/// # Errors
/// See [`Cluster::stop`].
pub async fn cli_stop(data_dir: &Path) -> Result<Stopped, ClusterError> {
    stop_at(&Site::at(data_dir).await?).await
}

async fn stop_at(site: &Site) -> Result<Stopped, ClusterError> {
    let _turn = site.turn().await?;
    if !site.unused()? {
        return Ok(Stopped::InUse);
    }
    let Some(record) = site.record().await? else {
        return Ok(Stopped::WasNotRunning);
    };
    let (server, running) = find(site).await?;
    let stopped = match running {
        Some(_) => Stopped::Ended,
        None => Stopped::WasNotRunning,
    };
    let mode = match record.durability {
        Durability::Durable => StopMode::Fast,
        Durability::ThrowAway => StopMode::Immediate,
    };
    if running.is_some() {
        server.stop(mode).await?;
    }
    if record.durability == Durability::ThrowAway {
        site.clear().await?;
    }
    Ok(stopped)
}

/// The programs fit for the cluster that is there, and its port if it runs.
async fn find(site: &Site) -> Result<(Server<'_>, Option<u16>), ClusterError> {
    let version = fs::read_to_string(site.data().join("PG_VERSION")).await;
    let made_by = version.ok().and_then(|text| text.trim().parse().ok());
    let server = Server { site, binaries: locate::find(made_by).await? };
    let running = match made_by {
        Some(_) => server.running().await?,
        None => None,
    };
    Ok((server, running))
}

/// Whether a stopped cluster may be started again. One that did not wait for the disk may be
/// damaged, and its databases are nobody's.
async fn is_kept(site: &Site, durability: Durability) -> bool {
    durability == Durability::Durable && fs::try_exists(site.data()).await.unwrap_or(false)
}

/// Makes a new cluster in place of what is there: a damaged one, or one whose record is gone.
async fn start_anew(site: &Site, runs: bool, durability: Durability) -> Result<(Record, u16), ClusterError> {
    if runs {
        let (old, _) = find(site).await?;
        old.stop(StopMode::Immediate).await?;
    }
    site.clear().await?;
    site.make_home().await?;
    let server = Server { site, binaries: locate::find(None).await? };
    let password = password()?;
    server.init(&password, durability).await?;
    let record = site.keep(password, durability).await?;
    let port = server.start(durability).await?;
    Ok((record, port))
}

async fn ensure_database(url: &str) -> Result<(), ClusterError> {
    if !sqlx::Postgres::database_exists(url).await? {
        sqlx::Postgres::create_database(url).await?;
    }
    Ok(())
}

fn url(password: &str, port: u16) -> String {
    format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{DATABASE}?sslmode=disable")
}

fn password() -> Result<String, ClusterError> {
    let mut bytes = [0; 24];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ClusterError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
