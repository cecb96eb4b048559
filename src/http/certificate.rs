//! Whose certificate stands behind a request: the connection's own, or the one that a trusted proxy names.

use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::config::ProxyConfig;
use crate::tls::peer::{ClientCertificate, Peer};

/// The client's certificate. What a header says counts only from a proxy that is trusted, and then in place of the
/// proxy's own; from anybody else it is as good as absent.
#[must_use]
pub fn of(parts: &Parts, proxy: &ProxyConfig) -> Option<ClientCertificate> {
    let peer = parts.extensions.get::<Peer>()?;
    match &proxy.client_certificate_header {
        Some(header) if proxy.trusts(peer.address) => told(&parts.headers, header),
        _ => peer.certificate.clone(),
    }
}

/// A header that stands there twice may have come half from the client: it names nobody.
fn told(headers: &HeaderMap, header: &str) -> Option<ClientCertificate> {
    let mut values = headers.get_all(header).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => ClientCertificate::from_header(value.to_str().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    const FIRST: [u8; 64] = [b'a'; 64];

    fn parts(address: &str, values: &[&str]) -> Parts {
        let peer = Peer {
            address: address.parse().unwrap(),
            certificate: Some(ClientCertificate::from_der(b"the connection's own")),
        };
        let request = values.iter().fold(Request::builder().extension(peer), |r, v| r.header("Client-Cert", *v));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_header_counts_over_a_trusted_hop_only() {
        let proxy = ProxyConfig {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            client_certificate_header: Some("client-cert".to_owned()),
        };
        let hex = std::str::from_utf8(&FIRST).unwrap();
        let told = ClientCertificate::from_header(hex);
        let own = Some(ClientCertificate::from_der(b"the connection's own"));
        assert_eq!(of(&parts("10.0.0.7", &[hex]), &proxy), told);
        assert_eq!(of(&parts("192.0.2.1", &[hex]), &proxy), own, "from anybody else it is ignored");
        assert_eq!(of(&parts("10.0.0.7", &[]), &proxy), None, "the proxy's own certificate is not the client's");
        assert_eq!(of(&parts("10.0.0.7", &[hex, hex]), &proxy), None);
        assert_eq!(of(&parts("10.0.0.7", &["nonsense"]), &proxy), None);
        assert_eq!(of(&parts("10.0.0.7", &[hex]), &ProxyConfig::default()), own);
    }
}
