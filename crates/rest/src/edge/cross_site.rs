//! Which pages may change things with the session cookie that the browser sends along.

use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

use super::{Client, Edge, cookies};
use crate::error::ApiError;

/// Refuses what a page of a stranger could make a browser send.
///
/// A request that changes something and carries the session cookie must come from a page of the API,
/// of the frontend or of an allowed origin, and its body must be JSON, which no form can send. The
/// sign-in is held to the same as soon as a page sends it: else a stranger's page could sign a browser
/// in to the stranger's account.
pub(crate) async fn guard(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    match check(&edge, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn check(edge: &Edge, request: &Request) -> Result<(), ApiError> {
    let path = request.uri().path();
    let is_sign_in = path.starts_with("/auth/");
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe || !(is_sign_in || path.starts_with("/api/v1/")) {
        return Ok(());
    }
    let headers = request.headers();
    if shows_what_no_form_sends(path, headers) {
        return Ok(());
    }
    let has_cookie = cookies::named(headers, &edge.session_cookie).next().is_some();
    let is_of_page = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    let matters = has_cookie || is_sign_in && is_of_page;
    if !matters {
        return Ok(());
    }
    if !is_from_own_page(edge, request) {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "cross_site_request").message(
            "the session cookie only counts with an Origin of this API, of the frontend or of \
             PROMPTGATE_CORS_ALLOWED_ORIGINS",
        ));
    }
    let has_body = !request.body().is_end_stream() || headers.contains_key(header::CONTENT_TYPE);
    if has_body && !is_json(headers) {
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type")
            .message("the body must be sent as application/json"));
    }
    Ok(())
}

/// Whether the request has the admin key, or an access token: no page of a stranger can add either, and
/// where there is one, right or wrong, the cookie opens nothing.
fn shows_what_no_form_sends(path: &str, headers: &HeaderMap) -> bool {
    let has_key = path.starts_with("/api/v1/admin/") && headers.contains_key("x-admin-api-key");
    has_key || path.starts_with("/api/v1/") && has_bearer(headers)
}

/// Whether there is a bearer token, or the beginning of one.
pub(crate) fn has_bearer(headers: &HeaderMap) -> bool {
    let begins = |value: &HeaderValue| {
        let scheme = value.as_bytes().split(u8::is_ascii_whitespace).find(|part| !part.is_empty());
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    };
    headers.get_all(header::AUTHORIZATION).iter().any(begins)
}

/// Goes by `Origin`, which browsers put into everything that is not a mere look; without it, by
/// `Sec-Fetch-Site`.
fn is_from_own_page(edge: &Edge, request: &Request) -> bool {
    let mut origins = request.headers().get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => origin.to_str().is_ok_and(|origin| is_own(edge, origin, request)),
        (Some(_), Some(_)) => false,
        (None, _) => {
            let site = request.headers().get("sec-fetch-site");
            site.is_some_and(|site| site == "same-origin" || site == "none")
        }
    }
}

