//! The Postgres server as a process: made, started, found running, stopped.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::fs;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use super::locate::Binaries;
use super::site::Site;
use super::{ClusterError, Durability, SUPERUSER};

/// Settings of every cluster. Only TCP: a socket's path is limited to about a hundred bytes, a
/// checkout's is not, and the socket is no faster.
const SETTINGS: &str = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= \
     -c max_connections=200 -c shared_buffers=128MB -c timezone=UTC -c log_timezone=UTC \
     -c lc_messages=C -c synchronous_commit=on";
/// A throw-away cluster is not there after a power cut anyway.
const THROW_AWAY_SETTINGS: &str = " -c fsync=off -c full_page_writes=off";
/// How long Postgres may take to replay its log after a crash, or to shut down.
const PATIENCE: Duration = Duration::from_mins(2);
const PATIENCE_SECONDS: &str = "120";
/// Starts tried, a second apart, while what hinders the start passes by itself.
const START_ATTEMPTS: usize = 15;
/// What a failed start says when trying again can help: another process took the free port,
/// children of a postmaster that was killed have not all ended, or a starter that was killed has
/// left a server that is just coming up.
const PASSING_HINDRANCES: [&str; 3] = ["Address already in use", "is still in use", "another postmaster"];

/// Runs one cluster's programs.
#[derive(Debug)]
pub(super) struct Server<'a> {
    pub(super) site: &'a Site,
    pub(super) binaries: Binaries,
}

/// `pg_ctl stop` modes.
#[derive(Debug, Clone, Copy)]
pub(super) enum StopMode {
    /// Ends every session, writes a checkpoint.
    Fast,
    /// For a cluster that is removed next.
    Immediate,
}

impl Server<'_> {
    /// Makes an empty cluster. It gets its name when it is whole, so that a process killed
    /// meanwhile leaves nothing that looks like one.
    pub(super) async fn init(&self, password: &str, durability: Durability) -> Result<(), ClusterError> {
        let draft = self.site.home.join("data.new");
        let password_file = self.site.home.join("password");
        self.site.write_private(&password_file, password).await?;
        let mut initdb = self.command("initdb");
        initdb
            .arg("--pgdata")
            .arg(&draft)
            .arg("--pwfile")
            .arg(&password_file)
            .args(["--username", SUPERUSER, "--auth", "scram-sha-256"])
            .args(["--encoding", "UTF8", "--locale", "C", "--data-checksums"]);
        if durability == Durability::ThrowAway {
            initdb.arg("--no-sync");
        }
        let output = run(&mut initdb).await?;
        fs::remove_file(&password_file).await.map_err(ClusterError::at(&password_file))?;
        if !output.status.success() {
            return Err(ClusterError::Program { program: "initdb", said: said(&output) });
        }
        let data = self.site.data();
        fs::rename(&draft, &data).await.map_err(ClusterError::at(&data))
    }

    /// Starts the cluster on a free port, which is returned. `pg_ctl` gives the server a session
    /// of its own, so that neither our end nor Ctrl-C reaches it.
    pub(super) async fn start(&self, durability: Durability) -> Result<u16, ClusterError> {
        let mut pause = tokio::time::interval(Duration::from_secs(1));
        let log = self.site.log();
        let mut news = String::new();
        for _ in 0..START_ATTEMPTS {
            pause.tick().await;
            let port = free_port().await?;
            let already_logged = fs::metadata(&log).await.map_or(0, |found| found.len());
            let output = run(&mut self.start_command(port, durability)).await?;
            if output.status.success() {
                return Ok(port);
            }
            news = read_from(&log, already_logged).await.unwrap_or_else(|| said(&output));
            if !PASSING_HINDRANCES.iter().any(|passing| news.contains(passing)) {
                break;
            }
            if let Some(port) = self.running().await? {
                return Ok(port);
            }
        }
        Err(ClusterError::DidNotStart { log, news })
    }

    fn start_command(&self, port: u16, durability: Durability) -> Command {
        let mut settings = format!("-p {port} {SETTINGS}");
        if durability == Durability::ThrowAway {
            settings.push_str(THROW_AWAY_SETTINGS);
        }
        let mut start = self.pg_ctl("start");
        start.arg("--wait").args(["--timeout", PATIENCE_SECONDS]);
        start.arg("--log").arg(self.site.log());
        start.arg("--options").arg(settings);
        start
    }

    /// The port of the running server, or none when it does not run. A server that is on its
    /// way up or down is waited for.
    pub(super) async fn running(&self) -> Result<Option<u16>, ClusterError> {
        let mut again = tokio::time::interval(Duration::from_millis(100));
        let waiting = async {
            loop {
                again.tick().await;
                if !run(&mut self.pg_ctl("status")).await?.status.success() {
                    return Ok(None);
                }
                match self.pid_file().await {
                    Some(PidFile::Ready(port)) if answers(port).await => return Ok(Some(port)),
                    Some(PidFile::Ready(_) | PidFile::Foreign) => return self.forget().await,
                    Some(PidFile::Changing) | None => {}
                }
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => Err(ClusterError::DidNotStart {
                log: self.site.log(),
                news: "a server process is there but does not become ready".to_owned(),
            }),
        }
    }

    /// Removes a pid file whose number belongs to another process by now: it would keep the
    /// cluster from starting for ever.
    async fn forget(&self) -> Result<Option<u16>, ClusterError> {
        let path = self.site.data().join("postmaster.pid");
        fs::remove_file(&path).await.map_err(ClusterError::at(&path))?;
        Ok(None)
    }

    async fn pid_file(&self) -> Option<PidFile> {
        let path = self.site.data().join("postmaster.pid");
        let text = fs::read_to_string(path).await.ok()?;
        Some(PidFile::read(&text, &self.site.data()))
    }

    /// Stops the server and waits until it has ended.
    pub(super) async fn stop(&self, mode: StopMode) -> Result<(), ClusterError> {
        let mut stop = self.pg_ctl("stop");
        stop.arg("--wait").args(["--timeout", PATIENCE_SECONDS]);
        stop.arg("--mode").arg(match mode {
            StopMode::Fast => "fast",
            StopMode::Immediate => "immediate",
        });
        let output = run(&mut stop).await?;
        if output.status.success() {
            return Ok(());
        }
        Err(ClusterError::Program { program: "pg_ctl stop", said: said(&output) })
    }

    fn pg_ctl(&self, action: &str) -> Command {
        let mut command = self.command("pg_ctl");
        command.arg(action).arg("--pgdata").arg(self.site.data());
        command
    }

    /// A program of this Postgres, run as the cluster's owner and deaf to the caller's own
    /// Postgres settings.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.dir.join(program));
        command.current_dir(&self.site.home).stdin(Stdio::null()).process_group(0).env("LC_ALL", "C");
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Some(account) = self.site.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }
}

