//! `GET /api/v1/admin/projects/{uuid}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::projects::{self, FindProjectError};

use super::{ProjectView, not_found, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows a project.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}", tag = "projects",
    params(("uuid" = String, Path, description = "The project")),
    responses(
        (status = OK, body = ProjectView),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
) -> Result<Json<ProjectView>, ApiError> {
    let project = projects::find(&control, actor, parse_id(&uuid)?).await?;
    Ok(Json(project.into()))
}

impl From<FindProjectError> for ApiError {
    fn from(error: FindProjectError) -> Self {
        match error {
            FindProjectError::Forbidden(error) => error.into(),
            error @ FindProjectError::NotFound(_) => not_found(error),
            FindProjectError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn a_project_is_found_by_its_uuid_and_anything_else_is_not() {
        let api = Api::new().await;
        let uuid = api.create_project("x", "ai_wrapper").await;
        assert_eq!(api.get(&format!("/api/v1/admin/projects/{uuid}")).await.ok()["uuid"], uuid);
        for wrong in ["018f4e6e-0000-7000-8000-00000000dead", "7", "x%20y"] {
            api.get(&format!("/api/v1/admin/projects/{wrong}")).await.refused(404, "project_not_found");
        }
    }
}
