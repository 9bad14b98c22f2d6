//! `/api/v1/admin/projects/{uuid}/usage`.

mod list;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use list::{UsageTokensView, UsageView, millis};

use crate::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list))
}
