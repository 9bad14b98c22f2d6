//! `DELETE /api/v1/admin/admin-keys/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, admin_keys};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Revokes an admin key. It opens nothing from then on, in every process.
#[utoipa::path(delete, path = "/api/v1/admin/admin-keys/{id}", tag = "admin-keys",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`admin_key_not_found`", body = ErrorBody),
    ))]
pub(super) async fn revoke(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    admin_keys::revoke(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
