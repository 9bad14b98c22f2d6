//! `/api/v1/me`: what belongs to whoever is signed in.

mod groups;
mod profile;
mod quota;
pub(crate) mod sessions;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(profile::profile))
        .routes(routes!(groups::groups))
        .routes(routes!(quota::quota))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
}
