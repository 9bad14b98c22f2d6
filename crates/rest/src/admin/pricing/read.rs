//! `GET /api/v1/admin/pricing`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, prices};

use super::PricingView;
use crate::admin::Acting;
use crate::error::ApiError;

/// Shows all prices that were set.
#[utoipa::path(get, path = "/api/v1/admin/pricing", tag = "pricing",
    responses((status = OK, body = PricingView)))]
pub(super) async fn read(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<PricingView>, ApiError> {
    Ok(Json(prices::all(&control, actor).await?.into()))
}
