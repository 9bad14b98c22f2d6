//! `DELETE /api/v1/admin/faqs/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, faq};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Deletes an entry of the FAQ.
#[utoipa::path(delete, path = "/api/v1/admin/faqs/{id}", tag = "faq",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`faq_not_found`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    faq::delete(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
