//! Where a request comes from, when proxies stand in between.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// Whose word about the client's address counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxyTrust {
    /// Nobody's: the address is the connection's.
    #[default]
    Nobody,
    /// Everybody's: the first entry of `X-Forwarded-For` counts, whoever wrote it. Only right where
    /// nothing but a proxy can connect.
    Everybody,
    /// That of the proxies in these networks.
    Networks(Vec<IpNet>),
}

impl ProxyTrust {
    /// Whether what `peer` forwards is believed.
    pub fn believes(&self, peer: IpAddr) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everybody => true,
            Self::Networks(networks) => {
                let peer = peer.to_canonical();
                networks.iter().any(|network| network.contains(&peer))
            }
        }
    }
}

/// The client's address.
///
/// Behind trusted networks, `X-Forwarded-For` is read from right to left: entries that are no
/// address and entries of trusted proxies are skipped, the next one is the client. All lines of the
/// header count as one list, so that a client cannot put a line of its own before the proxy's.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trust: &ProxyTrust) -> IpAddr {
    let peer = peer.to_canonical();
    let told = match trust {
        ProxyTrust::Nobody => None,
        ProxyTrust::Everybody => forwarded(headers).next().and_then(parse).or_else(|| real_ip(headers)),
        ProxyTrust::Networks(networks) => {
            let trusted = |address: &IpAddr| networks.iter().any(|network| network.contains(address));
            if trusted(&peer) {
                let entries: Vec<&str> = forwarded(headers).collect();
                entries
                    .into_iter()
                    .rev()
                    .filter_map(parse)
                    .find(|address| !trusted(address))
                    .or_else(|| real_ip(headers))
            } else {
                None
            }
        }
    };
    told.unwrap_or(peer)
}

fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
}

fn real_ip(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get("x-real-ip").and_then(|value| value.to_str().ok()).and_then(parse)
}

/// Reads an address that may carry brackets or a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim().trim_matches('"');
    let plain = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    plain
        .parse::<IpAddr>()
        .ok()
        .or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(peer: &str, headers: &[(&'static str, &str)], trust: &ProxyTrust) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        client_address(peer.parse().unwrap(), &map, trust).to_string()
    }

    fn networks() -> ProxyTrust {
        ProxyTrust::Networks(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
    }

    #[test]
    fn strangers_are_not_believed() {
        let headers = [("x-forwarded-for", "1.1.1.1"), ("x-real-ip", "2.2.2.2")];
        assert_eq!(address("9.9.9.9", &headers, &ProxyTrust::Nobody), "9.9.9.9");
        assert_eq!(address("9.9.9.9", &headers, &networks()), "9.9.9.9");
    }

    #[test]
    fn trusted_networks_are_read_from_the_right() {
        let is = |forwarded: &str, expected: &str| {
            assert_eq!(address("10.0.0.1", &[("x-forwarded-for", forwarded)], &networks()), expected);
        };
        is("1.1.1.1, 2.2.2.2", "2.2.2.2");
        is("1.1.1.1, 2.2.2.2, 10.9.9.9", "2.2.2.2");
        is("1.1.1.1, garbage, 10.2.2.2", "1.1.1.1");
        is("1.1.1.1:4711", "1.1.1.1");
        is("[2001:db8::1]:4711", "2001:db8::1");
        is("[2001:db8::1]", "2001:db8::1");
        is("::ffff:1.2.3.4", "1.2.3.4");
        is("10.1.1.1", "10.0.0.1");
    }

    #[test]
    fn a_line_of_the_clients_own_does_not_hide_the_proxys() {
        let lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "2.2.2.2")];
        assert_eq!(address("10.0.0.1", &lines, &networks()), "2.2.2.2");
    }

    #[test]
    fn the_real_ip_header_comes_second() {
        let headers = [("x-forwarded-for", "10.1.1.1"), ("x-real-ip", "2.2.2.2")];
        assert_eq!(address("10.0.0.1", &headers, &networks()), "2.2.2.2");
        assert_eq!(address("::ffff:10.0.0.1", &headers[1..], &networks()), "2.2.2.2");
    }

    #[test]
    fn where_everybody_is_believed_the_first_entry_counts() {
        let headers = [("x-forwarded-for", "1.1.1.1, 2.2.2.2")];
        assert_eq!(address("9.9.9.9", &headers, &ProxyTrust::Everybody), "1.1.1.1");
        assert_eq!(address("9.9.9.9", &[("x-forwarded-for", "junk")], &ProxyTrust::Everybody), "9.9.9.9");
    }

    proptest! {
        #[test]
        fn a_stranger_never_moves_the_address(header in "[ -~]*") {
            let mut map = HeaderMap::new();
            map.append("x-forwarded-for", header.parse().unwrap());
            let peer: IpAddr = "9.9.9.9".parse().unwrap();
            prop_assert_eq!(client_address(peer, &map, &networks()), peer);
        }
    }
}
