//! `PATCH /api/v1/admin/faqs/{id}/position`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, faq};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{FaqView, parse_id};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Where an entry is to go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PlaceFaqBody {
    /// From 0 to one less than there are entries.
    #[schema(minimum = 0)]
    position: i64,
}

/// Moves an entry of the FAQ; the others make room.
#[utoipa::path(patch, path = "/api/v1/admin/faqs/{id}/position", tag = "faq",
    params(("id" = String, Path, description = "The entry")),
    request_body = PlaceFaqBody,
    responses(
        (status = OK, body = FaqView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_id`, `invalid_position`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`faq_not_found`", body = ErrorBody),
    ))]
pub(super) async fn place(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<PlaceFaqBody>,
) -> Result<Json<FaqView>, ApiError> {
    let moved = faq::place(&control, actor, parse_id(&id)?, body.position).await?;
    Ok(Json(moved.into()))
}
