//! `POST /api/v1/admin/admin-keys`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::admin_keys::{self, NewAdminKey};
use promptgate_kernel::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::IssuedAdminKeyView;
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};

/// An admin key as somebody wants it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateAdminKeyBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 80, example = "Deployment")]
    name: String,
    /// When it stops to serve; never unless given.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
}

/// Makes an admin key. Its secret is shown this once.
#[utoipa::path(post, path = "/api/v1/admin/admin-keys", tag = "admin-keys", request_body = CreateAdminKeyBody,
    responses(
        (status = CREATED, body = IssuedAdminKeyView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_name`, `invalid_expires_at`",
            body = ErrorBody),
        (status = CONFLICT, description = "`name_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateAdminKeyBody>,
) -> Result<(StatusCode, Json<IssuedAdminKeyView>), ApiError> {
    let new = NewAdminKey { name: body.name, expires_at: body.expires_at };
    let issued = admin_keys::create(&control, actor, new).await?;
    Ok((StatusCode::CREATED, Json(issued.into())))
}
