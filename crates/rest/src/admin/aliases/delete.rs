//! `DELETE /api/v1/admin/projects/{uuid}/aliases/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, aliases};

use super::parse_ids;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Deletes an alias; its name is free again.
#[utoipa::path(delete, path = "/api/v1/admin/projects/{uuid}/aliases/{id}", tag = "aliases",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The alias"),
    ),
    responses(
        (status = NO_CONTENT, description = "Deleted"),
        (status = NOT_FOUND, description = "`project_not_found`, `alias_not_found`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<StatusCode, ApiError> {
    let (project, id) = parse_ids(&segments)?;
    aliases::delete(&control, actor, project, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
