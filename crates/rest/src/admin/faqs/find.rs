//! `GET /api/v1/admin/faqs/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, faq};

use super::{FaqView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows an entry of the FAQ.
#[utoipa::path(get, path = "/api/v1/admin/faqs/{id}", tag = "faq",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = FaqView),
        (status = NOT_FOUND, description = "`faq_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<FaqView>, ApiError> {
    let found = faq::find(&control, actor, parse_id(&id)?).await?;
    Ok(Json(found.into()))
}
