//! A Postgres of the test's own that can be killed and comes back, behind a wire that stays.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocen_lender::sandbox::cluster::{Cluster, Durability};
use ocen_lender::store::schema::MIGRATOR;
use sqlx::{Connection as _, PgConnection};

use super::dice::Dice;
use super::proxy::Proxy;

/// How long Postgres may take to go down.
const DOWN: Duration = Duration::from_mins(1);

/// Room on the small disk: the cluster, its log, and little else.
const SMALL_DISK: &str = "220m";
/// How long Postgres may take to be back after it lost its sessions.
const RECOVERY: Duration = Duration::from_secs(5);

/// How Postgres ends.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// `pg_ctl stop -m fast`: sessions are cut, a checkpoint is written.
    Fast,
    /// `pg_ctl stop -m immediate`: recovery at the next start.
    Immediate,
    /// SIGKILL of the postmaster.
    Kill,
}

/// The cluster.
pub struct Postgres {
    dir: PathBuf,
    cluster: Option<Cluster>,
    /// None of a cluster that somebody else runs.
    home: Option<PathBuf>,
    mounted: bool,
    /// Between the replicas and the cluster.
    pub wire: Arc<Proxy>,
    /// Of the cluster itself, past the wire.
    pub direct: String,
}

impl Postgres {
    /// Makes a cluster in `dir`, migrated. What waits for the disk in production does so here.
    pub async fn start(dir: &Path, dice: Dice) -> Self {
        let cluster = Cluster::adopt_or_start(dir, Durability::Durable).await.unwrap();
        let direct = cluster.database_url().to_owned();
        let home = cluster.home().to_owned();
        let mut conn = PgConnection::connect(&direct).await.unwrap();
        MIGRATOR.run(&mut conn).await.unwrap();
        let wire = Proxy::to(address(&direct), dice).await;
        Self { dir: dir.to_owned(), cluster: Some(cluster), home: Some(home), mounted: false, wire, direct }
    }

    /// A cluster that somebody else runs.
    pub async fn of_others(dir: &Path, url: String, dice: Dice) -> Self {
        let mut conn = PgConnection::connect(&url).await.unwrap();
        MIGRATOR.run(&mut conn).await.unwrap();
        let wire = Proxy::to(address(&url), dice).await;
        Self { dir: dir.to_owned(), cluster: None, home: None, mounted: false, wire, direct: url }
    }

    fn home(&self) -> &Path {
        self.home.as_deref().expect("a cluster of our own")
    }

    /// Its address for the replicas, through the wire.
    pub fn url(&self) -> String {
        self.direct.replace(&address(&self.direct).to_string(), &self.wire.address.to_string())
    }

    /// Ends the server in some way and waits until it has ended.
    pub async fn end(&mut self, how: End) {
        let pid = self.pid().expect("the cluster runs");
        signal(
            pid,
            match how {
                End::Fast => "-INT",
                End::Immediate => "-QUIT",
                End::Kill => "-KILL",
            },
        );
        let begun = Instant::now();
        while Path::new(&format!("/proc/{pid}")).exists() && !is_zombie(pid) {
            assert!(begun.elapsed() < DOWN, "Postgres does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.cluster = None;
    }

    /// Starts it again; the wire leads to wherever it listens now.
    pub async fn start_again(&mut self) {
        let cluster = Cluster::adopt_or_start(&self.dir, Durability::Durable).await.unwrap();
        self.direct = cluster.database_url().to_owned();
        self.wire.point_at(address(&self.direct));
        self.cluster = Some(cluster);
    }

    /// Moves the cluster to a file system of its own with little room.
    ///
    /// # Errors
    /// When none can be mounted here; the cluster is where it was.
    pub async fn move_to_small_disk(&mut self) -> Result<(), String> {
        self.end(End::Fast).await;
        let (data, aside) = (self.home().join("data"), self.home().join("data.aside"));
        let moved = shell(&format!(
            "set -e
            mv {data} {aside}
            mkdir {data}
            mount -t tmpfs -o size={SMALL_DISK} tmpfs {data} || {{ rmdir {data}; mv {aside} {data}; exit 1; }}
            cp -a {aside}/. {data}/
            chown --reference={aside} {data}
            chmod 0700 {data}
            rm -r {aside}",
            data = data.display(),
            aside = aside.display(),
        ));
        self.mounted = moved.is_ok();
        self.start_again().await;
        moved
    }

    /// Leaves no room on the small disk.
    pub fn fill_disk(&self) {
        let ballast = self.ballast();
        let _ = shell(&format!("dd if=/dev/zero of={} bs=64k 2>/dev/null", ballast.display()));
    }

    /// Makes room again.
    pub fn clear_disk(&self) {
        let _ = std::fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.home().join("data/ballast")
    }

    /// Whether the server runs and takes connections, after a while in which it may recover.
    pub async fn answers(&self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < RECOVERY {
            if PgConnection::connect(&self.direct).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        false
    }

    fn pid(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.home.as_ref()?.join("data/postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            signal(pid, "-QUIT");
            let begun = Instant::now();
            while Path::new(&format!("/proc/{pid}")).exists() && !is_zombie(pid) && begun.elapsed() < DOWN {
                std::thread::yield_now();
            }
        }
        let Some(home) = &self.home else { return };
        if self.mounted {
            let _ = shell(&format!("umount --lazy {}", home.join("data").display()));
        }
        let _ = std::fs::remove_dir_all(home);
    }
}

/// Runs a few commands.
fn shell(script: &str) -> Result<(), String> {
    let output = std::process::Command::new("sh").args(["-c", script]).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

fn is_zombie(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

/// Sends a signal to a process that the test started.
pub fn signal(pid: u32, signal: &str) {
    let _ = std::process::Command::new("kill").args([signal, &pid.to_string()]).status();
}

/// Host and port of a database URL.
pub fn address(url: &str) -> SocketAddr {
    let rest = url.split_once("://").unwrap().1;
    rest.split('/').next().unwrap().rsplit('@').next().unwrap().parse().unwrap()
}