/// What `postmaster.pid` says of the server.
#[derive(Debug, PartialEq, Eq)]
enum PidFile {
    Ready(u16),
    /// Starting or stopping.
    Changing,
    /// Came with a copy of another cluster, and names that one's process.
    Foreign,
}

impl PidFile {
    /// Lines: pid, data directory, start time, port, socket directory, address, shared memory,
    /// status (`utils/pidfile.h` of Postgres).
    fn read(text: &str, data: &Path) -> Self {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        match lines.as_slice() {
            [_, owner, ..] if Path::new(owner) != data => Self::Foreign,
            [_, _, _, port, _, _, _, "ready", ..] => port.parse().map_or(Self::Changing, Self::Ready),
            _ => Self::Changing,
        }
    }
}

async fn run(command: &mut Command) -> Result<Output, ClusterError> {
    let program = PathBuf::from(command.as_std().get_program());
    command.output().await.map_err(ClusterError::at(&program))
}

fn said(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

async fn read_from(path: &Path, position: u64) -> Option<String> {
    let bytes = fs::read(path).await.ok()?;
    let news = bytes.get(usize::try_from(position).ok()?..)?;
    Some(String::from_utf8_lossy(news).into_owned()).filter(|news| !news.is_empty())
}

async fn free_port() -> Result<u16, ClusterError> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let bound = TcpListener::bind(any).await.and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(ClusterError::Port)
}

async fn answers(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str = "4711\n/d/data\n1767225600\n54321\n\n127.0.0.1\n  1 2\nready   \n";

    #[test]
    fn a_pid_file_is_believed_only_in_its_own_cluster() {
        assert_eq!(PidFile::read(READY, Path::new("/d/data")), PidFile::Ready(54321));
        assert_eq!(PidFile::read(READY, Path::new("/copy/data")), PidFile::Foreign);
        let starting = READY.replace("ready", "starting");
        assert_eq!(PidFile::read(&starting, Path::new("/d/data")), PidFile::Changing);
        assert_eq!(PidFile::read("4711\n", Path::new("/d/data")), PidFile::Changing);
    }
}
