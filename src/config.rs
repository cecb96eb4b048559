//! Configuration: flags, environment and one TOML file, checked as a whole before anything starts.

pub mod args;
mod check;
pub mod edge;
mod edge_check;
mod error;
mod file;
pub mod hosted;
mod ledger;
pub mod network;
pub mod operators;
pub mod port;
pub mod retention;
pub mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

pub use self::args::{CommonArgs, DevArgs, ServeArgs};
pub use self::edge::{Asked, ClientTls, ListenerTls, PlainTls, ProxyConfig, TlsConfig};
pub use self::error::{ConfigError, Problem, Problems};
use self::file::File;
pub use self::hosted::{HostedArgs, HostedConfig, OwnInbox};
pub use self::ledger::LedgerConfig;
pub use self::network::Network;
pub use self::operators::{Operator, ROLES, Role};
pub use self::retention::Retention;
pub use self::rules::Rules;
use crate::domain::calendar::WorkingDays;
use crate::domain::kfs::{Contact, Letterhead};
use crate::domain::product::{Catalogue, Limits};
use crate::rate::RateLimits;

/// The file that `dev` starts from; a file of one's own replaces it section by section.
const DEV: &str = include_str!("config/dev.toml");
/// How long a server that was told to stop goes on with what it has begun.
const DRAIN: Duration = Duration::from_secs(10);
/// Seconds for which `serve` goes on taking requests before that: a balancer that probes every second or two has
/// noticed by then.
const DRAIN_GRACE: u64 = 5;

/// Everything a server needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which kind of server.
    pub mode: Mode,
    /// Who lends.
    pub lender: Lender,
    /// What key facts statements say about the lender.
    pub letterhead: Letterhead,
    /// What is lent.
    pub products: Catalogue,
    /// Limits of time and count.
    pub limits: Limits,
    /// The lender's working days.
    pub calendar: WorkingDays,
    /// What the built-in `decision` port decides by.
    pub rules: Rules,
    /// Where to listen.
    pub listen: Listen,
    /// Public address of the borrowers' pages, without a slash at its end.
    pub borrower_url: String,
    /// Where the lender's systems reach the operators' listener, without a slash at its end; they are told no address
    /// for later answers when it is missing.
    pub ports_url: Option<String>,
    /// Certificates of the listeners.
    pub tls: TlsConfig,
    /// Proxies before the server.
    pub proxy: ProxyConfig,
    /// How much LSPs may send.
    pub rate_limits: RateLimits,
    /// How callbacks are posted.
    pub delivery: DeliveryConfig,
    /// How each of the lender's systems is reached, by port name; in `dev` a missing one is simulated.
    pub ports: BTreeMap<String, PortConfig>,
    /// How the book is fed to the lender's general ledger.
    pub ledger: LedgerConfig,
    /// The database.
    pub database: Database,
    /// How long what is kept.
    pub retention: Retention,
    /// Key files; `dev` keeps its keys in the data directory instead.
    pub keys: Option<KeyFiles>,
    /// Bearer token of the operators' listener; none in `dev` on loopback.
    pub admin_token: Option<SecretString>,
    /// Operators with tokens of their own.
    pub operators: Vec<Operator>,
    /// SHA-256 of the configuration file, for the audit log; none when there is no file.
    pub file_sha256: Option<String>,
    /// How long a server that was told to stop goes on with what it has begun.
    pub drain: Duration,
    /// How long it goes on taking requests before that, while readiness sends balancers elsewhere.
    pub drain_grace: Duration,
    /// What only `dev` has.
    pub sandbox: Option<SandboxConfig>,
}

/// Which kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The sandbox.
    Dev,
    /// Production.
    Serve,
}

/// The lender as OCEN messages show it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lender {
    /// The `metadata.orgId` of everything we send.
    pub org_id: String,
    /// Registered name.
    pub name: String,
    /// The identifier that the lender calls primary, e.g. its corporate identity number.
    pub primary_id: String,
    /// What kind of identifier it is, e.g. `CIN`.
    pub primary_id_type: String,
    /// Phone for borrowers.
    pub phone: String,
    /// Email for borrowers.
    #[serde(default)]
    pub email: Option<String>,
    /// Nodal grievance officer, named on every key facts statement; `serve` demands one.
    #[serde(default)]
    pub grievance_officer: Option<Contact>,
    /// Agents who may collect when a loan is overdue.
    #[serde(default)]
    pub recovery_agents: Vec<Contact>,
    /// Whether loans may be transferred to others or securitised.
    #[serde(default)]
    pub transferable: bool,
}

impl Lender {
    /// What every key facts statement says about the lender.
    #[must_use]
    pub fn letterhead(&self) -> Letterhead {
        let desk = || Contact {
            name: format!("Grievance officer of {}", self.name),
            phone: self.phone.clone(),
            email: self.email.clone(),
        };
        Letterhead {
            name: self.name.clone(),
            phone: self.phone.clone(),
            email: self.email.clone(),
            grievance_officer: self.grievance_officer.clone().unwrap_or_else(desk),
            recovery_agents: self.recovery_agents.clone(),
            transferable: self.transferable,
        }
    }
}

