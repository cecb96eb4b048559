//! Ports to the lender's own systems: one trait, a built-in where there is one, and an HTTP adapter for each.

mod answer;
pub mod decision;
pub mod http;
mod offers;
mod question;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::BoxFuture;

use self::decision::Decision;
use self::http::Adapter;
use crate::clock::Clock;
use crate::config::{Config, PortConfig};
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, Finding, Outcome};

/// The ports that loans need today (design §7).
pub const PORTS: [&str; 7] = ["decision", "data", "kyc", "agreement", "disbursement", "collections", "notifier"];
/// The ports that we bring an answer for.
pub const BUILT_IN: [&str; 1] = ["decision"];

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
    /// The money may have left already: only its status may be asked.
    pub status_only: bool,
    /// Now, by the business clock.
    pub now: DateTime<Utc>,
    /// The lender's business date.
    pub today: NaiveDate,
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
    /// [`PortError`] when there is no answer; never for a money call, which is then [`Outcome::Unknown`].
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>>;

    /// The preliminary check of a new application, where it takes no asking: the same finding as [`Port::call`] would
    /// give, from nothing but the application.
    fn check_at_once(&self, application: &Application, today: NaiveDate) -> Option<Finding> {
        let _ = (application, today);
        None
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
    Client(#[from] reqwest::Error),
}

/// All of the lender's systems.
pub struct Ports(BTreeMap<&'static str, Arc<dyn Port>>);

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
        let client = http::client()?;
        let mut ports = BTreeMap::new();
        for name in PORTS {
            let port: Arc<dyn Port> = match config.ports.get(name) {
                Some(PortConfig::Adapter { url, secret }) => {
                    Arc::new(Adapter::new(client.clone(), url, secret, clock.clone()))
                }
                Some(PortConfig::BuiltIn) | None => match simulated(name) {
                    Some(port) => port,
                    None if name == "decision" => {
                        Arc::new(Decision::new(config.products.clone(), config.rules.clone()))
                    }
                    None => return Err(PortsError::Missing(name)),
                },
            };
            ports.insert(name, port);
        }
        Ok(Self(ports))
    }

    /// The port that a question goes to.
    #[must_use]
    pub fn of(&self, ask: &Ask) -> &dyn Port {
        self.0.get(ask.port()).map_or(&Absent, |port| &**port)
    }
}

/// Stands where a port is missing; [`Ports::new`] lets that happen for no known one.
struct Absent;

impl Port for Absent {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move { Err(PortError::bad_question(call.ask)) })
    }
}
