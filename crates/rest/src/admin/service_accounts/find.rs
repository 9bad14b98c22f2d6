//! `GET /api/v1/admin/service-accounts/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::AccountKind;
use promptgate_control::Control;
use promptgate_control::accounts;

use super::{ServiceAccountView, not_found, parse_id};
use crate::admin::Acting;
use crate::admin::users::missing;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows a service account.
#[utoipa::path(get, path = "/api/v1/admin/service-accounts/{id}", tag = "service-accounts",
    params(("id" = String, Path, description = "The service account")),
    responses(
        (status = OK, body = ServiceAccountView),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<ServiceAccountView>, ApiError> {
    let found = accounts::find(&control, actor, AccountKind::Service, parse_id(&id)?).await;
    Ok(Json(found.map_err(|error| missing(error, not_found))?.into()))
}