/// Addresses to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// For LSPs.
    pub lsp: SocketAddr,
    /// For borrowers' pages.
    pub borrower: SocketAddr,
    /// For operators.
    pub admin: SocketAddr,
}

/// How callbacks are posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// How long an LSP may take to answer one callback.
    pub timeout: Duration,
    /// Whether a callback may go to a private, link-local or loopback address; always in `dev`.
    pub allow_private_addresses: bool,
    /// Whether this replica only takes requests: it neither sends callbacks nor asks the lender's systems.
    pub paused: bool,
    /// Ports that a callback may go to; empty allows every one.
    pub allowed_ports: Vec<u16>,
    /// An endpoint of our own that callbacks may go to wherever it is; a hosted sandbox has one.
    pub inbox: Option<OwnInbox>,
    /// Our certificate for LSPs that ask for one, and authorities that count beside the system's.
    pub tls: ClientTls,
    /// The same for single LSPs by orgId; its authorities then count alone.
    pub lsp_tls: BTreeMap<String, ClientTls>,
}

/// How one of the lender's systems is reached.
#[derive(Debug, Clone)]
pub enum PortConfig {
    /// By what we bring along: rules for `decision`, nothing but our own book for `ledger`.
    BuiltIn,
    /// By the lender's adapter.
    Adapter(AdapterConfig),
}

/// How an adapter is called.
#[derive(Debug, Clone)]
pub struct AdapterConfig {
    /// Base address; the port's and the method's name are added.
    pub url: reqwest::Url,
    /// Keys of the signature, the bytes behind `whsec_` (Standard Webhooks): the newest first, at most two.
    pub secrets: Vec<secrecy::SecretSlice<u8>>,
    /// How long it may take to answer; more belongs into a pending outcome.
    pub timeout: Duration,
    /// Most calls under way at a time, per process.
    pub max_concurrency: usize,
    /// Calls that must fail one after the other before the port rests.
    pub breaker_failures: u32,
    /// How long it rests before one call finds out whether it is back.
    pub breaker_rest: Duration,
    /// Our certificate for it, and the only authorities that count.
    pub tls: Box<ClientTls>,
}

impl AdapterConfig {
    /// An adapter with the usual limits.
    #[must_use]
    pub fn at(url: reqwest::Url, secrets: Vec<secrecy::SecretSlice<u8>>) -> Self {
        Self {
            url,
            secrets,
            timeout: Duration::from_secs(10),
            max_concurrency: 16,
            breaker_failures: 5,
            breaker_rest: Duration::from_secs(10),
            tls: Box::default(),
        }
    }
}

/// The database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Address with password; `dev` without one brings its own cluster.
    pub url: Option<SecretString>,
    /// Most connections of one process.
    pub max_connections: u32,
}

/// Where `serve` finds its keys.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyFiles {
    /// Seals the data keys: 32 bytes in base64.
    pub master_key_file: PathBuf,
    /// Signs what we send.
    pub signing: KeyFile,
    /// Earlier and coming keys that LSPs should know as well.
    #[serde(default)]
    pub published: Vec<KeyFile>,
}

impl KeyFiles {
    /// Kids under which there is more than one key.
    pub(super) fn repeated(&self) -> Vec<String> {
        let mut files: BTreeMap<&str, &PathBuf> = BTreeMap::new();
        let mut repeated = Vec::new();
        for key in std::iter::once(&self.signing).chain(&self.published) {
            if *files.entry(&key.kid).or_insert(&key.file) != &key.file {
                repeated.push(key.kid.clone());
            }
        }
        repeated
    }
}

/// One RSA private key in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyFile {
    /// The `kid` under which LSPs know it.
    pub kid: String,
    /// Where it is.
    pub file: PathBuf,
}

/// What only `dev` has.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where cluster, keys and clock are kept.
    pub data_dir: PathBuf,
    /// Whether consents, mandates and payments wait until told.
    pub manual: bool,
    /// Whether operators need no token although they are not on loopback.
    pub open_admin: bool,
    /// How many LSPs share it, if they do.
    pub hosted: Option<HostedConfig>,
}

impl Config {
    /// The configuration of `dev`.
    ///
    /// # Errors
    /// [`ConfigError`], all problems at once.
    pub fn dev(args: &DevArgs) -> Result<Self, ConfigError> {
        Self::dev_text(args, &read(args.common.config.as_deref())?)
    }

