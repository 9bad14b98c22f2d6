//! `DELETE /api/v1/admin/projects/{uuid}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::projects::{self, DeleteProjectError};

use super::{not_found, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Deletes a project: its routes and tokens stop, its aliases, provider settings and endpoints are gone,
/// its history stays.
#[utoipa::path(delete, path = "/api/v1/admin/projects/{uuid}", tag = "projects",
    params(("uuid" = String, Path, description = "The project")),
    responses(
        (status = NO_CONTENT, description = "Deleted"),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
) -> Result<StatusCode, ApiError> {
    projects::delete(&control, actor, parse_id(&uuid)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<DeleteProjectError> for ApiError {
    fn from(error: DeleteProjectError) -> Self {
        match error {
            DeleteProjectError::Forbidden(error) => error.into(),
            error @ DeleteProjectError::NotFound(_) => not_found(error),
            error @ DeleteProjectError::Changed(_) => Self::changed(&error),
            DeleteProjectError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn a_deleted_project_is_gone() {
        let api = Api::new().await;
        let path = format!("/api/v1/admin/projects/{}", api.create_project("x", "ai_wrapper").await);
        api.delete(&path).await.no_content();
        api.get(&path).await.refused(404, "project_not_found");
        api.delete(&path).await.refused(404, "project_not_found");
        api.get(&format!("{path}/tokens")).await.refused(404, "project_not_found");
        assert_eq!(api.get("/api/v1/admin/projects").await.ok()["total"], 0);
    }
}
