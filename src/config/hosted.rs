//! `dev --hosted`: one sandbox for many LSPs, and what bounds each of them.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use super::error::Problems;
use super::{Config, PortConfig};
use crate::rate::Quota;

/// Most namespaces, unless the command line says otherwise.
const NAMESPACES: usize = 200;
/// Most namespaces awake at a time: each has a pool of its own, and the sandbox's Postgres takes 200 connections.
const AWAKE: usize = 16;
/// Most that may be allowed to be awake.
const MOST_AWAKE: usize = 1_000;
/// Seconds without a request after which a namespace is put to sleep.
const IDLE_SECONDS: u64 = 600;
/// Requests a minute that one namespace may send to all listeners together.
const RATE: u32 = 3_000;
/// Requests that may come at once, as a share of a minute's.
const BURST_SHARE: u32 = 5;
/// Megabytes of one namespace's database.
const DISK_MB: u64 = 512;
/// Fewest characters of the host's token.
const SHORTEST_TOKEN: usize = 24;

/// The options of a hosted sandbox.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Hosted sandbox")]
pub struct HostedArgs {
    /// Serve many LSPs, each in a namespace with a token, a database and a clock of its own
    #[arg(long, env = "OCEN_HOSTED", conflicts_with = "open_admin")]
    pub hosted: bool,
    /// The host's bearer token: makes invites, lists and deletes namespaces
    #[arg(long, env = "OCEN_HOSTED_TOKEN", hide_env_values = true, requires = "hosted", value_name = "TOKEN")]
    pub hosted_token: Option<SecretString>,
    /// A file with that token that only its owner may read [default: `host.token` in the data directory, made if missing]
    #[arg(
        long,
        env = "OCEN_HOSTED_TOKEN_FILE",
        requires = "hosted",
        conflicts_with = "hosted_token",
        value_name = "FILE"
    )]
    pub hosted_token_file: Option<PathBuf>,
    /// Public address of the LSPs' listener
    #[arg(long, env = "OCEN_HOSTED_LSP_URL", requires = "hosted", value_name = "URL")]
    pub hosted_lsp_url: Option<Url>,
    /// Public address of the operators' listener
    #[arg(long, env = "OCEN_HOSTED_ADMIN_URL", requires = "hosted", value_name = "URL")]
    pub hosted_admin_url: Option<Url>,
    /// Most namespaces [default: 200]
    #[arg(long, env = "OCEN_HOSTED_NAMESPACES", requires = "hosted", value_name = "COUNT")]
    pub hosted_namespaces: Option<usize>,
    /// Most namespaces awake at a time; each takes up to six connections to Postgres [default: 16]
    #[arg(long, env = "OCEN_HOSTED_AWAKE", requires = "hosted", value_name = "COUNT")]
    pub hosted_awake: Option<usize>,
    /// Seconds without a request after which a namespace is put to sleep [default: 600]
    #[arg(long, env = "OCEN_HOSTED_IDLE", requires = "hosted", value_name = "SECONDS")]
    pub hosted_idle: Option<u64>,
    /// Requests a minute that one namespace may send [default: 3000]
    #[arg(long, env = "OCEN_HOSTED_RATE", requires = "hosted", value_name = "COUNT")]
    pub hosted_rate: Option<u32>,
    /// Megabytes that one namespace may keep; then it takes nothing new [default: 512]
    #[arg(long, env = "OCEN_HOSTED_DISK_MB", requires = "hosted", value_name = "MB")]
    pub hosted_disk_mb: Option<u64>,
    /// Let callbacks go to private, link-local and loopback addresses: where every LSP may reach the host's network
    #[arg(long, env = "OCEN_HOSTED_ALLOW_PRIVATE", requires = "hosted")]
    pub hosted_allow_private: bool,
}

/// How a hosted sandbox is run.
#[derive(Debug, Clone)]
pub struct HostedConfig {
    /// The host's token, if it was given as such.
    pub token: Option<SecretString>,
    /// Where it is read otherwise.
    pub token_file: Option<PathBuf>,
    /// Public address of the LSPs' listener, without a slash at its end; that of the listener when missing.
    pub lsp_url: Option<String>,
    /// The same of the operators' listener.
    pub admin_url: Option<String>,
    /// Most namespaces.
    pub most_namespaces: usize,
    /// Most of them awake at a time.
    pub most_awake: usize,
    /// How long one stays awake without a request.
    pub idle: Duration,
    /// What one may send.
    pub rate: Quota,
    /// What one may keep, in bytes.
    pub disk_bytes: i64,
}

