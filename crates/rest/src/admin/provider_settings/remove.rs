//! `DELETE /api/v1/admin/projects/{uuid}/provider-settings/{providerId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, project_providers};

use super::parse_ids;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Forgets what a project does with a provider, so that the defaults count.
#[utoipa::path(delete, path = "/api/v1/admin/projects/{uuid}/provider-settings/{providerId}",
    tag = "provider-settings",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("providerId" = String, Path, description = "The provider"),
    ),
    responses(
        (status = NO_CONTENT, description = "Nothing special is set"),
        (status = NOT_FOUND, description = "`project_not_found`, `provider_not_found`", body = ErrorBody),
    ))]
pub(super) async fn remove(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<StatusCode, ApiError> {
    let (project, provider) = parse_ids(&segments)?;
    project_providers::remove(&control, actor, project, provider).await?;
    Ok(StatusCode::NO_CONTENT)
}
