//! `GET /health`: whether the database answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{ApiState, error};

const BUDGET: Duration = Duration::from_secs(3);

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(health))
}

/// Whether the API works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `ok` or `degraded`.
    status: &'static str,
    /// What was looked at.
    checks: HealthChecks,
}

/// What was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthChecks {
    /// `ok` or `error`.
    database: &'static str,
}

/// Tells whether the database answers within three seconds.
#[utoipa::path(get, path = "/health", tag = "operations", responses(
    (status = OK, body = HealthView),
    (status = SERVICE_UNAVAILABLE, description = "The database does not answer", body = HealthView),
))]
async fn health(State(control): State<Arc<Control>>) -> (StatusCode, Json<HealthView>) {
    let failed = match tokio::time::timeout(BUDGET, control.ping()).await {
        Ok(Ok(())) => None,
        Ok(Err(cause)) => Some(error::chain(&cause)),
        Err(_) => Some("no answer in time".to_owned()),
    };
    let Some(cause) = failed else {
        return (StatusCode::OK, Json(HealthView { status: "ok", checks: HealthChecks { database: "ok" } }));
    };
    tracing::warn!(cause, "the database does not answer: {cause}");
    let view = HealthView { status: "degraded", checks: HealthChecks { database: "error" } };
    (StatusCode::SERVICE_UNAVAILABLE, Json(view))
}
