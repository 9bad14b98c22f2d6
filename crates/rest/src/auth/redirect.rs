//! Where a browser is sent after signing in or out. Nothing that a stranger wrote into an address
//! leads anywhere but to the frontend.

use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderValue};
use http::{StatusCode, Uri};
use url::{Host, Url, form_urlencoded};

use crate::Edge;
use crate::edge::Client;

/// Longer than any address of the frontend, in bytes: everybody may have one kept until they come back.
const MAX_PATH: usize = 2_048;

/// A path of the frontend, from a parameter that anybody may have written.
pub(super) fn path(given: Option<&str>, fallback: &str) -> String {
    let given = given.map(str::trim).filter(|given| is_path(given));
    given.unwrap_or(fallback).to_owned()
}

/// Browsers read `\` as `/` and skip control characters, so `/\t/evil.example` is another site.
fn is_path(text: &str) -> bool {
    text.len() <= MAX_PATH
        && text.starts_with('/')
        && !text.starts_with("//")
        && !text.chars().any(|letter| letter == '\\' || letter.is_control())
        && Url::parse("http://frontend.invalid")
            .and_then(|base| base.join(text))
            .is_ok_and(|joined| joined.host_str() == Some("frontend.invalid"))
}

/// Where the frontend is: as configured, or under another of its loopback names if the browser knows it
/// by that one. Empty if the API serves it itself.
pub(super) fn frontend(edge: &Edge, given: Option<&str>) -> String {
    let Some(configured) = edge.frontend_base_url.as_deref() else { return String::new() };
    let configured = configured.trim_end_matches('/');
    let given = given.map(|given| given.trim().trim_end_matches('/'));
    match given {
        Some(given) if is_alias(configured, given) => given.to_owned(),
        _ => configured.to_owned(),
    }
}

/// The same address under the name that identity providers send browsers back to, where both are names of
/// this machine: what the browser is given under one name it does not bring back under another.
pub(super) fn known_name(edge: &Edge, client: &Client, uri: &Uri) -> Option<String> {
    let base = Url::parse(edge.base_url.as_deref()?).ok()?;
    let asked = Url::parse(&format!("{}://{}", base.scheme(), client.host.as_deref()?)).ok()?;
    let is_other = is_loopback(&base) && is_loopback(&asked) && base.host() != asked.host();
    let is_same_server = base.port_or_known_default() == asked.port_or_known_default();
    if !is_other || !is_same_server {
        return None;
    }
    base.join(uri.path_and_query()?.as_str()).ok().map(Into::into)
}

/// The frontend's page for signing in, with what it is to say.
pub(super) fn login_page<'a>(
    frontend: &str,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{frontend}/login{mark}{query}")
}

/// Sends the browser elsewhere; nobody keeps where.
pub(super) fn found(target: &str) -> Response {
    let target = HeaderValue::from_str(target).unwrap_or(HeaderValue::from_static("/"));
    let kept = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (StatusCode::FOUND, [(header::LOCATION, target), kept]).into_response()
}

fn is_alias(configured: &str, given: &str) -> bool {
    let (Ok(configured), Ok(given)) = (Url::parse(configured), Url::parse(given)) else { return false };
    let is_bare = given.path() == "/"
        && given.query().is_none()
        && given.fragment().is_none()
        && given.username().is_empty()
        && given.password().is_none();
    let same_way = configured.scheme() == given.scheme()
        && configured.port_or_known_default() == given.port_or_known_default();
    is_bare
        && same_way
        && configured.host() != given.host()
        && is_loopback(&configured)
        && is_loopback(&given)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_frontend_are_followed() {
        for good in ["/dashboard", "/", "/a?b=c#d", "/login?next=https://x.example"] {
            assert_eq!(path(Some(good), "/x"), good);
        }
        for bad in [
            "",
            " ",
            "//evil.example",
            "https://evil.example",
            "evil",
            "/\\evil.example",
            "\\\\evil",
            "/\t/evil.example",
            "/\n/evil.example",
            "javascript:alert(1)",
        ] {
            assert_eq!(path(Some(bad), "/x"), "/x", "{bad:?}");
        }
        assert_eq!(path(None, "/x"), "/x");
    }

    #[test]
    fn another_frontend_is_another_name_of_the_same() {
        let edge = |url: &str| Edge { frontend_base_url: Some(url.into()), ..Edge::default() };
        let local = edge("http://localhost:3000");
        assert_eq!(frontend(&local, Some("http://127.0.0.1:3000/")), "http://127.0.0.1:3000");
        assert_eq!(frontend(&local, Some("http://[::1]:3000")), "http://[::1]:3000");
        for other in [
            "http://127.0.0.1:3001",
            "https://127.0.0.1:3000",
            "http://evil.example:3000",
            "http://127.0.0.1:3000/path",
            "http://u@127.0.0.1:3000",
            "x",
        ] {
            assert_eq!(frontend(&local, Some(other)), "http://localhost:3000", "{other}");
        }
        let remote = edge("https://ui.example/gate/");
        assert_eq!(frontend(&remote, Some("https://evil.example")), "https://ui.example/gate");
        assert_eq!(frontend(&Edge::default(), Some("https://evil.example")), "");
    }
}
