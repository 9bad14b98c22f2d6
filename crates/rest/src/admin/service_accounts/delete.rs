//! `DELETE /api/v1/admin/service-accounts/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_auth::AccountKind;
use promptgate_control::Control;
use promptgate_control::accounts;

use super::{not_found, parse_id};
use crate::admin::Acting;
use crate::admin::users::not_deleted;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Deletes a service account. What names it goes; calls stay attributable to the id.
#[utoipa::path(delete, path = "/api/v1/admin/service-accounts/{id}", tag = "service-accounts",
    params(("id" = String, Path, description = "The service account")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    let deleted = accounts::delete(&control, actor, AccountKind::Service, parse_id(&id)?).await;
    deleted.map_err(|error| not_deleted(error, not_found))?;
    Ok(StatusCode::NO_CONTENT)
}
