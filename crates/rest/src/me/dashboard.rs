//! `/api/v1/me/dashboard`: what one's own calls add up to.

use axum::Json;
use promptgate_usage::Dimension;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::dashboard::{
    ActivityView, BreakdownView, DurationView, MessagesView, Own, TokensView, WindowParams,
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
}

/// Shows how many tokens one's own calls took, and what they cost.
#[utoipa::path(get, path = "/api/v1/me/dashboard/tokens", tag = "me", operation_id = "dashboard_tokens",
    params(WindowParams),
    responses(
        (status = OK, body = TokensView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn tokens(Own(asked): Own) -> Result<Json<TokensView>, ApiError> {
    asked.tokens().await
}

/// Shows how many calls one made.
#[utoipa::path(get, path = "/api/v1/me/dashboard/messages", tag = "me", operation_id = "dashboard_messages",
    params(WindowParams),
    responses(
        (status = OK, body = MessagesView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn messages(Own(asked): Own) -> Result<Json<MessagesView>, ApiError> {
    asked.messages().await
}

/// Shows how long one's own calls took together.
#[utoipa::path(get, path = "/api/v1/me/dashboard/duration", tag = "me", operation_id = "dashboard_duration",
    params(WindowParams),
    responses(
        (status = OK, body = DurationView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn duration(Own(asked): Own) -> Result<Json<DurationView>, ApiError> {
    asked.duration().await
}

/// Shows one's own calls by day, in UTC.
#[utoipa::path(get, path = "/api/v1/me/dashboard/activity", tag = "me", operation_id = "dashboard_activity",
    params(WindowParams),
    responses(
        (status = OK, body = ActivityView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn activity(Own(asked): Own) -> Result<Json<ActivityView>, ApiError> {
    asked.activity().await
}

/// Shows the models that took the most tokens of one's own calls.
#[utoipa::path(get, path = "/api/v1/me/dashboard/top-models", tag = "me", operation_id = "dashboard_top_models",
    params(WindowParams),
    responses(
        (status = OK, body = BreakdownView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn top_models(Own(asked): Own) -> Result<Json<BreakdownView>, ApiError> {
    asked.top(Dimension::Model).await
}

/// Shows the providers that took the most tokens of one's own calls.
#[utoipa::path(get, path = "/api/v1/me/dashboard/top-provider-names", tag = "me", operation_id = "dashboard_top_provider_names",
    params(WindowParams),
    responses(
        (status = OK, body = BreakdownView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn top_provider_names(Own(asked): Own) -> Result<Json<BreakdownView>, ApiError> {
    asked.top(Dimension::Provider).await
}

/// Shows the kinds of providers that took the most tokens of one's own calls.
#[utoipa::path(get, path = "/api/v1/me/dashboard/top-provider-types", tag = "me", operation_id = "dashboard_top_provider_types",
    params(WindowParams),
    responses(
        (status = OK, body = BreakdownView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
    ))]
async fn top_provider_types(Own(asked): Own) -> Result<Json<BreakdownView>, ApiError> {
    asked.top(Dimension::ProviderKind).await
}

#[cfg(test)]
mod tests;
