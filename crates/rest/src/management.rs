//! `/api/{uuid}/admin/**` and `/api/{uuid}/tokens/children`: what a project's own token may manage.
//!
//! The routes are a door to the same use cases as the JSON API, with the names of the public contract. The
//! door of `admin` is shut unless an operator opens it; whoever comes through may do it 30 times a minute,
//! over all replicas.

mod body;
mod door;
mod endpoints;
mod limits;
mod tokens;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(tokens::issue))
        .routes(routes!(tokens::revoke))
        .routes(routes!(tokens::rotate))
        .routes(routes!(tokens::mint))
        .routes(routes!(endpoints::create))
        .routes(routes!(endpoints::replace, endpoints::change))
}

#[cfg(test)]
mod tests;
