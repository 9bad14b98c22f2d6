//! `/api/v1/admin/costs` and `/api/v1/admin/projects/{uuid}/costs`: what calls cost.

mod show;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show::of_everybody)).routes(routes!(show::of_project))
}

#[cfg(test)]
mod tests;
