//! `/api/v1/admin/projects/{uuid}/endpoints/{id}/evals`: golden sets and their runs.

mod body;
mod create;
mod delete;
mod find;
mod list;
mod runs;
mod update;
mod view;

use promptgate_control::evals::{EvalAddress, EvalError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::endpoints;
use crate::ApiState;
use crate::casing::invalid;
use crate::error::ApiError;
use crate::segment::Segments;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(find::find, update::update, delete::delete))
        .routes(routes!(runs::runs, runs::run))
        .routes(routes!(runs::find_run))
}

/// Reads the ids in the address; what is no id belongs to nothing.
fn parse_address(segments: &Segments) -> Result<EvalAddress, ApiError> {
    let endpoint = endpoints::parse_address(segments)?;
    Ok(EvalAddress { endpoint, id: segments.named("evalId").parse().map_err(not_found)? })
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("eval_not_found").message(error)
}

fn run_not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("eval_run_not_found").message(error)
}

impl From<EvalError> for ApiError {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::Forbidden(error) => error.into(),
            EvalError::Endpoint(error) => error.into(),
            error @ EvalError::NotFound(_) => not_found(error),
            error @ EvalError::UnknownRun(_) => run_not_found(error),
            EvalError::Invalid(errors) => invalid("invalid_eval", &errors),
            error @ EvalError::Changed(_) => Self::changed(&error),
            error @ EvalError::NoRunner => endpoints::no_data_plane(error),
            EvalError::Store(error) => error.into(),
        }
    }
}
