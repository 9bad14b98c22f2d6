//! `GET /api/v1/admin/providers/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::providers::{self, FindProviderError};

use super::{ProviderView, not_found, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows a provider, without its key.
#[utoipa::path(get, path = "/api/v1/admin/providers/{id}", tag = "providers",
    params(("id" = String, Path, description = "The provider")),
    responses(
        (status = OK, body = ProviderView),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<ProviderView>, ApiError> {
    let found = providers::find(&control, actor, parse_id(&id)?).await?;
    Ok(Json(found.into()))
}

impl From<FindProviderError> for ApiError {
    fn from(error: FindProviderError) -> Self {
        match error {
            FindProviderError::Forbidden(error) => error.into(),
            error @ FindProviderError::NotFound(_) => not_found(error),
            FindProviderError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn a_provider_is_found_by_its_id_and_anything_else_is_not() {
        let api = Api::new().await;
        let id = api.create_provider("main", "echo").await;
        assert_eq!(api.get(&format!("/api/v1/admin/providers/{id}")).await.ok()["name"], "main");
        for wrong in ["main", "018f4e6e-0000-7000-8000-00000000dead"] {
            api.get(&format!("/api/v1/admin/providers/{wrong}")).await.refused(404, "provider_not_found");
        }
    }
}
