//! `PATCH /api/v1/admin/pricing/models/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::prices::PriceChanges;
use promptgate_control::{Control, prices};
use promptgate_usage::{PriceRates, PriceTarget};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{PriceView, RatesPatch, parse_id};
use crate::admin::Acting;
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Other rates. What is left out stays. Ids and instants are taken and ignored.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdatePriceBody {
    /// The provider that it is of, and no other.
    provider_name: Option<String>,
    /// The model that it is of, and no other.
    model: Option<String>,
    #[schema(minimum = 0)]
    input: Option<f64>,
    #[schema(minimum = 0)]
    output: Option<f64>,
    /// Null makes it that of input.
    #[schema(value_type = Option<f64>, minimum = 0)]
    #[serde(default)]
    cache_read: Patch<f64>,
    /// Null makes it that of input.
    #[schema(value_type = Option<f64>, minimum = 0)]
    #[serde(default)]
    cache_write: Patch<f64>,
    /// Null makes it that of `cacheWrite`.
    #[schema(value_type = Option<f64>, minimum = 0)]
    #[serde(default)]
    cache_write_1h: Patch<f64>,
    /// Null makes it that of input.
    #[schema(value_type = Option<f64>, minimum = 0)]
    #[serde(default)]
    audio_input: Patch<f64>,
    /// Null makes it that of output.
    #[schema(value_type = Option<f64>, minimum = 0)]
    #[serde(default)]
    audio_output: Patch<f64>,
    /// Null makes it that of output.
    #[schema(value_type = Option<f64>, minimum = 0)]
    #[serde(default)]
    reasoning: Patch<f64>,
    /// Null makes it that of input.
    #[schema(value_type = Option<f64>, minimum = 0)]
    #[serde(default)]
    embedding: Patch<f64>,
    /// Ignored.
    #[serde(rename = "id")]
    _id: Option<String>,
    /// Ignored.
    #[serde(rename = "createdAt")]
    _created_at: Option<String>,
    /// Ignored.
    #[serde(rename = "updatedAt")]
    _updated_at: Option<String>,
}

/// Changes the price of a model, for the calls that end from then on.
#[utoipa::path(patch, path = "/api/v1/admin/pricing/models/{id}", tag = "pricing",
    params(("id" = String, Path, description = "The price")),
    request_body = UpdatePriceBody,
    responses(
        (status = OK, body = PriceView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_price`, `invalid_price_target`, \
            `immutable_price_target`", body = ErrorBody),
        (status = NOT_FOUND, description = "`pricing_not_found`, `provider_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdatePriceBody>,
) -> Result<Json<PriceView>, ApiError> {
    let changed = prices::update(&control, actor, parse_id(&id)?, body.try_into()?).await?;
    Ok(Json(changed.into()))
}

impl TryFrom<UpdatePriceBody> for PriceChanges {
    type Error = ApiError;

    fn try_from(body: UpdatePriceBody) -> Result<Self, ApiError> {
        let patch = RatesPatch {
            input: body.input,
            output: body.output,
            cache_read: body.cache_read,
            cache_write: body.cache_write,
            cache_write_1h: body.cache_write_1h,
            audio_input: body.audio_input,
            audio_output: body.audio_output,
            reasoning: body.reasoning,
            embedding: body.embedding,
        };
        let rates = patch.into();
        // What can be no price of any model is said before the price is looked for.
        PriceTarget::new(
            body.provider_name.as_deref().unwrap_or("given"),
            body.model.as_deref().unwrap_or("given"),
        )?;
        PriceRates::default().change(rates)?;
        Ok(Self { provider: body.provider_name, model: body.model, rates })
    }
}
