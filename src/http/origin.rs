//! Who stands behind a request: the other end of its connection, or whom a trusted proxy names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::config::ProxyConfig;
use crate::tls::peer::{ClientCertificate, Peer};

/// Each proxy adds the address that it was called from at the end.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Who calls from an address that cannot be read.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The client's address and certificate. What headers say counts only from a proxy that is trusted, and then in place of
/// the proxy's own; from anybody else it is as good as absent.
#[must_use]
pub fn of(parts: &Parts, proxy: &ProxyConfig) -> Option<Peer> {
    let peer = parts.extensions.get::<Peer>()?;
    if !proxy.trusts(peer.address) {
        return Some(peer.clone());
    }
    let certificate = match &proxy.client_certificate_header {
        Some(header) => told(&parts.headers, header),
        None => peer.certificate.clone(),
    };
    Some(Peer { address: forwarded_for(&parts.headers, proxy).unwrap_or(peer.address), certificate })
}

/// Whose room a request takes while nobody knows yet who sends it: the client's neighbourhood. None where a trusted proxy
/// does not say for whom it calls, because it calls for many.
#[must_use]
pub fn sender(parts: &Parts, proxy: &ProxyConfig) -> Option<IpAddr> {
    let peer = parts.extensions.get::<Peer>()?;
    if !proxy.trusts(peer.address) {
        return Some(neighbourhood(peer.address));
    }
    forwarded_for(&parts.headers, proxy).map(neighbourhood)
}

/// The addresses that one party has for the asking: in IPv6 whoever has one has 2^64 of them.
#[must_use]
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

/// The last address that is no trusted proxy's: what stands before it the client may have written. What is no address ends
/// the search, and the client is nobody's neighbour; a request without the header is the proxy's own.
fn forwarded_for(headers: &HeaderMap, proxy: &ProxyConfig) -> Option<IpAddr> {
    let lines = headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or("?"));
    let chain: Vec<Option<IpAddr>> = lines.flat_map(|line| line.split(',')).map(address).collect();
    let client = chain.into_iter().rev().find(|address| address.is_none_or(|address| !proxy.trusts(address)))?;
    Some(client.unwrap_or(NOBODY))
}

/// An address as proxies write it: bare, in brackets, or with the port behind it.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
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

    fn certificate(parts: &Parts, proxy: &ProxyConfig) -> Option<ClientCertificate> {
        of(parts, proxy)?.certificate
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
        assert_eq!(certificate(&parts("10.0.0.7", &[hex]), &proxy), told);
        assert_eq!(certificate(&parts("192.0.2.1", &[hex]), &proxy), own, "from anybody else it is ignored");
        assert_eq!(
            certificate(&parts("10.0.0.7", &[]), &proxy),
            None,
            "the proxy's own certificate is not the client's"
        );
        assert_eq!(certificate(&parts("10.0.0.7", &[hex, hex]), &proxy), None);
        assert_eq!(certificate(&parts("10.0.0.7", &["nonsense"]), &proxy), None);
        assert_eq!(certificate(&parts("10.0.0.7", &[hex]), &ProxyConfig::default()), own);
    }

    #[test]
    fn an_address_counts_over_trusted_hops_only() {
        let trusted = vec!["10.0.0.0/8".parse().unwrap()];
        let proxy = ProxyConfig { trusted_proxies: trusted, client_certificate_header: None };
        let address = |from: &str, chain: &[&str]| {
            let peer = Peer { address: from.parse().unwrap(), certificate: None };
            let request = chain.iter().fold(Request::builder().extension(peer), |r, v| r.header("X-Forwarded-For", *v));
            of(&request.body(()).unwrap().into_parts().0, &proxy).unwrap().address.to_string()
        };
        assert_eq!(address("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "from anybody else it is ignored");
        assert_eq!(address("10.0.0.7", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            address("10.0.0.7", &["203.0.113.9, 198.51.100.7, 10.0.0.8"]),
            "198.51.100.7",
            "the client's own word"
        );
        assert_eq!(address("10.0.0.7", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7", "in two headers");
        assert_eq!(address("10.0.0.7", &["198.51.100.7, nonsense"]), "0.0.0.0", "nobody is named");
        assert_eq!(address("10.0.0.7", &["203.0.113.9", "\u{e9}, 198.51.100.7"]), "0.0.0.0", "nor by what is no text");
        assert_eq!(address("10.0.0.7", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(address("10.0.0.7", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(address("10.0.0.7", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(address("10.0.0.7", &[]), "10.0.0.7");
    }

    #[test]
    fn room_is_shared_by_neighbourhoods_and_a_proxy_that_names_nobody_has_none() {
        let trusted = vec!["10.0.0.0/8".parse().unwrap()];
        let proxy = ProxyConfig { trusted_proxies: trusted, client_certificate_header: None };
        let of = |from: &str, chain: &[&str]| {
            let peer = Peer { address: from.parse().unwrap(), certificate: None };
            let request = chain.iter().fold(Request::builder().extension(peer), |r, v| r.header("X-Forwarded-For", *v));
            sender(&request.body(()).unwrap().into_parts().0, &proxy).map(|address| address.to_string())
        };
        assert_eq!(of("192.0.2.1", &["198.51.100.7"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(of("10.0.0.7", &["203.0.113.9, 198.51.100.7"]).as_deref(), Some("198.51.100.7"));
        assert_eq!(of("10.0.0.7", &["nonsense"]).as_deref(), Some("0.0.0.0"), "all of those together");
        assert_eq!(of("10.0.0.7", &[]), None);
        assert_eq!(of("2001:db8:1:2:3:4:5:6", &[]).as_deref(), Some("2001:db8:1:2::"));
        assert_eq!(of("::ffff:192.0.2.1", &[]).as_deref(), Some("192.0.2.1"));
    }
}
