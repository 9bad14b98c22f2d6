//! `PATCH /api/v1/admin/service-accounts/{id}/note`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::{AccountChanges, AccountKind};
use promptgate_control::Control;
use promptgate_control::accounts;

use super::{ServiceAccountView, not_found, parse_id};
use crate::admin::Acting;
use crate::admin::users::{NoteBody, refused};
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Writes the note about a service account.
#[utoipa::path(patch, path = "/api/v1/admin/service-accounts/{id}/note", tag = "service-accounts",
    params(("id" = String, Path, description = "The service account")),
    request_body = NoteBody,
    responses(
        (status = OK, body = ServiceAccountView),
        (status = BAD_REQUEST, description = "`invalid_note`, `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn note(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<NoteBody>,
) -> Result<Json<ServiceAccountView>, ApiError> {
    let changes = AccountChanges { note: Some(body.note), ..AccountChanges::default() };
    let updated = accounts::update(&control, actor, AccountKind::Service, parse_id(&id)?, changes).await;
    Ok(Json(updated.map_err(|error| refused(error, not_found))?.into()))
}
