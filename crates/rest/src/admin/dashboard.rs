//! `/api/v1/admin/dashboard`: what everybody's calls add up to.

use axum::Json;
use promptgate_control::statistics;
use promptgate_usage::Dimension;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::dashboard::{
    ActivityView, AdoptionView, BreakdownView, DurationView, Global, MessagesView, TokensView, WindowParams,
};
use crate::error::{ApiError, ErrorBody};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(tokens))
        .routes(routes!(messages))
        .routes(routes!(duration))
        .routes(routes!(activity))
        .routes(routes!(top_models))
        .routes(routes!(top_provider_names))
        .routes(routes!(top_provider_types))
        .routes(routes!(adoption))
        .routes(routes!(top_identities))
}

/// Shows how many tokens all calls took, and what they cost.
#[utoipa::path(get, path = "/api/v1/admin/dashboard/tokens", tag = "dashboards", params(WindowParams),
    responses(
        (status = OK, body = TokensView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn tokens(Global(asked): Global) -> Result<Json<TokensView>, ApiError> {
    asked.tokens().await
}

/// Shows how many calls there were.
#[utoipa::path(get, path = "/api/v1/admin/dashboard/messages", tag = "dashboards", params(WindowParams),
    responses(
        (status = OK, body = MessagesView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn messages(Global(asked): Global) -> Result<Json<MessagesView>, ApiError> {
    asked.messages().await
}

/// Shows how long all calls took together.
#[utoipa::path(get, path = "/api/v1/admin/dashboard/duration", tag = "dashboards", params(WindowParams),
    responses(
        (status = OK, body = DurationView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn duration(Global(asked): Global) -> Result<Json<DurationView>, ApiError> {
    asked.duration().await
}

/// Shows all calls by day, in UTC.
#[utoipa::path(get, path = "/api/v1/admin/dashboard/activity", tag = "dashboards", params(WindowParams),
    responses(
        (status = OK, body = ActivityView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn activity(Global(asked): Global) -> Result<Json<ActivityView>, ApiError> {
    asked.activity().await
}

/// Shows the models that took the most tokens of all calls.
#[utoipa::path(get, path = "/api/v1/admin/dashboard/top-models", tag = "dashboards", params(WindowParams),
    responses(
        (status = OK, body = BreakdownView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn top_models(Global(asked): Global) -> Result<Json<BreakdownView>, ApiError> {
    asked.top(Dimension::Model).await
}

/// Shows the providers that took the most tokens of all calls.
#[utoipa::path(get, path = "/api/v1/admin/dashboard/top-provider-names", tag = "dashboards", params(WindowParams),
    responses(
        (status = OK, body = BreakdownView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn top_provider_names(Global(asked): Global) -> Result<Json<BreakdownView>, ApiError> {
    asked.top(Dimension::Provider).await
}

/// Shows the kinds of providers that took the most tokens of all calls.
#[utoipa::path(get, path = "/api/v1/admin/dashboard/top-provider-types", tag = "dashboards", params(WindowParams),
    responses(
        (status = OK, body = BreakdownView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn top_provider_types(Global(asked): Global) -> Result<Json<BreakdownView>, ApiError> {
    asked.top(Dimension::ProviderKind).await
}

/// Shows how many people and service accounts made calls, and how many of their keys are good.
#[utoipa::path(get, path = "/api/v1/admin/dashboard/adoption", tag = "dashboards", params(WindowParams),
    responses(
        (status = OK, body = AdoptionView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn adoption(Global(asked): Global) -> Result<Json<AdoptionView>, ApiError> {
    let (period, adoption) = statistics::adoption(&asked.control, asked.actor, asked.window).await?;
    Ok(Json(AdoptionView::of(period, adoption)))
}

/// Shows the people and service accounts that took the most tokens.
#[utoipa::path(get, path = "/api/v1/admin/dashboard/top-identities", tag = "dashboards", params(WindowParams),
    responses(
        (status = OK, body = BreakdownView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn top_identities(Global(asked): Global) -> Result<Json<BreakdownView>, ApiError> {
    let top = statistics::top_identities(&asked.control, asked.actor, asked.window, asked.costs).await?;
    Ok(Json(BreakdownView::of(top.0, top.1)))
}

#[cfg(test)]
mod tests;
