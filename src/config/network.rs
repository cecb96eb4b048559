//! Networks of addresses, as the configuration and LSPs' registrations write them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Bits before the address in an IPv4 address that is mapped into IPv6.
const V4_PREFIX: u32 = 96;

/// Addresses that begin alike, e.g. `10.0.0.0/8`; a single one is the longest prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    bits: u128,
    mask: u128,
}

/// A text that is no [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an address or a network like 10.0.0.0/8")]
pub struct NotANetwork;

impl Network {
    /// Whether every address belongs to it.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.contains(IpAddr::from([0, 0, 0, 0])) && self.contains(IpAddr::from([255, 255, 255, 255])) || self.mask == 0
    }

    /// Whether an address belongs to it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        as_v6(address) & self.mask == self.bits
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.trim().parse().map_err(|_| NotANetwork)?;
        let size: u32 = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(size), |length| length.trim().parse().map_err(|_| NotANetwork))?;
        if length > size {
            return Err(NotANetwork);
        }
        // As many bits at the end are free as the prefix leaves; none may be fixed there by mistake.
        let mask = u128::MAX.checked_shl(size - length).unwrap_or(0);
        let bits = as_v6(address);
        if bits & mask == bits { Ok(Self { bits, mask }) } else { Err(NotANetwork) }
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Ipv6Addr::from_bits(self.bits);
        let length = self.mask.leading_ones();
        match address.to_ipv4_mapped() {
            Some(address) if length >= V4_PREFIX => write!(f, "{address}/{}", length - V4_PREFIX),
            _ => write!(f, "{address}/{length}"),
        }
    }
}

/// IPv4 in the form in which a socket for both families shows it.
fn as_v6(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_in_both_spellings() {
        let holds =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(holds("10.1.2.3", "10.1.2.3") && !holds("10.1.2.3", "10.1.2.4") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "2001:db8::1"));
        for text in ["10.0.0.0/8", "10.1.2.3/32", "fd00::/8", "::/0", "0.0.0.0/0"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for text in ["", "10.0.0.0/33", "10.0.0.1/8", "10.0.0", "host", "10.0.0.0/-1", "::/129"] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }
}
