//! `GET /api/v1/admin/projects/{uuid}/aliases/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, aliases};

use super::{AliasView, parse_ids};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Shows an alias.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/aliases/{id}", tag = "aliases",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The alias"),
    ),
    responses(
        (status = OK, body = AliasView),
        (status = NOT_FOUND, description = "`project_not_found`, `alias_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<AliasView>, ApiError> {
    let (project, id) = parse_ids(&segments)?;
    Ok(Json(aliases::find(&control, actor, project, id).await?.into()))
}
