//! What an error looks like on a project's routes: `{"ok":false,"error":"text"}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use promptgate_control::introspection::{Denied, IntrospectionError};
use promptgate_kernel::RepositoryError;
use promptgate_tokens::AccessDenied;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Failure, chain, store_failure};

/// The body of an error on a project's routes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always false.
    ok: bool,
    /// What is wrong, for people.
    error: String,
}

/// An error on its way out of a project's route.
#[derive(Debug)]
pub(super) struct ProjectError {
    status: StatusCode,
    message: String,
    failed: Option<(&'static str, String)>,
}

/// An error answer of a project's route.
pub(crate) fn problem(status: StatusCode, message: impl Into<String>) -> Response {
    (status, Json(Problem { ok: false, error: message.into() })).into_response()
}

impl From<RepositoryError> for ProjectError {
    fn from(error: RepositoryError) -> Self {
        let (status, code) = store_failure(&error);
        let message = match status {
            StatusCode::SERVICE_UNAVAILABLE => "the store is unavailable; try again",
            _ => "internal error",
        };
        Self { status, message: message.to_owned(), failed: Some((code, chain(&error))) }
    }
}

impl From<IntrospectionError> for ProjectError {
    fn from(error: IntrospectionError) -> Self {
        match error {
            IntrospectionError::Forbidden(error) => {
                Self { status: StatusCode::FORBIDDEN, message: error.to_string(), failed: None }
            }
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
            | Denied::InsufficientRole => StatusCode::FORBIDDEN,
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
            | Denied::InsufficientRole => None,
        };
        Self { status, message: denied.to_string(), failed }
    }
}

impl IntoResponse for ProjectError {
    fn into_response(self) -> Response {
        let body = Problem { ok: false, error: self.message };
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
