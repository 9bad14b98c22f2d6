//! `PUT /api/v1/admin/pricing`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::prices::NewPrice;
use promptgate_control::{Control, prices};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{PriceBody, PricingView, RatesBody};
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};

/// All prices.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PricingBody {
    /// What models cost that have no price and that the program does not know.
    #[schema(required)]
    #[serde(default, deserialize_with = "or_default")]
    fallback: RatesBody,
    /// The prices of models. Those that are not among them are removed.
    #[schema(required)]
    #[serde(default, deserialize_with = "or_default")]
    models: Vec<PriceBody>,
}

/// Replaces all prices. They count for the calls that end from then on.
#[utoipa::path(put, path = "/api/v1/admin/pricing", tag = "pricing",
    request_body = PricingBody,
    responses(
        (status = OK, body = PricingView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_price`, `invalid_price_target`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`, `pricing_conflict`", body = ErrorBody),
    ))]
pub(super) async fn replace(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<PricingBody>,
) -> Result<Json<PricingView>, ApiError> {
    let models: Vec<NewPrice> = body.models.into_iter().map(NewPrice::try_from).collect::<Result<_, _>>()?;
    let all = prices::replace(&control, actor, body.fallback.parse()?, models).await?;
    Ok(Json(all.into()))
}
