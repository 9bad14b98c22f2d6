//! `DELETE /api/v1/admin/providers/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::providers::{self, DeleteProviderError};

use super::{not_found, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Deletes a provider with its credentials, its templates and the aliases of its models. Projects that
/// it was the default of have none afterwards, and endpoints that named it name none.
#[utoipa::path(delete, path = "/api/v1/admin/providers/{id}", tag = "providers",
    params(("id" = String, Path, description = "The provider")),
    responses(
        (status = NO_CONTENT, description = "Deleted"),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    providers::delete(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<DeleteProviderError> for ApiError {
    fn from(error: DeleteProviderError) -> Self {
        match error {
            DeleteProviderError::Forbidden(error) => error.into(),
            error @ DeleteProviderError::NotFound(_) => not_found(error),
            error @ DeleteProviderError::ProjectChanged(_) => Self::changed(&error),
            DeleteProviderError::Endpoint(error) => error.into(),
            DeleteProviderError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn a_name_is_free_again_and_no_project_keeps_the_default() {
        let api = Api::new().await;
        let id = api.create_provider("main", "echo").await;
        let project = format!("/api/v1/admin/projects/{}", api.create_project("x", "ai_wrapper").await);
        api.patch(&project, &json!({"defaultProviderId": id})).await.ok();
        let path = format!("/api/v1/admin/providers/{id}");
        api.delete(&path).await.no_content();
        api.delete(&path).await.refused(404, "provider_not_found");
        assert_eq!(api.get(&project).await.ok()["defaultProviderId"], json!(null));
        api.create_provider("main", "echo").await;
    }
}
