//! `POST /api/v1/admin/admin-keys/{id}/rotate`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, admin_keys};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{IssuedAdminKeyView, parse_id};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// How a key is given another secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RotateAdminKeyBody {
    /// For how many seconds more the secret before serves; none unless given.
    #[schema(maximum = 2_592_000)]
    overlap_seconds: Option<u64>,
}

/// Gives an admin key another secret, which is shown this once.
#[utoipa::path(post, path = "/api/v1/admin/admin-keys/{id}/rotate", tag = "admin-keys",
    request_body = RotateAdminKeyBody, params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = IssuedAdminKeyView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_overlap`", body = ErrorBody),
        (status = NOT_FOUND, description = "`admin_key_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`admin_key_over`: it was revoked, or its time is over; or `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn rotate(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<RotateAdminKeyBody>,
) -> Result<Json<IssuedAdminKeyView>, ApiError> {
    let overlap = Duration::from_secs(body.overlap_seconds.unwrap_or_default());
    let issued = admin_keys::rotate(&control, actor, parse_id(&id)?, overlap).await?;
    Ok(Json(issued.into()))
}
