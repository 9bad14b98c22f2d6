//! What an error looks like: `{"error":"code"}`, with more where it helps.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{self, HeaderValue};
use promptgate_auth::Forbidden;
use promptgate_kernel::RepositoryError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The body of every error of the JSON API.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody {
    /// A stable code, such as `project_not_found`.
    pub(crate) error: String,
    /// What is wrong, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// The member of the body, or the parameter, that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// What is wrong with each member, where several may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HashMap<String, Vec<String>>>)]
    pub(crate) errors: Option<BTreeMap<String, Vec<String>>>,
    /// The request's id, to find it in the log; only when the gateway itself failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
}

/// An error without its shape.
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) message: Option<String>,
    pub(crate) field: Option<String>,
    pub(crate) errors: BTreeMap<String, Vec<String>>,
    /// Code and cause, where the gateway itself failed.
    pub(crate) failed: Option<(&'static str, String)>,
}

/// What is wrong with each member.
#[derive(Debug)]
struct ByField(BTreeMap<String, Vec<String>>);

/// An error on its way out.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Option<String>,
    field: Option<String>,
    errors: Option<Box<ByField>>,
    cause: Option<String>,
    retry_after: Option<Duration>,
}

impl ApiError {
    pub(crate) const fn new(status: StatusCode, code: &'static str) -> Self {
        Self { status, code, message: None, field: None, errors: None, cause: None, retry_after: None }
    }

    pub(crate) const fn bad_request(code: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code)
    }

    pub(crate) fn not_found(code: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code)
    }

    /// Somebody else changed the thing between it being read and being written.
    pub(crate) fn changed(error: &dyn Error) -> Self {
        Self::new(StatusCode::CONFLICT, "concurrent_change")
            .message(format!("{error}; read it again and repeat the change"))
    }

    #[expect(clippy::needless_pass_by_value, reason = "an error is handed over here, on its way out")]
    pub(crate) fn message(mut self, message: impl ToString) -> Self {
        self.message = Some(message.to_string());
        self
    }

    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(crate) fn errors(mut self, errors: BTreeMap<String, Vec<String>>) -> Self {
        self.errors = (!errors.is_empty()).then(|| Box::new(ByField(errors)));
        self
    }

    /// The same error under the name that a route has for a failed store.
    pub(crate) const fn of_store(mut self, code: &'static str) -> Self {
        if self.is_of_the_store() {
            self.code = code;
        }
        self
    }

    /// When it is worth trying again.
    pub(crate) const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// A defect of ours, with what the log says about it.
    pub(crate) fn defect(cause: &str) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { cause: Some(cause.to_owned()), ..Self::new(status, "internal_error") }
    }

    /// Whether it is the gateway's store that failed, and not the client.
    pub(crate) const fn is_of_the_store(&self) -> bool {
        self.cause.is_some()
    }

    /// What is said of it on a surface with another shape.
    pub(crate) fn into_said(self) -> Said {
        Said {
            status: self.status,
            message: self.message,
            field: self.field,
            errors: self.errors.map(|errors| errors.0).unwrap_or_default(),
            failed: self.cause.map(|cause| (self.code, cause)),
        }
    }

    #[cfg(test)]
    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    #[cfg(test)]
    pub(crate) fn field_name(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl From<RepositoryError> for ApiError {
    fn from(error: RepositoryError) -> Self {
        let (status, code) = store_failure(&error);
        Self { cause: Some(chain(&error)), ..Self::new(status, code) }
    }
}

impl From<Forbidden> for ApiError {
    fn from(error: Forbidden) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden").message(error)
    }
}

/// Status and code of a failed store: whether it is worth trying again is all that clients learn.
pub(crate) const fn store_failure(error: &RepositoryError) -> (StatusCode, &'static str) {
    match error {
        RepositoryError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
        RepositoryError::Conflict { .. } | RepositoryError::Corrupt { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "internal_error")
        }
    }
}

/// An error and everything behind it, in one line for the log.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Left with a 5xx response for the outermost layer, which knows the request id: it logs the cause
/// and puts the id into the body.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) cause: String,
    pub(crate) body: Value,
    pub(crate) id_member: &'static str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: self.code.to_owned(),
            message: self.message,
            field: self.field,
            errors: self.errors.map(|errors| errors.0),
            request_id: None,
        };
        let failure = self.cause.map(|cause| Failure {
            code: self.code,
            cause,
            body: serde_json::to_value(&body).unwrap_or_default(),
            id_member: "requestId",
        });
        let mut response = (self.status, Json(body)).into_response();
        if let Some(failure) = failure {
            response.extensions_mut().insert(failure);
        }
        if let Some(wait) = self.retry_after {
            // Rounded up: whoever comes back too early waits again.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_names_failures_of_the_store_and_nothing_else() {
        let away = RepositoryError::Unavailable { source: "x".into() };
        let named = ApiError::from(away).of_store("load_x_failed").into_said();
        assert_eq!(named.status, StatusCode::SERVICE_UNAVAILABLE, "it is worth trying again");
        assert_eq!(named.failed.map(|(code, _)| code), Some("load_x_failed"));
        let broken = RepositoryError::Conflict { constraint: "x".into() };
        assert_eq!(ApiError::from(broken).of_store("load_x_failed").status.as_u16(), 500);
        assert_eq!(ApiError::bad_request("a").of_store("load_x_failed").code(), "a");
    }
}
