//! The token of a request.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use promptgate_control::introspection::Presented;

use crate::session::origin;

/// What the client sent as its token, if anything: `Authorization: Bearer …`, else `x-api-key`.
pub(crate) struct Bearer {
    text: Option<String>,
    address: Option<IpAddr>,
}

impl Bearer {
    pub(crate) fn as_deref(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The same, and from where it came.
    pub(crate) fn presented(&self) -> Presented<'_> {
        Presented { text: self.as_deref(), address: self.address }
    }

    fn of(headers: &HeaderMap) -> Option<String> {
        let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        let bearer = text(AUTHORIZATION.as_str()).and_then(|value| {
            let (scheme, token) = value.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token)
        });
        let given = bearer.or_else(|| text("x-api-key")).map(str::trim)?;
        (!given.is_empty()).then(|| given.to_owned())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Bearer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { text: Self::of(&parts.headers), address: origin(parts).address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_in_either_header() {
        for (name, value, expected) in [
            ("authorization", "Bearer pg_live_x", Some("pg_live_x")),
            ("authorization", "bearer  pg_live_x ", Some("pg_live_x")),
            ("authorization", "Basic pg_live_x", None),
            ("authorization", "Bearer", None),
            ("authorization", "Bearer  ", None),
            ("x-api-key", "pg_live_x", Some("pg_live_x")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(Bearer::of(&headers).as_deref(), expected, "{name}: {value}");
        }
        assert_eq!(Bearer::of(&HeaderMap::new()), None);
    }
}
