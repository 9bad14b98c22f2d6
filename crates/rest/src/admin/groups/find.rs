//! `GET /api/v1/admin/groups/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, groups};

use super::{GroupView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows an access group with its providers and members.
#[utoipa::path(get, path = "/api/v1/admin/groups/{id}", tag = "groups",
    params(("id" = String, Path, description = "The group")),
    responses(
        (status = OK, body = GroupView),
        (status = NOT_FOUND, description = "`group_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<GroupView>, ApiError> {
    Ok(Json(groups::find(&control, actor, parse_id(&id)?).await?.into()))
}
