//! What the configuration says about TLS and about proxies before the server.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::network::Network;
use super::{Config, PortConfig};

/// `[tls]`: certificates of the listeners; one that has none speaks plain HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsConfig {
    /// For LSPs.
    pub lsp: Option<ListenerTls>,
    /// For operators.
    pub admin: Option<ListenerTls>,
    /// For borrowers, who have no certificates.
    pub borrower: Option<PlainTls>,
}

/// A listener's certificate, and whose client certificates it takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerTls {
    /// Certificate chain in PEM, the listener's own first.
    pub cert_file: PathBuf,
    /// Its private key in PEM.
    pub key_file: PathBuf,
    /// Authorities of client certificates in PEM; without it no client is asked for one.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
    /// Revocation lists of those authorities in PEM; with it a client whose authority has no list there is refused.
    #[serde(default)]
    pub client_crl_file: Option<PathBuf>,
    /// Whether a client without a certificate is let in; required where it is not said.
    #[serde(default)]
    pub client_certificates: Option<Asked>,
}

/// A listener's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlainTls {
    /// Certificate chain in PEM, the listener's own first.
    pub cert_file: PathBuf,
    /// Its private key in PEM.
    pub key_file: PathBuf,
}

impl From<PlainTls> for ListenerTls {
    fn from(PlainTls { cert_file, key_file }: PlainTls) -> Self {
        Self { cert_file, key_file, client_ca_file: None, client_crl_file: None, client_certificates: None }
    }
}

impl Config {
    /// Listeners that speak TLS, by the setting that says so.
    #[must_use]
    pub fn listener_tls(&self) -> Vec<(&'static str, ListenerTls)> {
        let TlsConfig { lsp, admin, borrower } = self.tls.clone();
        let listeners = [("tls.lsp", lsp), ("tls.admin", admin), ("tls.borrower", borrower.map(ListenerTls::from))];
        listeners.into_iter().filter_map(|(member, listener)| Some((member, listener?))).collect()
    }

    /// What is shown to and believed of those whom we call, by the setting that says so.
    #[must_use]
    pub fn client_tls(&self) -> Vec<(String, &ClientTls)> {
        let mut all = vec![("delivery.tls".to_owned(), &self.delivery.tls)];
        all.extend(self.delivery.lsp_tls.iter().map(|(lsp, tls)| (format!("delivery.lspTls.{lsp}"), tls)));
        all.extend(self.ports.iter().filter_map(|(name, port)| match port {
            PortConfig::Adapter(adapter) => Some((format!("ports.{name}.tls"), &*adapter.tls)),
            PortConfig::BuiltIn => None,
        }));
        all
    }
}

/// How client certificates are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Asked {
    /// Nobody comes in without one.
    #[default]
    Required,
    /// Who shows one must show a good one.
    Optional,
}

/// A certificate of ours and authorities for what we call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientTls {
    /// Authorities of the other side in PEM.
    pub ca_file: Option<PathBuf>,
    /// Certificate chain of ours in PEM.
    pub cert_file: Option<PathBuf>,
    /// Its private key in PEM.
    pub key_file: Option<PathBuf>,
}

/// `[proxy]`: who stands before the server and may say what it has checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProxyConfig {
    /// Addresses of proxies, singly or as networks; a header of anybody else counts for nothing.
    pub trusted_proxies: Vec<Network>,
    /// Header in which a proxy hands on the client's certificate, e.g. `Client-Cert` (RFC 9440).
    pub client_certificate_header: Option<String>,
}

impl ProxyConfig {
    /// Whether a connection comes from a proxy that is trusted.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }
}
