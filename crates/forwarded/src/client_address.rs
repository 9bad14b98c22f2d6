//! Where a request comes from, when proxies stand in between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderMap;
use ipnet::IpNet;

use crate::entries::entries;

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
/// Behind trusted networks, `X-Forwarded-For` is read from right to left: entries of trusted proxies are
/// skipped, the next one is the client. All lines of the header count as one list, so that a client
/// cannot put a line of its own before the proxy's. What stands left of an entry that is no address was
/// written by nobody knows whom: then the address is the connection's.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trust: &ProxyTrust) -> IpAddr {
    let peer = peer.to_canonical();
    let told = match trust {
        ProxyTrust::Nobody => None,
        ProxyTrust::Everybody => {
            entries(headers, FORWARDED_FOR).next().and_then(parse).or_else(|| real_ip(headers))
        }
        ProxyTrust::Networks(_) if !trust.believes(peer) => None,
        ProxyTrust::Networks(_) => {
            let mut named = entries(headers, FORWARDED_FOR).rev().map(parse);
            match named.find(|named| named.is_none_or(|address| !trust.believes(address))) {
                Some(outermost) => outermost,
                None => real_ip(headers),
            }
        }
    };
    told.unwrap_or(peer)
}

const FORWARDED_FOR: &str = "x-forwarded-for";

/// What a proxy says is the address of whoever connected to it. Of several, one is a client's own.
fn real_ip(headers: &HeaderMap) -> Option<IpAddr> {
    let mut named = entries(headers, "x-real-ip");
    named.next().filter(|_| named.next().is_none()).and_then(parse)
}

/// Reads an address that may carry quotes, brackets, a zone or a port.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?;
    let entry = entry.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(entry);
    let read = || {
        if let Some(rest) = entry.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            return v6(address).filter(|_| port_fits).map(IpAddr::V6);
        }
        if let Some(address) = v6(entry) {
            return Some(IpAddr::V6(address));
        }
        let (address, port) = entry.split_once(':').unwrap_or((entry, "0"));
        address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4)
    };
    read().map(|address| address.to_canonical())
}

/// An address with or without the zone that it is in, which means something to the proxy alone.
fn v6(text: &str) -> Option<Ipv6Addr> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    address.parse().ok().filter(|_| !zone.is_empty())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn address(peer: &str, headers: &[(&'static str, impl AsRef<[u8]>)], trust: &ProxyTrust) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_ref()).unwrap());
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
        is("1.1.1.1, , 2.2.2.2,", "2.2.2.2");
        is("1.1.1.1:4711", "1.1.1.1");
        is("[2001:db8::1]:4711", "2001:db8::1");
        is("[2001:db8::1]", "2001:db8::1");
        is("::ffff:1.2.3.4", "1.2.3.4");
        is("\"[2001:db8::1]:4711\"", "2001:db8::1");
        is("1.1.1.1, fe80::1%eth0", "fe80::1");
        is("1.1.1.1, [fe80::1%25eth0]:80", "fe80::1");
        is("10.1.1.1", "10.0.0.1");
    }

    #[test]
    fn what_stands_before_an_entry_that_is_no_address_does_not_count() {
        for hidden in ["unix:", "unknown", "_hidden", "1.1.1.1:x", "1.1.1.1:", "[::1", "256.0.0.1", "::1%"] {
            let forwarded = format!("6.6.6.6, {hidden}, 10.2.2.2");
            let headers = [("x-forwarded-for", &*forwarded), ("x-real-ip", "6.6.6.6")];
            assert_eq!(address("10.0.0.1", &headers, &networks()), "10.0.0.1", "{hidden}");
        }
    }

    #[test]
    fn what_is_no_text_hides_nothing_that_the_proxy_appends() {
        for (line, expected) in [
            (&b"\xff, 2.2.2.2"[..], "2.2.2.2"),
            (b"6.6.6.6\x80, 2.2.2.2, 10.1.1.1", "2.2.2.2"),
            (b"6.6.6.6, \"\xe9, 2.2.2.2", "2.2.2.2"),
            (b"6.6.6.6, \xff", "10.0.0.1"),
        ] {
            let headers = [("x-forwarded-for", line), ("x-real-ip", b"6.6.6.6")];
            assert_eq!(address("10.0.0.1", &headers, &networks()), expected, "{line:?}");
        }
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
        let twice = [("x-real-ip", "6.6.6.6"), ("x-real-ip", "2.2.2.2")];
        assert_eq!(address("10.0.0.1", &twice, &networks()), "10.0.0.1", "one is the client's own");
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

        #[test]
        fn whatever_a_client_writes_the_proxys_entry_counts(
            lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..4),
            real: Vec<u8>,
        ) {
            let mut map = HeaderMap::new();
            let written = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
            let mut all = Vec::new();
            for line in written {
                all.extend_from_slice(line.as_bytes());
                all.extend_from_slice(b", ");
                map.append("x-forwarded-for", line);
            }
            if let Ok(real) = HeaderValue::from_bytes(&real) {
                map.insert("x-real-ip", real);
            }
            let (proxy, client): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "2.2.2.2".parse().unwrap());
            // Proxies append either to the client's line or a line of their own.
            let mut joined = map.clone();
            all.extend_from_slice(b"2.2.2.2");
            joined.insert("x-forwarded-for", HeaderValue::from_bytes(&all).unwrap());
            prop_assert_eq!(client_address(proxy, &joined, &networks()), client);
            map.append("x-forwarded-for", HeaderValue::from_static("2.2.2.2, 10.9.9.9"));
            prop_assert_eq!(client_address(proxy, &map, &networks()), client);
        }
    }
}
