//! `POST /api/v1/admin/faqs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, faq};
use promptgate_help::NewFaqEntry;
use serde::Deserialize;
use utoipa::ToSchema;

use super::FaqView;
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};

/// A new entry of the FAQ.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateFaqBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 300)]
    question: String,
    /// In Markdown.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 65536)]
    answer: String,
    /// Whether everybody reads it; no unless said otherwise.
    published: Option<bool>,
}

/// Puts an entry behind all others of the FAQ.
#[utoipa::path(post, path = "/api/v1/admin/faqs", tag = "faq", request_body = CreateFaqBody,
    responses(
        (status = CREATED, body = FaqView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `question_required`, `question_too_long`, \
            `answer_required`, `answer_too_long`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateFaqBody>,
) -> Result<(StatusCode, Json<FaqView>), ApiError> {
    let new = NewFaqEntry {
        question: body.question,
        answer: body.answer,
        published: body.published.unwrap_or_default(),
    };
    let created = faq::create(&control, actor, new).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}
