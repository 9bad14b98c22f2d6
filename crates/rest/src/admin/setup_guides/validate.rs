//! `POST /api/v1/admin/setup-guides/validate`

use axum::Json;
use http::StatusCode;
use promptgate_control::setup_guides::{self, SetupGuideError};
use promptgate_help::InvalidSetupGuide;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::ApiError;

/// A template that somebody is writing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ValidateBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required)]
    template: String,
}

/// Whether a template can be filled in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValidateView {
    /// Not there if the body holds no template.
    #[schema(required = false)]
    valid: bool,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Says whether a template can be filled in, and keeps nothing.
#[utoipa::path(post, path = "/api/v1/admin/setup-guides/validate", tag = "setup-guides",
    request_body = ValidateBody,
    responses(
        (status = OK, body = ValidateView),
        (status = BAD_REQUEST, description = "It cannot: `valid` is false, `error` says why. Or \
            `invalid_request_body`", body = ValidateView),
    ))]
pub(super) async fn validate(
    Acting(actor): Acting,
    StrictJson(body): StrictJson<ValidateBody>,
) -> Result<(StatusCode, Json<ValidateView>), ApiError> {
    match setup_guides::validate(actor, &body.template) {
        Ok(()) => Ok((StatusCode::OK, Json(ValidateView { valid: true, error: None }))),
        Err(SetupGuideError::Invalid(InvalidSetupGuide::Template(wrong))) => {
            let view = ValidateView { valid: false, error: Some(wrong.to_string()) };
            Ok((StatusCode::BAD_REQUEST, Json(view)))
        }
        Err(error) => Err(error.into()),
    }
}
