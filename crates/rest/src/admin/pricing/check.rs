//! `GET /api/v1/admin/pricing/check`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::prices::{MissingPrices, ProviderError};
use promptgate_control::{Control, prices};
use promptgate_kernel::Timestamp;
use promptgate_usage::PriceTarget;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::Acting;
use crate::error::ApiError;

/// Which models have no price that was set.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PriceCheckView {
    /// Whether every model has a price, and every provider could be asked.
    configured: bool,
    /// By provider, then by model.
    missing_prices: Vec<MissingPriceView>,
    /// The providers that could not be asked.
    provider_errors: Vec<ProviderErrorView>,
    #[schema(value_type = String, format = "date-time")]
    checked_at: Timestamp,
}

/// A model without a price.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MissingPriceView {
    provider_name: String,
    model: String,
}

/// A provider that could not be asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProviderErrorView {
    provider_name: String,
    message: String,
}

/// Asks all enabled providers for their models, all at once and for at most three seconds, and names
/// those without a price that was set.
#[utoipa::path(get, path = "/api/v1/admin/pricing/check", tag = "pricing",
    responses((status = OK, body = PriceCheckView)))]
pub(super) async fn check(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<PriceCheckView>, ApiError> {
    Ok(Json(prices::check(&control, actor).await?.into()))
}

impl From<MissingPrices> for PriceCheckView {
    fn from(found: MissingPrices) -> Self {
        let missing = |PriceTarget { provider, model }| MissingPriceView { provider_name: provider, model };
        let failed =
            |ProviderError { provider, message }| ProviderErrorView { provider_name: provider, message };
        Self {
            configured: found.is_configured(),
            missing_prices: found.models.into_iter().map(missing).collect(),
            provider_errors: found.errors.into_iter().map(failed).collect(),
            checked_at: found.checked_at,
        }
    }
}
