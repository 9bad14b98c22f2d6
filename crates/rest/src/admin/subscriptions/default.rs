//! `PUT /api/v1/admin/subscriptions/{id}/default`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, plans};

use super::{SubscriptionPlanView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Makes a subscription plan the default one, in place of the one before.
#[utoipa::path(put, path = "/api/v1/admin/subscriptions/{id}/default", tag = "subscriptions",
    params(("id" = String, Path, description = "The plan")),
    responses(
        (status = OK, body = SubscriptionPlanView),
        (status = NOT_FOUND, description = "`subscription_plan_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn make_default(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<SubscriptionPlanView>, ApiError> {
    Ok(Json(plans::make_default(&control, actor, parse_id(&id)?).await?.into()))
}
