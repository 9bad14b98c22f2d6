//! `GET /api/v1/admin/pricing/models/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, prices};

use super::{PriceView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows the price of a model.
#[utoipa::path(get, path = "/api/v1/admin/pricing/models/{id}", tag = "pricing",
    params(("id" = String, Path, description = "The price")),
    responses(
        (status = OK, body = PriceView),
        (status = NOT_FOUND, description = "`pricing_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<PriceView>, ApiError> {
    Ok(Json(prices::find(&control, actor, parse_id(&id)?).await?.into()))
}
