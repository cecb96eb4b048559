//! The client certificate of a request: from its own connection, or told by a proxy that is trusted.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use serde::{Deserialize, Serialize};

/// Longest header that is read, in bytes; a certificate has one to four thousand.
const MAX_HEADER: usize = 32 * 1024;
/// What stands before a name in a [`Binding`].
const NAME_PREFIX: &str = "dns:";

/// Who is at the other end of a connection; carried as an extension of its requests.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// The certificate that it showed, verified against the listener's authorities.
    pub certificate: Option<ClientCertificate>,
}

/// A client's certificate, verified by us or by the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    fingerprint: [u8; 32],
    /// Absent when the proxy tells the fingerprint only.
    der: Option<Arc<[u8]>>,
}

impl ClientCertificate {
    /// A certificate in DER.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Self {
        Self { fingerprint: sha256(der), der: Some(der.into()) }
    }

    /// What a proxy wrote into a header: RFC 9440 (`:base64:`), PEM with or without percent encoding, base64 of the
    /// DER, or the SHA-256 fingerprint in hex.
    #[must_use]
    pub fn from_header(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > MAX_HEADER {
            return None;
        }
        if let Some(fingerprint) = fingerprint(text) {
            return Some(Self { fingerprint, der: None });
        }
        let der = if text.contains("BEGIN") {
            let pem = percent_decoded(text)?;
            CertificateDer::from_pem_slice(&pem).ok()?.to_vec()
        } else {
            STANDARD.decode(text.strip_prefix(':').and_then(|text| text.strip_suffix(':')).unwrap_or(text)).ok()?
        };
        // Anything decodes from base64; a certificate it must be.
        ParsedCertificate::try_from(&CertificateDer::from(der.as_slice())).ok()?;
        Some(Self::from_der(&der))
    }

    /// Whether it is the one that a binding means.
    #[must_use]
    pub fn fits(&self, binding: &Binding) -> bool {
        match &binding.0 {
            Meant::Fingerprint(fingerprint) => *fingerprint == self.fingerprint,
            Meant::Name(name) => self.is_for(name),
        }
    }

    /// Whether a subject alternative name of it is this DNS name.
    fn is_for(&self, name: &str) -> bool {
        let Some(der) = &self.der else {
            return false;
        };
        let der = CertificateDer::from(&der[..]);
        let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(&der), ServerName::try_from(name)) else {
            return false;
        };
        verify_server_name(&parsed, &name).is_ok()
    }
}

/// A client certificate that an LSP may use: the SHA-256 fingerprint in hex, or `dns:` and one of its subject
/// alternative names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Binding(Meant);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meant {
    Fingerprint([u8; 32]),
    Name(String),
}

/// A text that is no [`Binding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a SHA-256 fingerprint in hex, or `dns:` and a name of the certificate")]
pub struct NotABinding;

impl FromStr for Binding {
    type Err = NotABinding;

    fn from_str(text: &str) -> Result<Self, NotABinding> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix(NAME_PREFIX) {
            let is_name = matches!(ServerName::try_from(name), Ok(ServerName::DnsName(_)));
            return is_name.then(|| Self(Meant::Name(name.to_ascii_lowercase()))).ok_or(NotABinding);
        }
        fingerprint(text).map(|fingerprint| Self(Meant::Fingerprint(fingerprint))).ok_or(NotABinding)
    }
}

impl TryFrom<String> for Binding {
    type Error = NotABinding;

    fn try_from(text: String) -> Result<Self, NotABinding> {
        text.parse()
    }
}

impl From<Binding> for String {
    fn from(binding: Binding) -> Self {
        binding.to_string()
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Meant::Name(name) => write!(f, "{NAME_PREFIX}{name}"),
            Meant::Fingerprint(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// 32 bytes in hex, with colons or without.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    let mut out = [0; 32];
    hex::decode_to_slice(digits, &mut out).ok().map(|()| out)
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        out.push((digit()? << 4) | digit()?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(name: &str) -> rcgen::Certificate {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap()
    }

    #[test]
    fn a_proxy_may_write_the_certificate_in_any_usual_way() {
        let made = certificate("lsp.example");
        let expected = ClientCertificate::from_der(made.der());
        let base64 = STANDARD.encode(made.der());
        let escaped = made.pem().replace(' ', "%20").replace('\n', "%0A").replace('+', "%2B");
        for text in [format!(":{base64}:"), base64, escaped, made.pem()] {
            assert_eq!(ClientCertificate::from_header(&text), Some(expected.clone()), "{text}");
        }
        let fingerprint: Binding = "AB".repeat(32).parse().unwrap();
        assert!(ClientCertificate::from_header(&"ab:".repeat(32)).unwrap().fits(&fingerprint));
        for text in ["", ":AAAA:", "::", "abcd", "-----BEGIN CERTIFICATE-----", "%", &"ab".repeat(33)] {
            assert_eq!(ClientCertificate::from_header(text), None, "{text}");
        }
    }

    #[test]
    fn a_binding_means_one_certificate_or_one_name() {
        let (mine, other) = (certificate("lsp.example"), certificate("evil.example"));
        let fits = |made: &rcgen::Certificate, binding: &str| {
            ClientCertificate::from_der(made.der()).fits(&binding.parse::<Binding>().unwrap())
        };
        let fingerprint = Binding(Meant::Fingerprint(sha256(mine.der()))).to_string();
        assert!(fits(&mine, "dns:LSP.example") && fits(&mine, &fingerprint));
        assert!(!fits(&other, "dns:lsp.example") && !fits(&other, &fingerprint));
        for text in ["", "dns:", "dns:a b", "lsp.example", "sha256", "dns:127.0.0.1"] {
            assert_eq!(text.parse::<Binding>(), Err(NotABinding), "{text}");
        }
    }
}
