//! `GET /api/v1/admin/subscriptions/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, plans};

use super::{SubscriptionPlanView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows a subscription plan, and how many accounts have it.
#[utoipa::path(get, path = "/api/v1/admin/subscriptions/{id}", tag = "subscriptions",
    params(("id" = String, Path, description = "The plan")),
    responses(
        (status = OK, body = SubscriptionPlanView),
        (status = NOT_FOUND, description = "`subscription_plan_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<SubscriptionPlanView>, ApiError> {
    Ok(Json(plans::find(&control, actor, parse_id(&id)?).await?.into()))
}
