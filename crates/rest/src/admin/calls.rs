//! `/api/v1/admin/calls`: the log of calls, and repeating one.

mod find;
mod list;
mod replay;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(find::find))
        .routes(routes!(replay::replay))
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("call_not_found").message(error)
}
