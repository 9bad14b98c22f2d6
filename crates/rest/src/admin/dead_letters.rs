//! `/api/v1/admin/usage/dead-letters`: calls that could not be recorded.

mod discard;
mod find;
mod list;
mod retry;

use http::StatusCode;
use promptgate_control::dead_letters::DeadLetterError;
use promptgate_kernel::{CallId, Timestamp};
use promptgate_usage::DeadLetter;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(find::find, discard::discard))
        .routes(routes!(retry::retry))
}

/// A call whose usage event the database refused for what it says. It is counted nowhere until it is
/// recorded.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeadLetterView {
    /// The call.
    #[schema(value_type = String, format = "uuid")]
    id: CallId,
    /// The event, without what was said in the call; a text where it is no JSON.
    #[schema(value_type = Object)]
    event: Value,
    /// Why it was refused, the last time.
    error: String,
    /// How often it was tried.
    attempts: u32,
    #[schema(value_type = String, format = "date-time")]
    first_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    last_at: Timestamp,
    /// When somebody discarded it; null while it waits.
    #[schema(value_type = Option<String>, format = "date-time")]
    discarded_at: Option<Timestamp>,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        Self {
            id: letter.id,
            event: serde_json::from_str(&letter.event).unwrap_or(Value::String(letter.event)),
            error: letter.error,
            attempts: letter.attempts,
            first_at: letter.first_at,
            last_at: letter.last_at,
            discarded_at: letter.discarded_at,
        }
    }
}

/// Reads the id in the address; what is no id belongs to no letter.
fn parse_id(text: &str) -> Result<CallId, ApiError> {
    text.parse().map_err(not_found)
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("dead_letter_not_found").message(error)
}

impl From<DeadLetterError> for ApiError {
    fn from(error: DeadLetterError) -> Self {
        match error {
            DeadLetterError::Forbidden(error) => error.into(),
            error @ DeadLetterError::NotFound(_) => not_found(error),
            error @ DeadLetterError::Refused { .. } => {
                Self::new(StatusCode::CONFLICT, "dead_letter_refused").message(error)
            }
            DeadLetterError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
