//! `PUT` and `DELETE /api/v1/admin/groups/{id}/members/{userId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, groups};

use super::{parse_id, parse_user};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Puts a person or a service account into an access group. One that is in it stays in it.
#[utoipa::path(put, path = "/api/v1/admin/groups/{id}/members/{userId}", tag = "groups",
    params(
        ("id" = String, Path, description = "The group"),
        ("userId" = String, Path, description = "The person or service account"),
    ),
    responses(
        (status = NO_CONTENT, description = "It is in the group"),
        (status = NOT_FOUND, description = "`group_not_found`, `user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn add(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<StatusCode, ApiError> {
    let (id, user) = (parse_id(segments.named("id"))?, parse_user(segments.named("userId"))?);
    groups::add_member(&control, actor, id, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a person or a service account out of an access group. One that is not in it stays out.
#[utoipa::path(delete, path = "/api/v1/admin/groups/{id}/members/{userId}", tag = "groups",
    params(
        ("id" = String, Path, description = "The group"),
        ("userId" = String, Path, description = "The person or service account"),
    ),
    responses(
        (status = NO_CONTENT, description = "It is not in the group"),
        (status = NOT_FOUND, description = "`group_not_found`, `user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn remove(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<StatusCode, ApiError> {
    let (id, user) = (parse_id(segments.named("id"))?, parse_user(segments.named("userId"))?);
    groups::remove_member(&control, actor, id, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
