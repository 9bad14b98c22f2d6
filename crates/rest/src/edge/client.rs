//! Who called, seen through the proxies that are trusted.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use http::header;
use promptgate_forwarded::{Scheme, asked_for, client_address, is_forwarded};
use promptgate_kernel::CallId;
use url::{Host, Url};

use super::Edge;

/// Who called. The outermost layer puts it into every request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    /// The client's address; `None` where there is no connection, in tests.
    pub(crate) address: Option<IpAddr>,
    /// Whether it is a program on this machine, with nothing in between that says so.
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
        Self {
            address: Some(address),
            // Of whoever stands behind a proxy, trusted or not, nobody knows that they are here.
            is_local: peer.ip().to_canonical().is_loopback()
                && address.is_loopback()
                && !is_forwarded(headers)
                && named.as_deref().is_none_or(|host| is_own_name(host, edge)),
            is_https: edge.is_https || asked.scheme == Some(Scheme::Https),
            host: asked.host.or(named),
            request: None,
        }
    }
}

/// Whether a host names this machine, or is how the operator calls the API. Any other name that leads to a
/// loopback address is a stranger's, whose page the browser takes for one of this API (DNS rebinding).
fn is_own_name(host: &str, edge: &Edge) -> bool {
    let Ok(asked) = Url::parse(&format!("http://{host}")) else { return false };
    let is_configured = |origin: &str| Url::parse(origin).is_ok_and(|known| known.host() == asked.host());
    names_this_machine(host)
        || edge.base_url.iter().chain(&edge.own_origins).any(|origin| is_configured(origin))
}

/// Whether a host, maybe with a port, is an address or `localhost`: names that nobody outside can give to
/// this machine.
pub(crate) fn names_this_machine(host: &str) -> bool {
    let asked = Url::parse(&format!("http://{host}"));
    match asked.as_ref().ok().and_then(Url::host) {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use promptgate_forwarded::ProxyTrust;

    fn client(peer: &str, headers: &[(&str, &str)], edge: &Edge) -> Client {
        let mut request = Request::builder().uri("/x");
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "Gate.Example");
        }
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
        let edge = Edge { own_origins: vec!["http://gate.example".into()], ..Edge::default() };
        assert!(client("127.0.0.1", &[], &edge).is_local);
        assert!(client("::ffff:127.0.0.1", &[], &edge).is_local);
        assert!(!client("127.0.0.1", &[("x-forwarded-for", "127.0.0.1")], &edge).is_local);
        assert!(!client("127.0.0.1", &[("via", "1.1 nginx")], &edge).is_local);
        let trusted = Edge { own_origins: edge.own_origins.clone(), ..behind("127.0.0.0/8") };
        assert!(!client("127.0.0.1", &[("x-forwarded-for", "203.0.113.9")], &trusted).is_local);
        let believing = Edge { proxies: ProxyTrust::Everybody, ..trusted.clone() };
        for claim in ["127.0.0.1", "127.0.0.1, 203.0.113.9", "unix:", "\u{ff}"] {
            for edge in [&trusted, &believing] {
                assert!(!client("127.0.0.1", &[("x-forwarded-for", claim)], edge).is_local, "{claim}");
            }
        }
        assert!(!client("192.0.2.1", &[], &edge).is_local);
    }

    #[test]
    fn a_stranger_s_name_for_this_machine_is_not_local() {
        let edge = Edge { base_url: Some("https://gate.example/x".into()), ..Edge::default() };
        for host in
            ["127.0.0.1:8080", "[::1]:8080", "localhost", "LOCALHOST.:1", "app.localhost:1", "gate.example"]
        {
            assert!(client("127.0.0.1", &[("host", host)], &edge).is_local, "{host}");
        }
        for host in ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "a b", ""] {
            assert!(!client("127.0.0.1", &[("host", host)], &edge).is_local, "{host}");
        }
    }
}
