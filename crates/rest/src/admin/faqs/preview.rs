//! `POST /api/v1/admin/faqs/preview`

use axum::Json;
use promptgate_control::faq;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::ApiError;

/// An answer that somebody is writing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PreviewBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required)]
    markdown: String,
}

/// What it will look like.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PreviewView {
    /// HTML that is safe to show.
    rendered_html: String,
}

/// Renders Markdown as an answer of the FAQ is rendered, and keeps nothing.
#[utoipa::path(post, path = "/api/v1/admin/faqs/preview", tag = "faq", request_body = PreviewBody,
    responses((status = OK, body = PreviewView)))]
pub(super) async fn preview(
    Acting(actor): Acting,
    StrictJson(body): StrictJson<PreviewBody>,
) -> Result<Json<PreviewView>, ApiError> {
    Ok(Json(PreviewView { rendered_html: faq::preview(actor, &body.markdown)? }))
}
