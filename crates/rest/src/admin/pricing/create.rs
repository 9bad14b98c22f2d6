//! `POST /api/v1/admin/pricing/models`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, prices};

use super::{PriceBody, PriceView};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};

/// Sets the price of a model that has none.
#[utoipa::path(post, path = "/api/v1/admin/pricing/models", tag = "pricing",
    request_body = PriceBody,
    responses(
        (status = CREATED, body = PriceView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_price`, `invalid_price_target`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`pricing_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<PriceBody>,
) -> Result<(StatusCode, Json<PriceView>), ApiError> {
    let created = prices::create(&control, actor, body.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}
