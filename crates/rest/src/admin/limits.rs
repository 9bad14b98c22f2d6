//! `…/limits` of projects, groups, people, service accounts, tokens and endpoints: how each limit stands.

mod show;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(show::of_project))
        .routes(routes!(show::of_group))
        .routes(routes!(show::of_user))
        .routes(routes!(show::of_service_account))
        .routes(routes!(show::of_token))
        .routes(routes!(show::of_endpoint))
}

#[cfg(test)]
mod tests;
