//! `/api/v1/me`: what belongs to whoever is signed in.

mod dashboard;
mod groups;
mod limits;
mod profile;
mod prompts;
mod quota;
pub(crate) mod sessions;
mod usage;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(profile::profile))
        .routes(routes!(groups::groups))
        .routes(routes!(quota::quota))
        .routes(routes!(limits::own_limits))
        .routes(routes!(usage::usage))
        .routes(routes!(prompts::prompts))
        .merge(dashboard::routes())
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
}
