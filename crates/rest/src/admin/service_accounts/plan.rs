//! `PUT /api/v1/admin/service-accounts/{id}/subscription-plan`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::AccountKind;
use promptgate_control::{Control, accounts, plans};

use super::{ServiceAccountView, not_found, parse_id};
use crate::admin::Acting;
use crate::admin::users::{PlanBody, missing, not_assigned};
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Gives a service account a subscription plan, or leaves the default one.
#[utoipa::path(put, path = "/api/v1/admin/service-accounts/{id}/subscription-plan", tag = "service-accounts",
    params(("id" = String, Path, description = "The service account")),
    request_body = PlanBody,
    responses(
        (status = OK, body = ServiceAccountView),
        (status = BAD_REQUEST, description = "`invalid_subscription_assignment`, `invalid_request_body`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn assign(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<PlanBody>,
) -> Result<Json<ServiceAccountView>, ApiError> {
    let (id, kind) = (parse_id(&id)?, AccountKind::Service);
    let assigned = plans::assign(&control, actor, kind, id, body.plan()?).await;
    assigned.map_err(|error| not_assigned(error, not_found))?;
    let found = accounts::find(&control, actor, kind, id).await;
    Ok(Json(found.map_err(|error| missing(error, not_found))?.into()))
}
