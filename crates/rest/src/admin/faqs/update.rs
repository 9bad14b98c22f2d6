//! `PATCH /api/v1/admin/faqs/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, faq};
use promptgate_help::FaqChanges;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{FaqView, parse_id};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// What is to change about an entry. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateFaqBody {
    #[schema(min_length = 1, max_length = 300)]
    question: Option<String>,
    #[schema(min_length = 1, max_length = 65536)]
    answer: Option<String>,
    published: Option<bool>,
}

/// Changes an entry of the FAQ.
#[utoipa::path(patch, path = "/api/v1/admin/faqs/{id}", tag = "faq",
    params(("id" = String, Path, description = "The entry")),
    request_body = UpdateFaqBody,
    responses(
        (status = OK, body = FaqView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_id`, `question_required`, \
            `question_too_long`, `answer_required`, `answer_too_long`", body = ErrorBody),
        (status = NOT_FOUND, description = "`faq_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdateFaqBody>,
) -> Result<Json<FaqView>, ApiError> {
    let changes = FaqChanges { question: body.question, answer: body.answer, published: body.published };
    let updated = faq::update(&control, actor, parse_id(&id)?, changes).await?;
    Ok(Json(updated.into()))
}
