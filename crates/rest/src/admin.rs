//! `/api/v1/admin`: what the operator manages.

mod key;
mod projects;
mod providers;
mod tokens;
mod usage;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use key::Acting;

use crate::ApiState;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(projects::routes())
        .merge(tokens::routes())
        .merge(providers::routes())
        .merge(usage::routes())
}
