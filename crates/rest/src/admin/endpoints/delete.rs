//! `DELETE /api/v1/admin/projects/{uuid}/endpoints/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, endpoints};

use super::parse_address;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Deletes an AI endpoint with its versions, golden sets, conversations and cached answers.
#[utoipa::path(delete, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}", tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
    ),
    responses(
        (status = NO_CONTENT, description = "Deleted"),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<StatusCode, ApiError> {
    endpoints::delete(&control, actor, parse_address(&segments)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn a_deleted_endpoint_is_gone_with_what_belongs_to_it_and_its_slug_is_free() {
        let api = Api::new().await;
        let path = api.create_endpoint("Mail").await;
        api.delete(&path).await.no_content();
        api.get(&path).await.refused(404, "endpoint_not_found");
        api.get(&format!("{path}/versions/1")).await.refused(404, "endpoint_not_found");
        api.delete(&path).await.refused(404, "endpoint_not_found");
        assert_eq!(api.audit_actions().await.last().unwrap(), "endpoint.deleted");
    }

    #[tokio::test]
    async fn a_deleted_project_takes_its_endpoints_with_it() {
        let api = Api::new().await;
        let path = api.create_endpoint("Mail").await;
        let project = path.split("/endpoints").next().unwrap();
        api.delete(project).await.no_content();
        api.get(&path).await.refused(404, "project_not_found");
        assert_eq!(api.count_endpoints().await, 0);
    }
}