fn is_own(edge: &Edge, origin: &str, request: &Request) -> bool {
    if edge.own_origins.iter().chain(&edge.allowed_origins).any(|known| known == origin) {
        return true;
    }
    // The API under whatever name this browser knows it by.
    let client = request.extensions().get::<Client>();
    let (Some(client), Ok(url)) = (client, Url::parse(origin)) else { return false };
    let Some(host) = &client.host else { return false };
    let scheme = url.scheme();
    // A page that somebody on the way could have altered has no say over TLS.
    let scheme_fits = scheme == "https" || (scheme == "http" && !client.is_https);
    let Ok(asked) = Url::parse(&format!("{scheme}://{host}")) else { return false };
    scheme_fits && url.origin().is_tuple() && url.origin() == asked.origin()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    const SITE: &str = "sec-fetch-site";
    const COOKIE: (&str, &str) = ("cookie", "a=b; promptgate_session=x");
    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    fn edge() -> Edge {
        Edge {
            allowed_origins: vec!["http://localhost:3000".into()],
            own_origins: vec!["https://gate.example".into()],
            ..Edge::default()
        }
    }

    fn checked(
        method: &str,
        path: &str,
        body: &'static str,
        headers: &[(&str, &str)],
    ) -> Option<&'static str> {
        let mut builder = Request::builder().method(method).uri(path).header("host", "10.1.1.1:8080");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let mut request = builder.body(Body::from(body)).unwrap();
        let client = Client::of(&request, &edge());
        request.extensions_mut().insert(client);
        check(&edge(), &request).err().map(|error| error.code())
    }

    #[test]
    fn pages_of_others_change_nothing_with_the_cookie() {
        let post = |headers: &[(&str, &str)]| {
            let all: Vec<_> = [COOKIE, JSON].iter().chain(headers).copied().collect();
            checked("POST", "/api/v1/admin/users", "{}", &all)
        };
        for own in ["http://localhost:3000", "https://gate.example", "http://10.1.1.1:8080"] {
            assert_eq!(post(&[("origin", own)]), None, "{own}");
        }
        for site in ["same-origin", "none"] {
            assert_eq!(post(&[(SITE, site)]), None, "{site}");
        }
        for foreign in ["null", "", "https://evil.example", "http://gate.example", "http://10.1.1.1", "x"] {
            let refused = post(&[("origin", foreign), (SITE, "same-origin")]);
            assert_eq!(refused, Some("cross_site_request"), "{foreign}");
        }
        for site in ["cross-site", "same-site", ""] {
            assert_eq!(post(&[(SITE, site)]), Some("cross_site_request"), "{site}");
        }
        assert_eq!(post(&[]), Some("cross_site_request"), "nothing says where it comes from");
        let twice = [("origin", "https://gate.example"), ("origin", "https://evil.example")];
        assert_eq!(post(&twice), Some("cross_site_request"));
    }

    #[test]
    fn every_method_and_both_parts_are_guarded() {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            for path in ["/api/v1/tokens", "/auth/logout"] {
                let headers = [COOKIE, ("origin", "https://evil.example")];
                assert_eq!(
                    checked(method, path, "", &headers),
                    Some("cross_site_request"),
                    "{method} {path}"
                );
            }
        }
        for (method, path) in [("GET", "/api/v1/me"), ("POST", "/health"), ("HEAD", "/api/v1/me")] {
            assert_eq!(checked(method, path, "", &[COOKIE, ("origin", "https://evil.example")]), None);
        }
    }

    #[test]
    fn a_form_cannot_send_what_is_read() {
        let own = ("origin", "https://gate.example");
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
            let sent = checked("POST", "/api/v1/tokens", "{}", &[COOKIE, own, ("content-type", kind)]);
            assert_eq!(sent, Some("unsupported_content_type"), "{kind}");
        }
        assert_eq!(checked("POST", "/api/v1/tokens", "{}", &[COOKIE, own]), Some("unsupported_content_type"));
        assert_eq!(checked("DELETE", "/api/v1/tokens/x", "", &[COOKIE, own]), None, "no body, no kind");
    }

    #[test]
    fn programs_without_the_cookie_are_left_alone() {
        let foreign = ("origin", "https://evil.example");
        assert_eq!(checked("POST", "/api/v1/tokens", "{}", &[foreign, ("x-admin-api-key", "k")]), None);
        let key = ("x-admin-api-key", "k");
        assert_eq!(checked("POST", "/api/v1/admin/groups", "{}", &[COOKIE, key]), None);
        assert_eq!(checked("POST", "/api/v1/tokens", "{}", &[COOKIE, key]), Some("cross_site_request"));
        for bearer in ["Bearer x", " bearer\tx", "BEARER"] {
            assert_eq!(checked("POST", "/api/v1/tokens", "{}", &[COOKIE, ("authorization", bearer)]), None);
        }
        for other in ["Basic x", "", "Bearerx"] {
            let sent = checked("POST", "/api/v1/tokens", "{}", &[COOKIE, ("authorization", other)]);
            assert_eq!(sent, Some("cross_site_request"), "{other}");
        }
        assert_eq!(checked("POST", "/api/v1/tokens", "{}", &[("cookie", "other=1")]), None);
        let key = ("x-admin-api-key", "k");
        assert_eq!(checked("POST", "/api/v1/admin/users", "{}", &[COOKIE, foreign, key]), None);
        // Elsewhere the key is nothing, and the cookie counts.
        let elsewhere = checked("POST", "/api/v1/tokens", "{}", &[COOKIE, JSON, foreign, key]);
        assert_eq!(elsewhere, Some("cross_site_request"));
        assert_eq!(checked("POST", "/auth/password", "{}", &[]), None, "curl signs in");
        assert_eq!(checked("POST", "/auth/password", "{}", &[foreign, JSON]), Some("cross_site_request"));
        assert_eq!(
            checked("POST", "/auth/password", "{}", &[(SITE, "cross-site"), JSON]),
            Some("cross_site_request")
        );
    }
}
