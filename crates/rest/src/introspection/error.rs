//! What an error looks like on a project's routes: `{"ok":false,"error":"text"}`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use promptgate_control::introspection::{Denied, IntrospectionError};
use promptgate_kernel::RepositoryError;
use promptgate_tokens::AccessDenied;
use serde::Serialize;
use utoipa::ToSchema;

use crate::casing::{snake, turned};
use crate::error::{ApiError, Failure, Said, chain, store_failure};

/// The body of an error on a project's routes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always false.
    ok: bool,
    /// What is wrong, for people.
    error: String,
    /// What is wrong with each member of the body, where the body is wrong.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Option<HashMap<String, Vec<String>>>)]
    errors: BTreeMap<String, Vec<String>>,
}

/// An error on its way out of a project's route.
#[derive(Debug)]
pub(crate) struct ProjectError {
    status: StatusCode,
    message: String,
    errors: BTreeMap<String, Vec<String>>,
    retry_after: Option<Duration>,
    failed: Option<(&'static str, String)>,
}

impl ProjectError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: BTreeMap::new(), retry_after: None, failed: None }
    }

    /// A member of the body that is wrong.
    pub(crate) fn of_field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let errors = BTreeMap::from([(field.to_owned(), vec![message.clone()])]);
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, message) }
    }

    /// When it is worth trying again.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

/// What the JSON API would say, in the words of these routes: what is wrong with the body is 422, with
/// every member by its name here.
impl From<ApiError> for ProjectError {
    fn from(error: ApiError) -> Self {
        let Said { status, message, field, errors, failed } = error.into_said();
        if let Some((code, cause)) = failed {
            return Self { failed: Some((code, cause)), ..Self::new(status, broken(status)) };
        }
        let message = in_snakes(&message.unwrap_or_else(|| "it cannot be done".to_owned()));
        let is_body =
            status == StatusCode::BAD_REQUEST || (status == StatusCode::CONFLICT && field.is_some());
        if !is_body {
            return Self::new(status, message);
        }
        let mut by_field: BTreeMap<String, Vec<String>> = errors
            .into_iter()
            .map(|(name, messages)| {
                (turned(&name, snake), messages.iter().map(|text| in_snakes(text)).collect())
            })
            .collect();
        if by_field.is_empty() {
            by_field.insert(
                field.map_or_else(|| "body".to_owned(), |name| turned(&name, snake)),
                vec![message.clone()],
            );
        }
        Self { errors: by_field, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, message) }
    }
}

/// All that clients learn of a failure of the gateway.
fn broken(status: StatusCode) -> &'static str {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => "the store is unavailable; try again",
        _ => "internal error",
    }
}

/// A message with the names of these routes.
fn in_snakes(message: &str) -> String {
    let word = |word: &str| {
        let letters = word.trim_end_matches([',', ';', ':', '.']);
        let is_name = letters.starts_with(|first: char| first.is_ascii_lowercase())
            && letters.chars().any(|letter| letter.is_ascii_uppercase())
            && letters.chars().all(|letter| letter.is_ascii_alphanumeric());
        if is_name || word.starts_with("modelLimits.") { turned(word, snake) } else { word.to_owned() }
    };
    message.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// An error answer of a project's route.
pub(crate) fn problem(status: StatusCode, message: impl Into<String>) -> Response {
    (status, Json(Problem { ok: false, error: message.into(), errors: BTreeMap::new() })).into_response()
}

impl From<RepositoryError> for ProjectError {
    fn from(error: RepositoryError) -> Self {
        let (status, code) = store_failure(&error);
        Self { failed: Some((code, chain(&error))), ..Self::new(status, broken(status)) }
    }
}

impl From<IntrospectionError> for ProjectError {
    fn from(error: IntrospectionError) -> Self {
        match error {
            IntrospectionError::Forbidden(error) => Self::new(StatusCode::FORBIDDEN, error.to_string()),
            IntrospectionError::Store(error) => error.into(),
        }
    }
}

impl From<Denied> for ProjectError {
    fn from(denied: Denied) -> Self {
        let status = match &denied {
            Denied::Missing
            | Denied::Malformed(_)
            | Denied::Unknown
            | Denied::Refused(AccessDenied::Revoked | AccessDenied::Expired { .. }) => {
                StatusCode::UNAUTHORIZED
            }
            Denied::Refused(AccessDenied::MissingScope { .. } | AccessDenied::ForeignProject)
            | Denied::ProjectInactive
            | Denied::AccountInactive
            | Denied::InsufficientRole
            | Denied::Guardrail(_)
            | Denied::AddressDenied { .. } => StatusCode::FORBIDDEN,
            // A store that fails says nothing about the token, so this is never a 401.
            Denied::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let failed = match &denied {
            Denied::Store(error) => Some(("auth_unavailable", chain(error))),
            Denied::Missing
            | Denied::Malformed(_)
            | Denied::Unknown
            | Denied::Refused(_)
            | Denied::ProjectInactive
            | Denied::AccountInactive
            | Denied::InsufficientRole
            | Denied::Guardrail(_)
            | Denied::AddressDenied { .. } => None,
        };
        Self { failed, ..Self::new(status, denied.to_string()) }
    }
}

impl IntoResponse for ProjectError {
    fn into_response(self) -> Response {
        let body = Problem { ok: false, error: self.message, errors: self.errors };
        let failure = self.failed.map(|(code, cause)| Failure {
            code,
            cause,
            body: serde_json::to_value(&body).unwrap_or_default(),
            id_member: "request_id",
        });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            // Rounded up: whoever comes back too early waits again.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(failure) = failure {
            response.extensions_mut().insert(failure);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_messages_are_those_of_these_routes() {
        assert_eq!(
            in_snakes("rateLimitPerHour must be greater; leave endpointIds, out of 1,000 or JSON"),
            "rate_limit_per_hour must be greater; leave endpoint_ids, out of 1,000 or JSON"
        );
    }

    #[test]
    fn a_failed_store_never_looks_like_a_bad_token() {
        for error in [
            RepositoryError::Unavailable { source: "secret detail".into() },
            RepositoryError::Corrupt { table: "tokens", id: "1".into(), source: "x".into() },
        ] {
            let error = ProjectError::from(Denied::Store(error));
            assert_eq!(error.status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(!error.message.contains("secret detail"));
        }
    }
}
