//! `GET /api/v1/admin/setup-guides/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, setup_guides};

use super::{GuideView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows a set-up guide.
#[utoipa::path(get, path = "/api/v1/admin/setup-guides/{id}", tag = "setup-guides",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = GuideView),
        (status = NOT_FOUND, description = "`setup_guide_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<GuideView>, ApiError> {
    let found = setup_guides::find(&control, actor, parse_id(&id)?).await?;
    Ok(Json(found.into()))
}