impl HostedConfig {
    /// What the command line asks for; none without `--hosted`.
    pub(super) fn of(args: &HostedArgs) -> Option<Self> {
        let base = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        let per_minute = args.hosted_rate.unwrap_or(RATE);
        let megabytes = args.hosted_disk_mb.unwrap_or(DISK_MB);
        args.hosted.then(|| Self {
            token: args.hosted_token.clone(),
            token_file: args.hosted_token_file.clone(),
            lsp_url: args.hosted_lsp_url.as_ref().map(base),
            admin_url: args.hosted_admin_url.as_ref().map(base),
            most_namespaces: args.hosted_namespaces.unwrap_or(NAMESPACES),
            most_awake: args.hosted_awake.unwrap_or(AWAKE),
            idle: Duration::from_secs(args.hosted_idle.unwrap_or(IDLE_SECONDS)),
            rate: Quota { per_minute, burst: Some((per_minute / BURST_SHARE).max(1)) },
            disk_bytes: i64::try_from(megabytes.saturating_mul(1_000_000)).unwrap_or(i64::MAX),
        })
    }
}

/// A token that could be guessed is none.
#[must_use]
pub fn is_strong(token: &str) -> bool {
    token.len() >= SHORTEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A hosted sandbox stands beside no real system, and its bounds bound something.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    let Some(hosted) = config.sandbox.as_ref().and_then(|sandbox| sandbox.hosted.as_ref()) else {
        return;
    };
    for (name, port) in &config.ports {
        if let PortConfig::Adapter(adapter) = port {
            // Strangers' loans must not reach a bank, whoever signs the calls.
            let detail = format!(
                "names a real system ({}): --hosted runs on simulated ones only; take the section out",
                adapter.url.origin().ascii_serialization()
            );
            problems.add(format!("ports.{name}"), detail);
        }
    }
    for (member, url) in [("--hosted-lsp-url", &hosted.lsp_url), ("--hosted-admin-url", &hosted.admin_url)] {
        let is_web = url.as_ref().is_none_or(|url| url.starts_with("http://") || url.starts_with("https://"));
        problems.demand(is_web, member, "must be an http:// or https:// address");
    }
    problems.demand(hosted.most_namespaces >= 1, "--hosted-namespaces", "must be 1 or more");
    let fits = (1..=MOST_AWAKE).contains(&hosted.most_awake);
    problems.demand(fits, "--hosted-awake", format!("must be 1 to {MOST_AWAKE}"));
    problems.demand(hosted.idle >= Duration::from_secs(1), "--hosted-idle", "must be 1 or more");
    problems.demand(hosted.rate.makes_sense(), "--hosted-rate", "must be 1 or more");
    problems.demand(hosted.disk_bytes >= 1, "--hosted-disk-mb", "must be 1 or more");
    if let Some(token) = &hosted.token {
        use secrecy::ExposeSecret as _;
        let detail = format!("must have {SHORTEST_TOKEN} characters or more, without blanks");
        problems.demand(is_strong(token.expose_secret()), "OCEN_HOSTED_TOKEN", detail);
    }
}

/// An endpoint of our own for callbacks: shown under a public address, reached inside whatever that address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnInbox {
    /// As LSPs and operators see it, without a slash at its end.
    pub shown: Url,
    /// Where it is.
    pub reached: Url,
}

impl OwnInbox {
    /// The base URL of an LSP's callbacks there.
    #[must_use]
    pub fn of(&self, org_id: &str) -> Option<String> {
        let mut url = self.shown.clone();
        url.path_segments_mut().ok()?.push(org_id);
        Some(url.into())
    }

    /// Where a callback to `url` goes, if that is below the inbox.
    #[must_use]
    pub fn reach(&self, url: &Url) -> Option<Url> {
        // A parsed URL has no dots that lead out of its path any more.
        let same = url.origin() == self.shown.origin() && url.username().is_empty() && url.password().is_none();
        let rest = url.path().strip_prefix(self.shown.path()).filter(|_| same)?;
        let rest = rest.strip_prefix('/')?;
        let mut reached = self.reached.clone();
        reached.set_path(&format!("{}/{rest}", self.reached.path()));
        Some(reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_the_inbox_is_ours() {
        let parse = |text: &str| Url::parse(text).unwrap();
        let inbox = OwnInbox {
            shown: parse("https://box.example/a-1/sandbox/inbox"),
            reached: parse("http://127.0.0.1:9/a-1/sandbox/inbox"),
        };
        let reach = |text: &str| inbox.reach(&parse(text)).map(String::from);

        let ours = reach("https://box.example:443/a-1/sandbox/inbox/LSP/v3/x");
        assert_eq!(ours.as_deref(), Some("http://127.0.0.1:9/a-1/sandbox/inbox/LSP/v3/x"));
        for other in [
            "http://box.example/a-1/sandbox/inbox/LSP",
            "https://box.example:8443/a-1/sandbox/inbox/LSP",
            "https://u@box.example/a-1/sandbox/inbox/LSP",
            "https://box.example/a-2/sandbox/inbox/LSP",
            "https://box.example/a-1/sandbox/inboxes/LSP",
            "https://box.example/a-1/sandbox/inbox/../clock",
            "https://box.example/a-1/sandbox/inbox/%2e%2e/clock",
            "https://box.example/a-1/sandbox/inbox",
        ] {
            assert_eq!(reach(other), None, "{other}");
        }
    }
}
