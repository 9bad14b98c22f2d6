//! Who called, seen through the proxies that are trusted.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use http::header;
use promptgate_forwarded::{Scheme, asked_for, client_address, is_forwarded};
use promptgate_kernel::CallId;

use super::Edge;

/// Who called. The outermost layer puts it into every request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    /// The client's address; `None` where there is no connection, in tests.
    pub(crate) address: Option<IpAddr>,
    /// Whether it is a program on this machine, with nothing in between that is not trusted.
    pub(crate) is_local: bool,
    /// Whether it came over TLS.
    pub(crate) is_https: bool,
    /// The request, where the gateway gave it its id.
    pub(crate) request: Option<CallId>,
    /// The host that it asked for, with its port if it has one, in lower case.
    pub(crate) host: Option<String>,
}

impl Client {
    pub(crate) fn of(request: &Request, edge: &Edge) -> Self {
        let headers = request.headers();
        let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let named = named.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
        let named = named.map(str::to_ascii_lowercase);
        let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() else {
            return Self { host: named, is_https: edge.is_https, ..Self::default() };
        };
        let address = client_address(peer.ip(), headers, &edge.proxies);
        let asked = asked_for(peer.ip(), headers, &edge.proxies);
        // Whoever forwards without being trusted hides who is behind it.
        let is_hidden = is_forwarded(headers) && !edge.proxies.believes(peer.ip());
        Self {
            address: Some(address),
            is_local: peer.ip().to_canonical().is_loopback() && address.is_loopback() && !is_hidden,
            is_https: edge.is_https || asked.scheme == Some(Scheme::Https),
            host: asked.host.or(named),
            request: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use promptgate_forwarded::ProxyTrust;

    fn client(peer: &str, headers: &[(&str, &str)], edge: &Edge) -> Client {
        let mut request = Request::builder().uri("/x").header("host", "Gate.Example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        Client::of(&request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap(), edge)
    }

    fn behind(networks: &str) -> Edge {
        Edge { proxies: ProxyTrust::Networks(vec![networks.parse().unwrap()]), ..Edge::default() }
    }

    #[test]
    fn spoofed_headers_change_nothing() {
        let spoofed = [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
        ];
        let seen = client("198.51.100.7", &spoofed, &behind("10.0.0.0/8"));
        assert_eq!(seen.address.unwrap().to_string(), "198.51.100.7");
        assert_eq!(
            (seen.is_local, seen.is_https, seen.host.as_deref()),
            (false, false, Some("gate.example"))
        );
    }

    #[test]
    fn a_trusted_proxy_is_looked_through() {
        let told = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "gate.example:444"),
        ];
        let seen = client("10.0.0.1", &told, &behind("10.0.0.0/8"));
        assert_eq!(seen.address.unwrap().to_string(), "203.0.113.9");
        assert_eq!((seen.is_https, seen.host.as_deref()), (true, Some("gate.example:444")));
    }

    #[test]
    fn a_proxy_on_this_machine_does_not_make_everybody_local() {
        let edge = Edge::default();
        assert!(client("127.0.0.1", &[], &edge).is_local);
        assert!(client("::ffff:127.0.0.1", &[], &edge).is_local);
        assert!(!client("127.0.0.1", &[("x-forwarded-for", "127.0.0.1")], &edge).is_local);
        assert!(!client("127.0.0.1", &[("via", "1.1 nginx")], &edge).is_local);
        let trusted = behind("127.0.0.0/8");
        assert!(!client("127.0.0.1", &[("x-forwarded-for", "203.0.113.9")], &trusted).is_local);
        assert!(!client("192.0.2.1", &[], &edge).is_local);
    }
}
