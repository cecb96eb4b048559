//! Which addresses a callback may go to (design §10): in `serve` public ones only, unless configured otherwise.
//!
//! A name is resolved once for each connection, every address that is not public is dropped, and the connection goes to
//! one of those that are left: what a name answers the next time changes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures_util::FutureExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Url, dns};

/// An address that callbacks never go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the callback address is private, local or reserved")]
pub struct RefusedAddress;

/// Whether an address belongs to the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, shared (RFC 6598), IETF protocols, benchmarks, multicast and reserved (RFC 6890).
        (0 | 224.., ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _) => true,
        // 6to4 relays (RFC 7526).
        (192, 88, 99) => true,
        _ => false,
    };
    !(special || address.is_private() || address.is_loopback() || address.is_link_local() || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = embedded_v4(address) {
        return is_public_v4(mapped);
    }
    let [first, second, ..] = address.segments();
    // Global unicast is 2000::/3 (RFC 4291 §2.4); 2001::/23 and 2001:db8::/32 in it are special (RFC 6890), and
    // 3fff::/20 is documentation (RFC 9637).
    (first & 0xe000) == 0x2000
        && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        && !(first == 0x3fff && second < 0x1000)
}

/// The IPv4 address that packets to a mapped, translated (RFC 6052) or 6to4 (RFC 3056) address end at.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0x2002, high, low, ..] => Some(join(high, low)),
        // The well-known prefix alone: 64:ff9b:1::/48 beside it is for translation inside a network (RFC 8215).
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => Some(join(high, low)),
        _ => address.to_ipv4_mapped(),
    }
}

/// What a callback's URL must be, whoever registered it and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether it may go to private addresses.
    pub private_addresses: bool,
    /// Ports that it may go to; empty allows every one.
    pub ports: Vec<u16>,
}

/// A URL that callbacks never go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUrl {
    /// Where it leads.
    #[error(transparent)]
    Address(#[from] RefusedAddress),
    /// Its port.
    #[error("port {0} is not one that callbacks may go to")]
    Port(u16),
    /// What else it is.
    #[error("the callback address must be http or https, with a host and without a user")]
    Form,
}

impl Policy {
    /// Whether a callback may go there, as far as the URL tells; names are checked when they are resolved.
    ///
    /// # Errors
    /// [`RefusedUrl`].
    pub fn check(&self, url: &Url) -> Result<(), RefusedUrl> {
        let has_user = !url.username().is_empty() || url.password().is_some();
        let port = url.port_or_known_default().filter(|_| matches!(url.scheme(), "http" | "https"));
        let (Some(port), false) = (port, has_user) else {
            return Err(RefusedUrl::Form);
        };
        if !self.ports.is_empty() && !self.ports.contains(&port) {
            return Err(RefusedUrl::Port(port));
        }
        if !self.private_addresses {
            check_literal(url)?;
        }
        Ok(())
    }
}

/// Refuses a URL that names a forbidden address literally; names are checked when they are resolved.
///
/// # Errors
/// [`RefusedAddress`].
pub fn check_literal(url: &Url) -> Result<(), RefusedAddress> {
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    // A dot at the end means the same name from the root of all names.
    let name = host.trim_end_matches('.');
    let local_name = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    match literal {
        Ok(address) if !is_public(address) => Err(RefusedAddress),
        Err(_) if local_name => Err(RefusedAddress),
        _ => Ok(()),
    }
}

/// Resolves names and drops every address that is not public, so that a name cannot point inside.
#[derive(Clone)]
pub struct PublicOnly(Arc<dyn Resolve>);

impl PublicOnly {
    /// What remains of another resolver's answers.
    #[must_use]
    pub fn of(resolver: Arc<dyn Resolve>) -> Self {
        Self(resolver)
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.0.resolve(name);
        async move {
            let public: Vec<SocketAddr> = found.await?.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(Box::new(RefusedAddress).into());
            }
            let addresses: dns::Addrs = Box::new(public.into_iter());
            Ok::<Addrs, Box<dyn std::error::Error + Send + Sync>>(addresses)
        }
        .boxed()
    }
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses: dns::Addrs = Box::new(found.into_iter());
            Ok::<Addrs, Box<dyn std::error::Error + Send + Sync>>(addresses)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for text in ["8.8.8.8", "203.0.112.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
            "64:ff9b:1::808:808",
            "::ffff:0:808:808",
            "3fff::1",
            "5f00::1",
            "ff0e::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn literal_addresses_are_seen_in_every_spelling() {
        let refused = |text| check_literal(&Url::parse(text).unwrap()).is_err();
        for text in
            ["http://127.1/x", "http://0x7f000001/", "http://[::1]:80/", "https://LOCALHOST./", "http://a.localhost"]
        {
            assert!(refused(text), "{text}");
        }
        assert!(!refused("https://lsp.example/base"));
        assert!(!refused("https://8.8.8.8/base"));
    }

    #[test]
    fn a_url_is_checked_whole() {
        let policy = Policy { private_addresses: false, ports: vec![443] };
        let check = |text: &str| policy.check(&Url::parse(text).unwrap());
        assert_eq!(check("https://lsp.example/base"), Ok(()));
        assert_eq!(check("https://lsp.example:443/base"), Ok(()));
        assert_eq!(check("https://lsp.example:8443/"), Err(RefusedUrl::Port(8443)));
        assert_eq!(check("http://lsp.example/"), Err(RefusedUrl::Port(80)));
        assert_eq!(check("https://lsp.example@10.0.0.1/"), Err(RefusedUrl::Form));
        assert_eq!(check("https://:secret@lsp.example/"), Err(RefusedUrl::Form));
        assert_eq!(check("file:///etc/passwd"), Err(RefusedUrl::Form));
        assert_eq!(check("gopher://lsp.example/"), Err(RefusedUrl::Form));
        assert_eq!(check("https://[::ffff:10.0.0.1]/"), Err(RefusedUrl::Address(RefusedAddress)));
    }
}
