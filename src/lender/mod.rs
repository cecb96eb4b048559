//! Ports to the lender's own systems: one trait, a built-in where there is one, and an HTTP adapter for each.

mod answer;
pub mod contract;
pub mod decision;
mod finding;
pub mod gate;
pub mod http;
pub mod ledger;
pub mod methods;
mod offers;
pub mod openapi;
mod question;
mod subject;
#[cfg(test)]
pub(crate) mod tests;
pub mod webhook;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::BoxFuture;
use reqwest::Client;
use sqlx::PgConnection;

use self::answer::Answer;
use self::decision::Decision;
use self::gate::{Breaker, Gate, Pass, PortHealth};
use self::http::Adapter;
use self::ledger::{Gated, LEDGER, Ledger};
use self::webhook::Keys;
use crate::clock::Clock;
use crate::config::{AdapterConfig, ClientTls, Config, PortConfig};
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, Finding, Outcome};
use crate::telemetry::trace::Span;
use crate::tls::TlsError;

/// The ports that loans need today (design §7).
pub const PORTS: [&str; 8] =
    ["decision", "data", "kyc", "agreement", "disbursement", "collections", "notifier", LEDGER];
/// The ports that we bring an answer for.
pub const BUILT_IN: [&str; 2] = ["decision", LEDGER];
/// How long a call may take to a port that has no time limit of its own, before the port is taken for dead; well inside
/// the lease of 20 s.
const PATIENCE: Duration = Duration::from_secs(12);
/// What a call may take beyond its adapter's time limit, for what comes before and after.
const MARGIN: Duration = Duration::from_secs(2);

/// One question to one of the lender's systems.
pub struct Call<'a> {
    /// The same for every try of the same question; for money the bank key.
    pub key: String,
    /// The question.
    pub ask: &'a Ask,
    /// The applications it is about, in the order of the ask's targets.
    pub subjects: &'a [Application],
    /// The password to be sent, for [`Ask::SendOtp`] only.
    pub otp: Option<String>,
    /// The other system's reference, when it was pending or unknown before.
    pub reference: Option<&'a str>,
    /// Where the outcome may be posted later, when the lender's systems can reach us.
    pub callback_url: Option<String>,
    /// The money may have left already: only its status may be asked.
    pub status_only: bool,
    /// Now, by the business clock.
    pub now: DateTime<Utc>,
    /// The lender's business date.
    pub today: NaiveDate,
    /// The call's place in its trace; an adapter hands it on as `traceparent`.
    pub span: Span,
}

impl Call<'_> {
    /// The method to call: a question that was pending, and money that may have left, ask for `status` where the
    /// port has it (design §7); any other method is simply asked again.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self.ask {
            Ask::Pay(_) | Ask::Refund(_) | Ask::Present(_) if self.status_only || self.reference.is_some() => "status",
            Ask::Kyc if self.reference.is_some() => "status",
            _ => self.ask.method(),
        }
    }
}

/// The question did not get an answer. Without money the engine simply asks again later.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Nobody answered in time.
    #[error("port {port} cannot be reached: {detail}")]
    Unreachable {
        /// Which port.
        port: &'static str,
        /// Why, without addresses or data.
        detail: String,
    },
    /// The answer was no answer to the question.
    #[error("port {port} answered {detail}")]
    BadAnswer {
        /// Which port.
        port: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// It may answer when it is asked again.
    #[error("port {port} answered {status}")]
    Later {
        /// Which port.
        port: &'static str,
        /// HTTP status: 408, 409, 425, 429 or 5xx.
        status: u16,
        /// Not before so long.
        retry_after: Option<Duration>,
    },
    /// The question cannot be asked of this port, or lacks what it is about.
    #[error("port {port} cannot take `{method}` as it was asked")]
    BadQuestion {
        /// Which port.
        port: &'static str,
        /// Which method.
        method: &'static str,
    },
    /// A simulated system lost its memory.
    #[error("port {port}: {source}")]
    Storage {
        /// Which port.
        port: &'static str,
        /// Why.
        source: sqlx::Error,
    },
}

impl PortError {
    /// The question does not belong to this port, or its subject is missing.
    #[must_use]
    pub fn bad_question(ask: &Ask) -> Self {
        Self::BadQuestion { port: ask.port(), method: ask.method() }
    }
}

