//! The places of a cluster on disk, who owns them, and whose turn it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tokio::fs;
use tokio::process::Command;

use super::{ClusterError, Durability};

/// Where clusters started by root live: the way to it is open to every user, which a checkout
/// or root's home need not be.
const ROOT_CLUSTERS: &str = "/var/lib/ocen-lender";
/// How long another process may take to start or stop the same cluster.
const TURN_PATIENCE: Duration = Duration::from_mins(3);
/// How often a folder is removed that somebody is still writing to.
const REMOVALS: usize = 50;

/// The user and group that Postgres, which refuses to run as root, is run as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// What `cluster.toml` in the data directory keeps. A cluster whose record was deleted is not
/// used again: removing the data directory is how people start over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// The cluster's home, relative to the data directory unless root started it.
    home: PathBuf,
    pub(super) password: String,
    pub(super) durability: Durability,
}

/// One data directory and the cluster's home that belongs to it.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) data_dir: PathBuf,
    /// Holds the cluster itself, `data`, and its log.
    pub(super) home: PathBuf,
    /// Set when we are root.
    pub(super) account: Option<Account>,
}

impl Site {
    /// Makes the data directory and settles where its cluster lives and who runs it.
    pub(super) async fn at(data_dir: &Path) -> Result<Self, ClusterError> {
        make_private(data_dir).await?;
        let data_dir = fs::canonicalize(data_dir).await.map_err(ClusterError::at(data_dir))?;
        let inside = data_dir.join("postgres");
        if id(&["-u"]).await? != Some(0) {
            return Ok(Self { data_dir, home: inside, account: None });
        }
        let home = match fs::try_exists(&inside).await {
            Ok(true) => inside,
            _ => root_home(&data_dir),
        };
        let account = Some(owner_or_unprivileged(&home).await?);
        Ok(Self { data_dir, home, account })
    }

    /// Makes the cluster's home, for the account only.
    pub(super) async fn make_home(&self) -> Result<(), ClusterError> {
        if let (Some(parent), Some(_)) = (self.home.parent(), self.account) {
            let open = std::fs::Permissions::from_mode(0o755);
            fs::create_dir_all(parent).await.map_err(ClusterError::at(parent))?;
            fs::set_permissions(parent, open).await.map_err(ClusterError::at(parent))?;
        }
        make_private(&self.home).await?;
        self.give(&self.home)
    }

    /// Writes a file that only the account can read.
    pub(super) async fn write_private(&self, path: &Path, text: &str) -> Result<(), ClusterError> {
        write_private(path, text).await?;
        self.give(path)
    }

