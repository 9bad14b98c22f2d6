//! `POST /api/v1/admin/setup-guides`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, setup_guides};

use super::GuideView;
use super::body::GuideBody;
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};

/// Creates a set-up guide.
#[utoipa::path(post, path = "/api/v1/admin/setup-guides", tag = "setup-guides", request_body = GuideBody,
    responses(
        (status = CREATED, body = GuideView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, or a sentence that says what is wrong",
            body = ErrorBody),
        (status = CONFLICT, description = "`setup_guide_identifier_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<GuideBody>,
) -> Result<(StatusCode, Json<GuideView>), ApiError> {
    let created = setup_guides::create(&control, actor, body.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}
