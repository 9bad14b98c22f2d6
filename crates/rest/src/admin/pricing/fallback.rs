//! `PATCH /api/v1/admin/pricing/fallback`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, prices};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{RatesPatch, RatesView};
use crate::admin::Acting;
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};

/// Other rates. What is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateFallbackBody {
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
}

/// Changes what models cost that have no price and that the program does not know.
#[utoipa::path(patch, path = "/api/v1/admin/pricing/fallback", tag = "pricing",
    request_body = UpdateFallbackBody,
    responses(
        (status = OK, body = RatesView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_price`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn set_fallback(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<UpdateFallbackBody>,
) -> Result<Json<RatesView>, ApiError> {
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
    Ok(Json(prices::set_fallback(&control, actor, patch.into()).await?.into()))
}
