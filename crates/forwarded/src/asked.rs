//! What the client asked the outermost proxy for.

use std::net::IpAddr;

use http::HeaderMap;

use crate::ProxyTrust;
use crate::entries::entries;

/// How the client talks to the outermost proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In the open.
    Http,
    /// Over TLS.
    Https,
}

/// What a trusted proxy says that the client asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// `X-Forwarded-Proto`.
    pub scheme: Option<Scheme>,
    /// `X-Forwarded-Host`, in lower case, with its port if it has one.
    pub host: Option<String>,
}

/// What the client asked for, by the word of the proxy that is connected; nothing if that one is not
/// trusted. Of several values the last counts, which that proxy has put there itself; where everybody is
/// believed, the first.
pub fn asked_for(peer: IpAddr, headers: &HeaderMap, trust: &ProxyTrust) -> Asked {
    if !trust.believes(peer) {
        return Asked::default();
    }
    let told = |name| {
        let mut values = entries(headers, name);
        let value = if *trust == ProxyTrust::Everybody { values.next() } else { values.next_back() };
        value.and_then(|value| std::str::from_utf8(value).ok())
    };
    let scheme = told("x-forwarded-proto").and_then(|text| match text.to_ascii_lowercase().as_str() {
        "https" => Some(Scheme::Https),
        "http" => Some(Scheme::Http),
        _ => None,
    });
    let host = told("x-forwarded-host").filter(|host| is_authority(host)).map(str::to_ascii_lowercase);
    Asked { scheme, host }
}

/// Whether somebody claims to stand between the client and the gateway, trusted or not.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    const OTHERS: [&str; 6] =
        ["forwarded", "via", "x-real-ip", "x-client-ip", "cf-connecting-ip", "true-client-ip"];
    headers.keys().any(|name| name.as_str().starts_with("x-forwarded-") || OTHERS.contains(&name.as_str()))
}

fn is_authority(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-._:[]".contains(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn networks() -> ProxyTrust {
        ProxyTrust::Networks(vec!["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        let told = headers(&[("x-forwarded-proto", "https"), ("x-forwarded-host", "Gate.Example:8443")]);
        let [proxy, stranger] = ["10.1.2.3", "192.0.2.1"].map(|text| text.parse().unwrap());
        let asked = asked_for(proxy, &told, &networks());
        assert_eq!((asked.scheme, asked.host.as_deref()), (Some(Scheme::Https), Some("gate.example:8443")));
        assert_eq!(asked_for(stranger, &told, &networks()), Asked::default());
        assert_eq!(asked_for(proxy, &told, &ProxyTrust::Nobody), Asked::default());
        assert_eq!(asked_for(stranger, &told, &ProxyTrust::Everybody), asked);
    }

    #[test]
    fn what_the_client_wrote_before_the_proxy_does_not_count() {
        let proxy = "10.1.2.3".parse().unwrap();
        let told = headers(&[
            ("x-forwarded-proto", "https"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "evil.example, gate.example"),
        ]);
        let asked = asked_for(proxy, &told, &networks());
        assert_eq!((asked.scheme, asked.host.as_deref()), (Some(Scheme::Http), Some("gate.example")));
        assert_eq!(asked_for(proxy, &told, &ProxyTrust::Everybody).host.as_deref(), Some("evil.example"));
        let mut told = HeaderMap::new();
        let line = http::HeaderValue::from_bytes(b"\xff, gate.example").unwrap();
        told.insert("x-forwarded-host", line);
        assert_eq!(asked_for(proxy, &told, &networks()).host.as_deref(), Some("gate.example"));
    }

    #[test]
    fn what_is_no_scheme_or_host_is_not_told() {
        let proxy = "10.1.2.3".parse().unwrap();
        for (name, value) in
            [("x-forwarded-proto", "javascript"), ("x-forwarded-host", "a/b"), ("x-forwarded-host", " ")]
        {
            assert_eq!(
                asked_for(proxy, &headers(&[(name, value)]), &networks()),
                Asked::default(),
                "{value}"
            );
        }
    }

    #[test]
    fn a_claim_shows_whoever_makes_it() {
        assert!(is_forwarded(&headers(&[("forwarded", "for=1.1.1.1")])));
        assert!(is_forwarded(&headers(&[("x-forwarded-for", "1.1.1.1")])));
        assert!(is_forwarded(&headers(&[("x-forwarded-proto", "http")])));
        assert!(!is_forwarded(&headers(&[("host", "localhost")])));
    }
}
