//! `/api/v1/admin`: what the operator manages.

mod aliases;
mod calls;
mod credentials;
mod endpoints;
mod evals;
mod key;
pub(crate) mod projects;
mod provider_settings;
mod providers;
mod templates;
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
        .merge(credentials::routes())
        .merge(templates::routes())
        .merge(provider_settings::routes())
        .merge(aliases::routes())
        .merge(endpoints::routes())
        .merge(evals::routes())
        .merge(calls::routes())
        .merge(usage::routes())
}
