//! Addresses of rules and of clients.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use crate::InvalidNetworkRule;

/// How many bits stand before the IPv4 address in an IPv6 address that holds one.
const MAPPED_BITS: u8 = 96;

/// What a rule is about: an address or a range, as somebody typed it, and what that means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleAddress {
    typed: String,
    network: IpNet,
}

impl RuleAddress {
    /// Reads an IPv4 or IPv6 address, or a range of them as `address/bits`. The text stays as it is,
    /// without the blanks around it; bits of the host may be set.
    pub fn parse(text: &str) -> Result<Self, InvalidNetworkRule> {
        let typed = text.trim();
        let network = network(typed).ok_or(InvalidNetworkRule::Address)?;
        Ok(Self { typed: typed.to_owned(), network })
    }

    /// What was typed.
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The addresses that are meant, each range from its first to its last one. No two overlap. Those of
    /// clients are meant in their canonical form.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> + use<> {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let other_loopback = self.network.contains(&IpAddr::V6(Ipv6Addr::LOCALHOST));
        let own = (self.network.network(), self.network.broadcast());
        [own].into_iter().chain(other_loopback.then_some((loopback, loopback)))
    }

    /// Whether a client at this address is meant.
    pub fn matches(&self, client: IpAddr) -> bool {
        let client = canonical(client);
        let loopback = client == IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.network.contains(&client)
            || (loopback && self.network.contains(&IpAddr::V6(Ipv6Addr::LOCALHOST)))
    }
}

impl fmt::Display for RuleAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

fn network(text: &str) -> Option<IpNet> {
    let Some((address, bits)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(|address| IpNet::from(canonical(address)));
    };
    let address: IpAddr = address.parse().ok()?;
    let plain = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    let bits: u8 = bits.parse().ok().filter(|_| plain)?;
    let mapped = match address {
        IpAddr::V6(address) if bits >= MAPPED_BITS => address.to_ipv4_mapped(),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    };
    match mapped {
        Some(address) => Ipv4Net::new(address, bits - MAPPED_BITS).ok().map(IpNet::V4),
        None => IpNet::new(address, bits).ok(),
    }
}

/// An IPv4 address in IPv6 is its IPv4 address, and the loopback of IPv6 is that of IPv4.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(Ipv6Addr::LOCALHOST) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        address => address,
    }
}

/// Reads a client's address, with or without a port and brackets: `192.0.2.1`, `192.0.2.1:80`,
/// `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
pub fn client_address(text: &str) -> Result<IpAddr, InvalidNetworkRule> {
    let text = text.trim();
    let read = || {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            return address.parse::<Ipv6Addr>().ok().filter(|_| port_fits).map(IpAddr::V6);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(address);
        }
        let (address, port) = text.split_once(':')?;
        address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4)
    };
    read().map(canonical).ok_or(InvalidNetworkRule::Address)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(rule: &str, client: &str) -> bool {
        RuleAddress::parse(rule).unwrap().matches(client.parse().unwrap())
    }

    #[test]
    fn what_is_typed_stays_and_is_matched_by_what_it_means() {
        let typed = RuleAddress::parse(" 10.1.2.3/8 ").unwrap();
        assert_eq!(typed.as_str(), "10.1.2.3/8");
        for (rule, client, expected) in [
            ("10.1.2.3/8", "10.200.0.1", true),
            ("10.1.2.3/8", "11.0.0.1", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("::ffff:192.0.2.0/120", "192.0.2.77", true),
            ("::ffff:192.0.2.0/120", "192.0.3.1", false),
            ("2001:db8::/32", "2001:db8:1::2", true),
            ("2001:DB8::1", "2001:db8:0:0::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.1", false),
            ("::1", "127.0.0.1", true),
            ("127.0.0.1", "::1", true),
            ("127.0.0.0/8", "::1", true),
            ("::/64", "127.0.0.1", true),
            ("::1", "127.0.0.2", false),
        ] {
            assert_eq!(matches(rule, client), expected, "{rule} {client}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in [
            "",
            " ",
            "x",
            "1.2.3",
            "1.2.3.4.5",
            "256.0.0.1",
            "01.2.3.4",
            "1.2.3.4/33",
            "1.2.3.4/-1",
            "1.2.3.4/+8",
            "1.2.3.4/",
            "1.2.3.4/ 8",
            "1.2.3.4/8/8",
            "2001:db8::/129",
            "fe80::1%eth0",
            "[::1]",
            "1.2.3.4:80",
            "2001:db8::1::",
            "::ffff:1.2.3.4/129",
            "example.com",
        ] {
            assert_eq!(RuleAddress::parse(wrong), Err(InvalidNetworkRule::Address), "{wrong}");
        }
    }

    #[test]
    fn a_client_may_come_with_a_port() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1:443 ", "192.0.2.1"),
            ("::1", "127.0.0.1"),
            ("[::1]:80", "127.0.0.1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[::ffff:192.0.2.1]:9", "192.0.2.1"),
        ] {
            assert_eq!(client_address(text), Ok(address.parse().unwrap()), "{text}");
        }
        for wrong in [
            "",
            "x",
            "192.0.2.1:",
            "192.0.2.1:x",
            "192.0.2.1:70000",
            "[::1",
            "[::1]x",
            "[1.2.3.4]:80",
            "10.0.0.0/8",
        ] {
            assert_eq!(client_address(wrong), Err(InvalidNetworkRule::Address), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_itself_in_each_of_its_forms(bits: u32) {
            let plain = Ipv4Addr::from(bits);
            let mapped = IpAddr::V6(plain.to_ipv6_mapped());
            for rule in [plain.to_string(), mapped.to_string(), format!("{plain}/32"), format!("{mapped}/128")] {
                let rule = RuleAddress::parse(&rule).unwrap();
                prop_assert!(rule.matches(IpAddr::V4(plain)) && rule.matches(mapped));
            }
        }

        #[test]
        fn a_range_holds_those_that_share_its_first_bits(address: u128, other: u128, bits in 0u8..=128) {
            let (address, other) = (Ipv6Addr::from(address | 1 << 127), Ipv6Addr::from(other | 1 << 127));
            let rule = RuleAddress::parse(&format!("{address}/{bits}")).unwrap();
            let differ = u128::from(address) ^ u128::from(other);
            let shared = differ.checked_shr(128 - u32::from(bits)).unwrap_or(0) == 0;
            prop_assert_eq!(rule.matches(IpAddr::V6(other)), shared);
        }

        #[test]
        fn no_text_brings_it_down(text in ".{0,40}") {
            let _ = RuleAddress::parse(&text);
            let _ = client_address(&text);
        }
    }
}
