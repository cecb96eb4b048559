//! What can go wrong with an embedded Postgres, told so that the reader knows what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no cluster, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No Postgres that is new enough is on this machine.
    #[error(
        "no Postgres {oldest} or newer found; install it with `make postgres` (or \
         `apt-get install postgresql`, `dnf install postgresql-server`, `brew install postgresql@16`), \
         or set DATABASE_URL to a server of yours; looked in {looked_in}"
    )]
    NotInstalled {
        /// The oldest version that would do.
        oldest: u32,
        /// The folders searched.
        looked_in: String,
    },
    /// The cluster was made by a version that is not installed any more.
    #[error(
        "this data directory was made by Postgres {needed}, but only {found} is installed; \
         install Postgres {needed}, or remove the data directory to start over"
    )]
    OtherVersion {
        /// The version that made the cluster.
        needed: u32,
        /// The versions that are there.
        found: String,
    },
    /// We are root, and there is nobody else to run Postgres.
    #[error(
        "Postgres refuses to run as root and there is no user `postgres` or `nobody` to run it; \
         create one with `useradd --system postgres`, or start this as an ordinary user"
    )]
    NoAccount,
    /// The directory holds a cluster of the other kind.
    #[error(
        "{} holds a cluster with other durability; use another data directory, or remove this one",
        data_dir.display()
    )]
    OtherDurability {
        /// The directory.
        data_dir: PathBuf,
    },
    /// Somebody else held the directory's lock for minutes.
    #[error(
        "another process has been starting or stopping the cluster of {} for minutes; end it and \
         try again", data_dir.display()
    )]
    Busy {
        /// The directory.
        data_dir: PathBuf,
    },
    /// Postgres did not come up.
    #[error("Postgres did not start; its log {} says:\n{news}", log.display())]
    DidNotStart {
        /// The whole log.
        log: PathBuf,
        /// What this start added to it.
        news: String,
    },
    /// A Postgres program failed.
    #[error("{program} failed:\n{said}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it printed.
        said: String,
    },
    /// The record of the cluster is damaged.
    #[error("{} is damaged ({detail}); remove the data directory to start over", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        detail: String,
    },
    /// A file, directory or program could not be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// No loopback port is free.
    #[error("no free port on 127.0.0.1: {0}")]
    Port(#[source] io::Error),
    /// The system gave no random bytes for the password.
    #[error("the system's random source failed")]
    Random,
    /// The server runs but its database could not be reached or made.
    #[error("the cluster runs, but its database is out of reach: {0}")]
    Database(#[from] sqlx::Error),
}

impl ClusterError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}
