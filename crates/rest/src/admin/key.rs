//! Who acts: whoever holds the admin API key.

use axum::extract::{FromRef, FromRequestParts};
use http::StatusCode;
use http::request::Parts;
use promptgate_auth::{Actor, AdminKey};

use crate::error::ApiError;

/// The header that carries the admin API key.
const HEADER: &str = "x-admin-api-key";

/// The actor of an admin request. Handlers take it first, so that nothing of a stranger's request
/// is read; without it they cannot call a use case.
pub(crate) struct Acting(pub(crate) Actor);

impl<S: Send + Sync> FromRequestParts<S> for Acting
where
    Option<AdminKey>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let mut given = parts.headers.get_all(HEADER).iter();
        let Some(first) = given.next() else {
            // There are no browser sessions yet, so nobody has one.
            return Err(unauthorized("missing session", "send the admin API key in X-Admin-API-Key"));
        };
        let wrong = || unauthorized("invalid_admin_api_key", "X-Admin-API-Key is not the admin API key");
        let only = given.next().is_none();
        let key: Option<AdminKey> = FromRef::from_ref(state);
        let text = std::str::from_utf8(first.as_bytes()).map(str::trim).unwrap_or_default();
        match key {
            Some(key) if only && !text.is_empty() && key.matches(text) => Ok(Self(Actor::admin_key())),
            Some(_) | None => Err(wrong()),
        }
    }
}

fn unauthorized(code: &'static str, message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, code).message(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(configured: Option<&str>, sent: &[&str]) -> Option<&'static str> {
        let mut request = http::Request::builder();
        for value in sent {
            request = request.header(HEADER, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let key = configured.and_then(AdminKey::from_text);
        Acting::from_request_parts(&mut parts, &key).await.err().map(|error| error.code())
    }

    #[tokio::test]
    async fn only_the_right_key_given_once_opens() {
        let invalid = Some("invalid_admin_api_key");
        assert_eq!(refused(Some("k"), &["k"]).await, None);
        assert_eq!(refused(Some("k"), &[]).await, Some("missing session"));
        assert_eq!(refused(None, &[]).await, Some("missing session"));
        assert_eq!(refused(None, &["k"]).await, invalid, "switched off");
        assert_eq!(refused(None, &[""]).await, invalid, "switched off and empty");
        assert_eq!(refused(Some("schlüssel"), &["schlüssel"]).await, None);
        for sent in [&["x"] as &[&str], &[""], &["k", "k"], &["k", "x"], &["k,k"]] {
            assert_eq!(refused(Some("k"), sent).await, invalid, "{sent:?}");
        }
    }
}
