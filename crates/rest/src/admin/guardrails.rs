//! `/api/v1/admin/guardrails`, and the same below a project and a token: what may pass. Besides, what
//! rules make of something: `/api/v1/admin/firewall/explain` and `/replay`.

mod admission;
mod body;
mod catalogue;
mod explain;
mod levels;
mod replay;
#[cfg(test)]
mod tests;
pub(super) mod verdict;
mod view;

use http::StatusCode;
use promptgate_control::guardrails::{ExplainError, GuardrailError};
use promptgate_firewall::guardrails::InvalidRules;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::admin::{endpoints, projects};
use crate::casing::camel;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(levels::of_everybody, levels::change_of_everybody, levels::replace_of_everybody))
        .routes(routes!(levels::of_project, levels::change_of_project, levels::replace_of_project))
        .routes(routes!(levels::of_token, levels::change_of_token, levels::replace_of_token))
        .routes(routes!(levels::of_endpoint))
        .routes(routes!(catalogue::catalogue))
        .routes(routes!(explain::explain))
        .routes(routes!(replay::replay))
}

fn unknown_token(error: impl ToString) -> ApiError {
    ApiError::not_found("token_not_found").message(error)
}

/// What is wrong with rules, by the names of this API; `within` is the member that they stand in.
fn invalid(wrong: &InvalidRules, within: &str) -> ApiError {
    let field = format!("{within}{}", camel(&wrong.field));
    let message = format!("{field} {}", wrong.reason);
    ApiError::bad_request("invalid_guardrails").field(field).message(message)
}

impl From<GuardrailError> for ApiError {
    fn from(error: GuardrailError) -> Self {
        match error {
            GuardrailError::Forbidden(error) => error.into(),
            error @ GuardrailError::UnknownProject(_) => projects::not_found(error),
            error @ GuardrailError::WrongType(_) => projects::wrong_type(error),
            error @ GuardrailError::UnknownToken(_) => unknown_token(error),
            error @ GuardrailError::UnknownEndpoint(_) => endpoints::not_found(error),
            error @ GuardrailError::Unreadable(_) => {
                Self::new(StatusCode::CONFLICT, "guardrails_unreadable").message(error)
            }
            GuardrailError::Invalid(wrong) => invalid(&wrong, ""),
            error @ GuardrailError::Changed => Self::changed(&error),
            GuardrailError::Store(error) => error.into(),
        }
    }
}

/// The same where rules are tried, which stand in the member `rules`.
fn trial_failed(error: ExplainError, place: impl FnOnce(usize) -> String) -> ApiError {
    match error {
        ExplainError::Guardrails(GuardrailError::Invalid(wrong)) => invalid(&wrong, "rules."),
        ExplainError::Guardrails(error) => error.into(),
        ExplainError::Unreadable { at, source } => {
            let field = place(at);
            let message = format!("{field}: {source}");
            ApiError::bad_request("unreadable_body").field(field).message(message)
        }
        error @ ExplainError::Failed => ApiError::defect(&error.to_string()),
    }
}