/// One of the lender's systems.
pub trait Port: Send + Sync {
    /// Asks. Repeating a call with the same key changes nothing beyond the first.
    ///
    /// # Errors
    /// [`PortError`] when there is no answer. For a money call that means no more than [`Outcome::Unknown`].
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>>;

    /// The preliminary check of a new application, if the port can make it at once from the application alone. The
    /// finding is the one that [`Port::call`] would give.
    fn check_at_once(&self, application: &Application, today: NaiveDate) -> Option<Finding> {
        let _ = (application, today);
        None
    }

    /// Whether the port is a simulated system that keeps its memory of such questions in our own database. Then the
    /// question, its answer and what follows from it may be one transaction.
    fn is_here(&self, ask: &Ask) -> bool {
        let _ = ask;
        false
    }

    /// Like [`Port::call`], but inside the caller's transaction: if that rolls back, the question was never asked. Only
    /// for questions for which [`Port::is_here`] holds.
    ///
    /// # Errors
    /// As [`Port::call`]; after [`PortError::Storage`] the transaction is to be rolled back.
    fn call_here<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move {
            let _ = conn;
            Err(PortError::bad_question(call.ask))
        })
    }
}

/// Why the ports cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum PortsError {
    /// Neither adapter nor built-in nor simulation.
    #[error("port {0} has neither an adapter nor a built-in")]
    Missing(&'static str),
    /// The HTTP client cannot be made.
    #[error("the HTTP client for the ports cannot be made: {0}")]
    Client(#[from] TlsError),
}

/// All of the lender's systems.
pub struct Ports {
    asked: BTreeMap<&'static str, Connected>,
    /// None when the book is the general ledger: nothing is sent then.
    ledger: Option<Arc<dyn Ledger>>,
    /// Before the ledger, where that is an adapter.
    ledger_edge: Option<(Arc<Adapter>, Arc<Gate>)>,
}

/// One of the lender's systems, and what stands before it where that is an adapter.
struct Connected {
    port: Arc<dyn Port>,
    adapter: Option<Edge>,
}

struct Edge {
    adapter: Arc<Adapter>,
    gate: Arc<Gate>,
    keys: Keys,
    timeout: Duration,
    max_concurrency: usize,
}

impl Ports {
    /// Sets up each port as configured; `simulated` fills in for those the configuration does not mention, and
    /// gives nothing outside `dev`.
    ///
    /// # Errors
    /// [`PortsError`]; [`Config::serve`] reports missing ports before this does.
    pub fn new(
        config: &Config,
        clock: &Clock,
        simulated: impl Fn(&'static str) -> Option<Arc<dyn Port>>,
    ) -> Result<Self, PortsError> {
        let client = http::client(&ClientTls::default())?;
        let mut ports = BTreeMap::new();
        for name in PORTS.into_iter().filter(|name| *name != LEDGER) {
            let connected = match config.ports.get(name) {
                Some(PortConfig::Adapter(config)) => {
                    let adapter = Arc::new(Adapter::new(equipped(&client, config)?, config, clock.clone()));
                    let edge = Edge {
                        adapter: Arc::clone(&adapter),
                        gate: Arc::new(Gate::new(name, config)),
                        keys: Keys::new(&config.secrets),
                        timeout: config.timeout,
                        max_concurrency: config.max_concurrency,
                    };
                    Connected { port: adapter, adapter: Some(edge) }
                }
                Some(PortConfig::BuiltIn) | None => {
                    Connected { port: within(config, name, &simulated)?, adapter: None }
                }
            };
            ports.insert(name, connected);
        }
        let mut all = Self { asked: ports, ledger: None, ledger_edge: None };
        if let Some(PortConfig::Adapter(config)) = config.ports.get(LEDGER) {
            let gate = Arc::new(Gate::new(LEDGER, config));
            let adapter = Arc::new(Adapter::new(equipped(&client, config)?, config, clock.clone()));
            let ledger = Arc::clone(&adapter) as Arc<dyn Ledger>;
            all.ledger = Some(Arc::new(Gated { ledger, gate: Arc::clone(&gate) }));
            all.ledger_edge = Some((adapter, gate));
        }
        Ok(all)
    }

    /// The same with a general ledger that the configuration does not name: a simulated one.
    #[must_use]
    pub fn with_ledger(self, ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger: Some(ledger), ledger_edge: None, ..self }
    }

    /// The lender's general ledger; none when our own book is the ledger.
    #[must_use]
    pub fn ledger(&self) -> Option<&dyn Ledger> {
        self.ledger.as_deref()
    }

    /// The port that a question goes to.
    #[must_use]
    pub fn of(&self, ask: &Ask) -> &dyn Port {
        self.asked.get(ask.port()).map_or(&Absent, |connected| &*connected.port)
    }

    fn edge(&self, port: &str) -> Option<&Edge> {
        self.asked.get(port)?.adapter.as_ref()
    }

    /// Lets a question out, or not now: its port rests or is busy enough.
    #[must_use]
    pub fn enter(&self, ask: &Ask) -> Option<Pass> {
        self.edge(ask.port()).map_or_else(|| Some(Pass::free()), |edge| edge.gate.enter())
    }

    /// Ports that take no question now.
    #[must_use]
    pub fn held(&self) -> Vec<String> {
        let held = self.asked.iter().filter(|(_, port)| port.adapter.as_ref().is_some_and(|edge| edge.gate.is_held()));
        held.map(|(name, _)| (*name).to_owned()).collect()
    }

    /// Ports whose system failed so often that its breaker is not closed.
    #[must_use]
    pub fn resting(&self) -> Vec<&'static str> {
        let open = |edge: &Edge| edge.gate.health().breaker != Breaker::Closed;
        let resting = self.asked.iter().filter(|(_, port)| port.adapter.as_ref().is_some_and(open));
        resting.map(|(name, _)| *name).collect()
    }

    /// How long a question may take before its port is taken for dead.
    #[must_use]
    pub fn patience(&self, ask: &Ask) -> Duration {
        self.edge(ask.port()).map_or(PATIENCE, |edge| edge.timeout + MARGIN)
    }

    /// Calls that all adapters together may have under way.
    #[must_use]
    pub fn budget(&self) -> usize {
        self.asked.values().filter_map(|port| port.adapter.as_ref()).map(|edge| edge.max_concurrency).sum()
    }

    /// How the adapters are, by name of their ports.
    #[must_use]
    pub fn health(&self) -> Vec<PortHealth> {
        let asked = self.asked.values().filter_map(|port| port.adapter.as_ref()).map(|edge| edge.gate.health());
        asked.chain(self.ledger_edge.iter().map(|(_, gate)| gate.health())).collect()
    }

    fn adapters(&self) -> impl Iterator<Item = &Arc<Adapter>> {
        let asked = self.asked.values().filter_map(|port| port.adapter.as_ref()).map(|edge| &edge.adapter);
        asked.chain(self.ledger_edge.iter().map(|(adapter, _)| adapter))
    }

    /// The files of certificates that adapters were made from.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.adapters().flat_map(|adapter| adapter.files()).collect()
    }

    /// Reads those files again.
    pub fn reload(&self) {
        self.adapters().for_each(|adapter| adapter.reload());
    }

    /// The secrets shared with the adapter of a port; none when the port has no adapter.
    #[must_use]
    pub fn keys(&self, port: &str) -> Option<&Keys> {
        self.edge(port).map(|edge| &edge.keys)
    }
}

/// The client of an adapter: the one of all, unless it has certificates of its own.
fn equipped(common: &Client, adapter: &AdapterConfig) -> Result<Client, TlsError> {
    if *adapter.tls == ClientTls::default() { Ok(common.clone()) } else { http::client(&adapter.tls) }
}

/// A port that is no adapter.
fn within(
    config: &Config,
    name: &'static str,
    simulated: impl Fn(&'static str) -> Option<Arc<dyn Port>>,
) -> Result<Arc<dyn Port>, PortsError> {
    match simulated(name) {
        Some(port) => Ok(port),
        None if name == "decision" => Ok(Arc::new(Decision::new(config.products.clone(), config.rules.clone()))),
        None => Err(PortsError::Missing(name)),
    }
}

/// Reads an outcome that came later, as the answer to a question.
///
/// # Errors
/// Why it is none, repeating nothing of it.
pub fn later_outcome(ask: &Ask, body: &[u8]) -> Result<Outcome, String> {
    Answer::read(body)?.outcome(ask).and_then(|outcome| http::arrived(ask, outcome))
}

/// Stands where a port is missing; [`Ports::new`] lets that happen for no known one.
struct Absent;

impl Port for Absent {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move { Err(PortError::bad_question(call.ask)) })
    }
}
