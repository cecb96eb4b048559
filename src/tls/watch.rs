//! Notices that files of keys and certificates changed, so that none needs a restart.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(2);

/// What tells one state of a file from another: where it lies on the disk, its size, its time.
type Mark = Option<(u64, u64, i64, i64)>;

/// Calls `reload` whenever SIGHUP comes or one of the files has changed, until `stop`.
pub async fn watch(files: Vec<PathBuf>, stop: CancellationToken, mut reload: impl FnMut() + Send) {
    if files.is_empty() {
        return;
    }
    let mut told = signal(SignalKind::hangup()).ok();
    let mut seen = marks(&files).await;
    loop {
        let signalled = tokio::select! {
            () = stop.cancelled() => return,
            told = timeout(POLL, hangup(told.as_mut())) => told.is_ok(),
        };
        // Before reading: what is written meanwhile is seen the next time.
        let now = marks(&files).await;
        if signalled || now != seen {
            seen = now;
            reload();
        }
    }
}

async fn hangup(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

async fn marks(files: &[PathBuf]) -> Vec<Mark> {
    let mut marks = Vec::with_capacity(files.len());
    for file in files {
        marks.push(mark(file).await);
    }
    marks
}

async fn mark(file: &Path) -> Mark {
    let found = fs::metadata(file).await.ok()?;
    Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
}
