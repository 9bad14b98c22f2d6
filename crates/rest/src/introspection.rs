//! `/api/{uuid}/info`, `/endpoints`, `/tokens`, `/models`, `/tokens/self/limits`: what a project's own token may read.

mod bearer;
mod endpoints;
mod error;
mod info;
mod limits;
mod models;
mod tokens;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use bearer::Bearer;
pub(crate) use error::{Problem, ProjectError, problem};

use crate::ApiState;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(info::info))
        .routes(routes!(endpoints::endpoints))
        .routes(routes!(tokens::tokens))
        .routes(routes!(limits::limits_of_token))
        .routes(routes!(models::models))
}

/// A good answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Answer<T> {
    /// Always true.
    ok: bool,
    /// What was asked for.
    data: T,
}

impl<T> Answer<T> {
    pub(crate) const fn of(data: T) -> Self {
        Self { ok: true, data }
    }
}
