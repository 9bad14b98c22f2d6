//! `PATCH /api/v1/admin/setup-guides/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, setup_guides};

use super::body::GuideBody;
use super::{GuideView, parse_id};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Changes a set-up guide. What is left out stays; all of it may be sent too.
#[utoipa::path(patch, path = "/api/v1/admin/setup-guides/{id}", tag = "setup-guides",
    params(("id" = String, Path, description = "The guide")),
    request_body = GuideBody,
    responses(
        (status = OK, body = GuideView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid setup guide id`, or a sentence \
            that says what is wrong", body = ErrorBody),
        (status = NOT_FOUND, description = "`setup_guide_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`setup_guide_identifier_conflict`, `concurrent_change`",
            body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<GuideBody>,
) -> Result<Json<GuideView>, ApiError> {
    let changed = setup_guides::update(&control, actor, parse_id(&id)?, body.try_into()?).await?;
    Ok(Json(changed.into()))
}