    fn dev_text(args: &DevArgs, text: &str) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let file = File::parse(&[DEV, text], &mut problems)?;
        let mut config = Self::join(Mode::Dev, &args.common, file, &mut problems);
        // An LSP of its own may have its callbacks sent anywhere; strangers may not look round the host's network.
        config.delivery.allow_private_addresses = !args.hosted.hosted || args.hosted.hosted_allow_private;
        config.database.url.clone_from(&args.database_url);
        config.sandbox = Some(SandboxConfig {
            data_dir: args.data_dir.clone(),
            manual: args.manual,
            open_admin: args.open_admin,
            hosted: HostedConfig::of(&args.hosted),
        });
        config.checked(problems)
    }

    /// The configuration of `serve`.
    ///
    /// # Errors
    /// [`ConfigError`], all problems at once; a port with neither adapter nor built-in is one.
    pub fn serve(args: &ServeArgs) -> Result<Self, ConfigError> {
        let text = read(args.common.config.as_deref())?;
        let mut config = Self::serve_text(args, &text).map_err(|error| match error {
            ConfigError::Invalid(mut problems) if args.common.config.is_none() => {
                let detail = "no file was given; begin with deploy/ocen-lender.example.toml".to_owned();
                problems.0.insert(0, Problem { member: "--config".to_owned(), detail });
                ConfigError::Invalid(problems)
            }
            error => error,
        })?;
        config.file_sha256 = args.common.config.is_some().then(|| operators::sha256(&text));
        Ok(config)
    }

    /// How the ports are reached, from a file that need not be complete otherwise.
    ///
    /// # Errors
    /// [`ConfigError`], when the file or its ports cannot be read.
    pub fn ports_of(path: Option<&Path>) -> Result<BTreeMap<String, PortConfig>, ConfigError> {
        let mut problems = Problems::default();
        let file = File::parse(&[&read(path)?], &mut problems)?;
        problems.0.retain(|problem| problem.member.starts_with("ports"));
        if problems.0.is_empty() { Ok(file.ports) } else { Err(ConfigError::Invalid(problems)) }
    }

    fn serve_text(args: &ServeArgs, text: &str) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let file = File::parse(&[text], &mut problems)?;
        let mut config = Self::join(Mode::Serve, &args.common, file, &mut problems);
        config.database.url.clone_from(&args.database_url);
        config.admin_token.clone_from(&args.admin_token);
        config.checked(problems)
    }

    fn join(mode: Mode, args: &CommonArgs, file: File, problems: &mut Problems) -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listen = Listen {
            lsp: args.listen.or(file.listen.lsp).unwrap_or_else(|| loopback(8080)),
            admin: args.admin_listen.or(file.listen.admin).unwrap_or_else(|| loopback(8081)),
            borrower: args.borrower_listen.or(file.listen.borrower).unwrap_or_else(|| loopback(8082)),
        };
        let usual = if mode == Mode::Dev { 0 } else { DRAIN_GRACE };
        let drain_grace = args.drain_grace.or(file.listen.drain_grace_seconds).unwrap_or(usual);
        let borrower_url = match args.borrower_url.clone().or(file.borrower_url) {
            Some(url) => url,
            None if mode == Mode::Dev => format!("http://{}", listen.borrower),
            // One that could not be read has been told of already.
            None if problems.any_of("borrowerUrl") => String::new(),
            None => {
                problems.add("borrowerUrl", "is missing: borrowers read their documents there (or --borrower-url)");
                String::new()
            }
        };
        Self {
            mode,
            letterhead: file.lender.letterhead(),
            lender: file.lender,
            products: Catalogue(file.products),
            limits: file.limits,
            calendar: file.calendar,
            rules: Rules { table: file.rules, offers: file.offers },
            listen,
            borrower_url: borrower_url.trim_end_matches('/').to_owned(),
            // In `dev` they stand beside us.
            ports_url: file
                .ports_url
                .or_else(|| (mode == Mode::Dev).then(|| format!("http://{}", listen.admin)))
                .map(|url| url.trim_end_matches('/').to_owned()),
            tls: file.tls,
            proxy: file.proxy,
            rate_limits: file.rate_limits,
            delivery: file.delivery.into(),
            ports: file.ports,
            ledger: file.ledger,
            database: Database { url: None, max_connections: file.database.max_connections },
            retention: file.retention,
            keys: file.keys,
            admin_token: None,
            operators: file.operators,
            file_sha256: None,
            drain: DRAIN,
            drain_grace: Duration::from_secs(drain_grace),
            sandbox: None,
        }
    }

    /// Takes on the addresses that were in fact bound; borrowers' pages that nobody gave another address are there.
    pub fn listen_on(&mut self, listen: Listen) {
        if self.borrower_url == format!("http://{}", self.listen.borrower) {
            self.borrower_url = format!("http://{}", listen.borrower);
        }
        if self.ports_url.as_deref() == Some(&format!("http://{}", self.listen.admin)) {
            self.ports_url = Some(format!("http://{}", listen.admin));
        }
        self.listen = listen;
    }

    fn checked(self, mut problems: Problems) -> Result<Self, ConfigError> {
        check::check(&self, &mut problems);
        if problems.0.is_empty() { Ok(self) } else { Err(ConfigError::Invalid(problems)) }
    }
}

fn read(path: Option<&Path>) -> Result<String, ConfigError> {
    path.map_or_else(
        || Ok(String::new()),
        |path| fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source }),
    )
}
