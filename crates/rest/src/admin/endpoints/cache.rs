//! `DELETE /api/v1/admin/projects/{uuid}/endpoints/{id}/cache`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, endpoints};
use serde::Serialize;
use utoipa::ToSchema;

use super::parse_address;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// What was forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PurgedView {
    /// How many answers there were.
    removed: u64,
}

/// Forgets the cached answers of an AI endpoint.
#[utoipa::path(delete, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/cache", tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
    ),
    responses(
        (status = OK, body = PurgedView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
    ))]
pub(super) async fn purge_cache(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<PurgedView>, ApiError> {
    let removed = endpoints::purge_cache(&control, actor, parse_address(&segments)?).await?;
    Ok(Json(PurgedView { removed }))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn cached_answers_are_forgotten() {
        let api = Api::new().await;
        let path = api.create_endpoint("Mail").await;
        api.cache_an_answer(&path).await;
        assert_eq!(api.delete(&format!("{path}/cache")).await.ok()["removed"], 1);
        assert_eq!(api.delete(&format!("{path}/cache")).await.ok()["removed"], 0);
        assert_eq!(api.audit_actions().await.last().unwrap(), "endpoint.cache.purged");
    }
}