    fn give(&self, path: &Path) -> Result<(), ClusterError> {
        let Some(Account { uid, gid }) = self.account else {
            return Ok(());
        };
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).map_err(ClusterError::at(path))
    }

    /// The folder that Postgres calls its data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Postgres's log.
    pub(super) fn log(&self) -> PathBuf {
        self.home.join("postgres.log")
    }

    fn record_file(&self) -> PathBuf {
        self.data_dir.join("cluster.toml")
    }

    /// What is known of the cluster, unless there is none. A record that came with a copy of
    /// another data directory speaks of that one's cluster.
    pub(super) async fn record(&self) -> Result<Option<Record>, ClusterError> {
        let path = self.record_file();
        let text = match fs::read_to_string(&path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(ClusterError::at(&path))?,
        };
        let record: Record =
            toml::from_str(&text).map_err(|error| ClusterError::Record { path, detail: error.to_string() })?;
        let home = self.data_dir.join(&record.home);
        if home == self.home {
            return Ok(Some(record));
        }
        tracing::warn!(home = %home.display(), "left aside: the cluster of another data directory");
        Ok(None)
    }

    /// Keeps what has to be known to use the cluster again; replaced as a whole or not at all.
    pub(super) async fn keep(&self, password: String, durability: Durability) -> Result<Record, ClusterError> {
        let path = self.record_file();
        let home = self.home.strip_prefix(&self.data_dir).unwrap_or(&self.home);
        let record = Record { home: home.to_path_buf(), password, durability };
        let text = toml::to_string(&record)
            .map_err(|error| ClusterError::Record { path: path.clone(), detail: error.to_string() })?;
        let draft = path.with_extension("toml.new");
        write_private(&draft, &text).await?;
        if self.home.starts_with(&self.data_dir) {
            self.give(&draft)?;
        }
        fs::rename(&draft, &path).await.map_err(ClusterError::at(&path))?;
        Ok(record)
    }

    /// Removes the cluster and all that is known of it. The `initdb` of a process that was killed
    /// may still be filling the folder for a moment; it fails once the folder is gone.
    pub(super) async fn clear(&self) -> Result<(), ClusterError> {
        let record = self.record_file();
        gone(fs::remove_file(&record).await).map_err(ClusterError::at(&record))?;
        let mut again = tokio::time::interval(Duration::from_millis(200));
        for _ in 1..REMOVALS {
            again.tick().await;
            if gone(fs::remove_dir_all(&self.home).await).is_ok() {
                return Ok(());
            }
        }
        gone(fs::remove_dir_all(&self.home).await).map_err(ClusterError::at(&self.home))
    }

    /// Waits for the right to start or stop this cluster. The system takes a lock back from a
    /// process that dies, however it dies.
    pub(super) async fn turn(&self) -> Result<File, ClusterError> {
        let path = self.data_dir.join("cluster.lock");
        let file = open_lock(&path)?;
        let mut again = tokio::time::interval(Duration::from_millis(50));
        let waiting = async {
            loop {
                again.tick().await;
                match file.try_lock() {
                    Err(TryLockError::WouldBlock) => {}
                    Err(TryLockError::Error(error)) => return Err(ClusterError::at(&path)(error)),
                    Ok(()) => return Ok(()),
                }
            }
        };
        match tokio::time::timeout(TURN_PATIENCE, waiting).await {
            Ok(locked) => locked.map(|()| file),
            Err(_) => Err(ClusterError::Busy { data_dir: self.data_dir.clone() }),
        }
    }

    /// Counts this process among the cluster's users for as long as the file is open.
    pub(super) fn join(&self) -> Result<File, ClusterError> {
        let path = self.data_dir.join("cluster.users");
        let file = open_lock(&path)?;
        file.lock_shared().map_err(ClusterError::at(&path))?;
        Ok(file)
    }

    /// Whether nobody uses the cluster any more. Ask with the turn in hand.
    pub(super) fn unused(&self) -> Result<bool, ClusterError> {
        let path = self.data_dir.join("cluster.users");
        match open_lock(&path)?.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(ClusterError::at(&path)(error)),
        }
    }
}

/// Where root's cluster for `data_dir` lives. An ordinary user's cluster stays where it is, and
/// that user's, when root comes to use it.
fn root_home(data_dir: &Path) -> PathBuf {
    let name = digest::digest(&digest::SHA256, data_dir.as_os_str().as_encoded_bytes());
    Path::new(ROOT_CLUSTERS).join(URL_SAFE_NO_PAD.encode(name))
}

/// A home that exists goes on being run by its owner; else by who is there of the usual two.
async fn owner_or_unprivileged(home: &Path) -> Result<Account, ClusterError> {
    if let Ok(found) = fs::metadata(home).await
        && found.uid() != 0
    {
        return Ok(Account { uid: found.uid(), gid: found.gid() });
    }
    for name in ["postgres", "nobody"] {
        if let (Some(uid), Some(gid)) = (id(&["-u", name]).await?, id(&["-g", name]).await?) {
            return Ok(Account { uid, gid });
        }
    }
    Err(ClusterError::NoAccount)
}

/// Asks `id` for a number; none when the user does not exist.
async fn id(args: &[&str]) -> Result<Option<u32>, ClusterError> {
    let output = Command::new("id").args(args).output().await.map_err(ClusterError::at(Path::new("id")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}

async fn make_private(dir: &Path) -> Result<(), ClusterError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).await.map_err(ClusterError::at(dir))
}

async fn write_private(path: &Path, text: &str) -> Result<(), ClusterError> {
    use tokio::io::AsyncWriteExt;

    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).await.map_err(ClusterError::at(path))?;
    file.write_all(text.as_bytes()).await.map_err(ClusterError::at(path))?;
    file.sync_all().await.map_err(ClusterError::at(path))
}

fn open_lock(path: &Path) -> Result<File, ClusterError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(ClusterError::at(path))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
