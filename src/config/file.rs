//! The TOML file, read section by section so that one mistake does not hide the others.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::error::{ConfigError, Problems};
use super::operators::Operator;
use super::port::PortSection;
use super::rules::{OfferVariant, Rule};
use super::{ClientTls, DeliveryConfig, KeyFiles, LedgerConfig, Lender, PortConfig, ProxyConfig, Retention, TlsConfig};
use crate::domain::calendar::WorkingDays;
use crate::domain::product::{Limits, Product};
use crate::domain::rules::DL_9_LSP_FEE;
use crate::rate::RateLimits;

/// The sections, as written.
#[derive(Debug)]
pub(super) struct File {
    pub(super) lender: Lender,
    pub(super) products: Vec<Product>,
    pub(super) limits: Limits,
    pub(super) calendar: WorkingDays,
    pub(super) rules: Vec<Rule>,
    pub(super) offers: Vec<OfferVariant>,
    pub(super) listen: ListenSection,
    pub(super) borrower_url: Option<String>,
    pub(super) ports_url: Option<String>,
    pub(super) tls: TlsConfig,
    pub(super) proxy: ProxyConfig,
    pub(super) rate_limits: RateLimits,
    pub(super) delivery: DeliverySection,
    pub(super) ports: BTreeMap<String, PortConfig>,
    pub(super) ledger: LedgerConfig,
    pub(super) database: DatabaseSection,
    pub(super) retention: Retention,
    pub(super) keys: Option<KeyFiles>,
    pub(super) operators: Vec<Operator>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListenSection {
    pub(super) lsp: Option<SocketAddr>,
    pub(super) borrower: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
    pub(super) drain_grace_seconds: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct DeliverySection {
    timeout_seconds: u64,
    allow_private_addresses: bool,
    paused: bool,
    allowed_ports: Vec<u16>,
    tls: ClientTls,
    lsp_tls: BTreeMap<String, ClientTls>,
}

impl Default for DeliverySection {
    fn default() -> Self {
        Self {
            timeout_seconds: 10,
            allow_private_addresses: false,
            paused: false,
            allowed_ports: Vec::new(),
            tls: ClientTls::default(),
            lsp_tls: BTreeMap::new(),
        }
    }
}

impl From<DeliverySection> for DeliveryConfig {
    fn from(section: DeliverySection) -> Self {
        Self {
            timeout: Duration::from_secs(section.timeout_seconds),
            allow_private_addresses: section.allow_private_addresses,
            paused: section.paused,
            allowed_ports: section.allowed_ports,
            inbox: None,
            tls: section.tls,
            lsp_tls: section.lsp_tls,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct DatabaseSection {
    pub(super) max_connections: u32,
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self { max_connections: 12 }
    }
}

impl File {
    /// Reads the texts on top of each other: a section of a later text replaces that of an earlier one.
    pub(super) fn parse(texts: &[&str], problems: &mut Problems) -> Result<Self, ConfigError> {
        let mut table = Table::new();
        for text in texts {
            let sections: Table = text.parse().map_err(|e: toml::de::Error| ConfigError::NotToml(e.to_string()))?;
            table.extend(sections);
        }
        let mut sections = Sections { table, problems };
        let file = Self {
            lender: sections.lender(),
            products: sections.list("products"),
            limits: sections.one("limits").unwrap_or_default(),
            calendar: sections.one("calendar").unwrap_or_default(),
            rules: sections.list("rules"),
            offers: sections.list("offers"),
            listen: sections.one("listen").unwrap_or_default(),
            borrower_url: sections.one("borrowerUrl"),
            ports_url: sections.one("portsUrl"),
            tls: sections.one("tls").unwrap_or_default(),
            proxy: sections.one("proxy").unwrap_or_default(),
            rate_limits: sections.one("rateLimits").unwrap_or_default(),
            delivery: sections.one("delivery").unwrap_or_default(),
            ports: sections.ports(),
            ledger: sections.one("ledger").unwrap_or_default(),
            database: sections.one("database").unwrap_or_default(),
            retention: sections.one("retention").unwrap_or_default(),
            keys: sections.one("keys"),
            operators: sections.list("operators"),
        };
        sections.refuse_the_rest();
        Ok(file)
    }
}

/// The sections not read yet.
struct Sections<'a> {
    table: Table,
    problems: &'a mut Problems,
}

impl Sections<'_> {
    fn one<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.table.remove(name)?;
        self.decode(name, value)
    }

    fn list<T: DeserializeOwned>(&mut self, name: &str) -> Vec<T> {
        match self.table.remove(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items
                .into_iter()
                .enumerate()
                .filter_map(|(i, item)| self.decode(&format!("{name}[{i}]"), item))
                .collect(),
            Some(_) => {
                self.problems.add(name, format!("must be a list: write [[{name}]]"));
                Vec::new()
            }
        }
    }

    fn decode<T: DeserializeOwned>(&mut self, member: &str, value: Value) -> Option<T> {
        serde_path_to_error::deserialize(value)
            .map_err(|error| {
                // A key that is none has no name yet: the detail has it.
                let path = error.path().to_string();
                let path = path.trim_end_matches(['?', '.']);
                let member = if path.is_empty() { member.to_owned() } else { format!("{member}.{path}") };
                // Below the first line TOML repeats the path.
                let detail = error.inner().to_string();
                let detail = detail.lines().next().unwrap_or_default();
                let for_lsp = detail.starts_with("unknown variant `LSP`");
                let detail = if for_lsp { DL_9_LSP_FEE.refusal(DL_9_LSP_FEE.text) } else { detail.to_owned() };
                self.problems.add(member, detail);
            })
            .ok()
    }

    /// An empty lender stands in for a bad one; the problem noted keeps it from being used.
    fn lender(&mut self) -> Lender {
        if !self.table.contains_key("lender") {
            self.problems.add("lender", "is missing: who lends?");
        }
        self.one("lender").unwrap_or_else(|| Lender {
            org_id: String::new(),
            name: String::new(),
            primary_id: String::new(),
            primary_id_type: String::new(),
            phone: String::new(),
            email: None,
            grievance_officer: None,
            recovery_agents: Vec::new(),
            transferable: false,
        })
    }

    fn ports(&mut self) -> BTreeMap<String, PortConfig> {
        let sections: BTreeMap<String, Value> = self.one("ports").unwrap_or_default();
        sections
            .into_iter()
            .filter_map(|(name, value)| {
                let member = format!("ports.{name}");
                let section: PortSection = self.decode(&member, value)?;
                let port = section.into_port().map_err(|detail| self.problems.add(member, detail)).ok()?;
                Some((name, port))
            })
            .collect()
    }

    fn refuse_the_rest(self) {
        for name in self.table.keys() {
            self.problems.add(name, "is no section of this file");
        }
    }
}
