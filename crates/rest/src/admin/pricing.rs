//! `/api/v1/admin/pricing`: what models cost.

mod check;
mod create;
mod delete;
mod export;
mod fallback;
mod find;
mod import;
mod list_prices;
mod read;
mod refreshes;
mod replace;
mod repricings;
#[cfg(test)]
mod tests;
mod unpriced;
mod update;
mod versions;

use http::StatusCode;
use promptgate_control::prices::{NewPrice, PriceError};
use promptgate_kernel::{PriceId, PricePerMillion, Timestamp};
use promptgate_usage::{
    InvalidPrice, PriceRates, PriceScope, PriceTarget, RateChanges, StoredPrice, StoredPrices,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::body::Patch;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(read::read, replace::replace))
        .routes(routes!(fallback::set_fallback))
        .routes(routes!(create::create))
        .routes(routes!(find::find, update::update, delete::delete))
        .routes(routes!(check::check))
        .routes(routes!(import::import))
        .routes(routes!(export::export))
        .routes(routes!(list_prices::list_prices))
        .routes(routes!(list_prices::delete_list_price))
        .routes(routes!(versions::list_versions))
        .routes(routes!(versions::find_version))
        .routes(routes!(refreshes::list_refreshes))
        .routes(routes!(unpriced::unpriced))
        .routes(routes!(repricings::begin_repricing, repricings::list_repricings))
        .routes(routes!(repricings::find_repricing))
        .routes(routes!(repricings::cancel_repricing))
        .routes(routes!(repricings::resume_repricing))
}

/// Dollars per million tokens. Rates that are not there are those of input, of what is written those of output.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RatesView {
    input: f64,
    output: f64,
    /// Input that is read from a prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read: Option<f64>,
    /// Input that is written to a prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write: Option<f64>,
    /// Input that is written to a prompt cache for an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_1h: Option<f64>,
    /// Audio that is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_input: Option<f64>,
    /// Audio that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_output: Option<f64>,
    /// Reasoning that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<f64>,
    /// What is embedded.
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<f64>,
}

impl From<PriceRates> for RatesView {
    fn from(rates: PriceRates) -> Self {
        let dollars = |rate: Option<PricePerMillion>| rate.map(PricePerMillion::as_dollars);
        Self {
            input: rates.input.as_dollars(),
            output: rates.output.as_dollars(),
            cache_read: dollars(rates.cache_read),
            cache_write: dollars(rates.cache_write),
            cache_write_1h: dollars(rates.cache_write_1h),
            audio_input: dollars(rates.audio_input),
            audio_output: dollars(rates.audio_output),
            reasoning: dollars(rates.reasoning),
            embedding: dollars(rates.embedding),
        }
    }
}

/// What a price is for. None of the three is there for that of every model that has none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ScopeView {
    /// The provider, of the price of a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_name: Option<String>,
    /// The kind of provider, of the price of all of a kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

impl From<PriceScope> for ScopeView {
    fn from(scope: PriceScope) -> Self {
        let (provider_name, kind, model) = match scope {
            PriceScope::Fallback => (None, None, None),
            PriceScope::Provider(target) => (Some(target.provider), None, Some(target.model)),
            PriceScope::Kind { kind, model } => (None, Some(kind), Some(model)),
        };
        Self { provider_name, kind, model }
    }
}

/// What a model of a provider costs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PriceView {
    #[schema(value_type = String, format = "uuid")]
    id: PriceId,
    provider_name: String,
    model: String,
    #[serde(flatten)]
    rates: RatesView,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<StoredPrice> for PriceView {
    fn from(price: StoredPrice) -> Self {
        Self {
            id: price.id,
            provider_name: price.target.provider,
            model: price.target.model,
            rates: price.rates.into(),
            created_at: price.created_at,
            updated_at: price.updated_at,
        }
    }
}

/// All prices.
#[derive(Debug, Serialize, ToSchema)]
struct PricingView {
    /// What models cost that have no price and that the program does not know.
    fallback: RatesView,
    /// By provider, then by model.
    models: Vec<PriceView>,
}

impl From<StoredPrices> for PricingView {
    fn from(prices: StoredPrices) -> Self {
        Self {
            fallback: prices.fallback.map(|price| price.rates).unwrap_or_default().into(),
            models: prices.models.into_iter().map(PriceView::from).collect(),
        }
    }
}

/// Rates, whole: those that are left out are those of input, of what is written those of output.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RatesBody {
    #[schema(required, value_type = f64, minimum = 0)]
    input: Option<f64>,
    #[schema(required, value_type = f64, minimum = 0)]
    output: Option<f64>,
    #[schema(minimum = 0)]
    cache_read: Option<f64>,
    #[schema(minimum = 0)]
    cache_write: Option<f64>,
    #[schema(minimum = 0)]
    cache_write_1h: Option<f64>,
    #[schema(minimum = 0)]
    audio_input: Option<f64>,
    #[schema(minimum = 0)]
    audio_output: Option<f64>,
    #[schema(minimum = 0)]
    reasoning: Option<f64>,
    #[schema(minimum = 0)]
    embedding: Option<f64>,
}

impl RatesBody {
    fn parse(&self) -> Result<PriceRates, ApiError> {
        let changes = RateChanges {
            input: self.input,
            output: self.output,
            cache_read: Some(self.cache_read),
            cache_write: Some(self.cache_write),
            cache_write_1h: Some(self.cache_write_1h),
            audio_input: Some(self.audio_input),
            audio_output: Some(self.audio_output),
            reasoning: Some(self.reasoning),
            embedding: Some(self.embedding),
        };
        Ok(changes.into_rates()?)
    }
}

/// The price of a model of a provider. Ids and instants are taken and ignored.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct PriceBody {
    #[schema(required, value_type = String, min_length = 1)]
    provider_name: Option<String>,
    #[schema(required, value_type = String, min_length = 1, max_length = 200)]
    model: Option<String>,
    #[schema(required, value_type = f64, minimum = 0)]
    input: Option<f64>,
    #[schema(required, value_type = f64, minimum = 0)]
    output: Option<f64>,
    /// Input that is read from a prompt cache; as input unless given.
    #[schema(minimum = 0)]
    cache_read: Option<f64>,
    /// Input that is written to a prompt cache; as input unless given.
    #[schema(minimum = 0)]
    cache_write: Option<f64>,
    /// Input that is written to a prompt cache for an hour; as the other unless given.
    #[schema(minimum = 0)]
    cache_write_1h: Option<f64>,
    /// Audio that is read; as input unless given.
    #[schema(minimum = 0)]
    audio_input: Option<f64>,
    /// Audio that is written; as output unless given.
    #[schema(minimum = 0)]
    audio_output: Option<f64>,
    /// Reasoning that is written; as output unless given.
    #[schema(minimum = 0)]
    reasoning: Option<f64>,
    /// What is embedded; as input unless given.
    #[schema(minimum = 0)]
    embedding: Option<f64>,
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

impl TryFrom<PriceBody> for NewPrice {
    type Error = ApiError;

    fn try_from(body: PriceBody) -> Result<Self, ApiError> {
        let target = PriceTarget::new(
            body.provider_name.as_deref().unwrap_or_default(),
            body.model.as_deref().unwrap_or_default(),
        )?;
        let rates = RatesBody {
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
        Ok(Self { target, rates: rates.parse()? })
    }
}

/// Other rates. What is left out stays; null clears what is as input then.
#[derive(Debug, Default)]
struct RatesPatch {
    input: Option<f64>,
    output: Option<f64>,
    cache_read: Patch<f64>,
    cache_write: Patch<f64>,
    cache_write_1h: Patch<f64>,
    audio_input: Patch<f64>,
    audio_output: Patch<f64>,
    reasoning: Patch<f64>,
    embedding: Patch<f64>,
}

impl From<RatesPatch> for RateChanges {
    fn from(patch: RatesPatch) -> Self {
        Self {
            input: patch.input,
            output: patch.output,
            cache_read: patch.cache_read.into_change(),
            cache_write: patch.cache_write.into_change(),
            cache_write_1h: patch.cache_write_1h.into_change(),
            audio_input: patch.audio_input.into_change(),
            audio_output: patch.audio_output.into_change(),
            reasoning: patch.reasoning.into_change(),
            embedding: patch.embedding.into_change(),
        }
    }
}

/// Reads the id of a price in the address; what is no id belongs to no price.
fn parse_id(text: &str) -> Result<PriceId, ApiError> {
    text.parse().map_err(not_found)
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("pricing_not_found").message(error)
}

impl From<InvalidPrice> for ApiError {
    fn from(error: InvalidPrice) -> Self {
        let code = match error {
            InvalidPrice::Rate(_) => "invalid_price",
            InvalidPrice::Kind | InvalidPrice::Provider | InvalidPrice::Model | InvalidPrice::Twice => {
                "invalid_price_target"
            }
            InvalidPrice::Moved => "immutable_price_target",
        };
        let said = Self::bad_request(code).message(error);
        match error.field() {
            Some(field) => said.field(field),
            None => said,
        }
    }
}

impl From<PriceError> for ApiError {
    fn from(error: PriceError) -> Self {
        match error {
            PriceError::Forbidden(error) => error.into(),
            error @ PriceError::NotFound(_) => not_found(error),
            error @ PriceError::UnknownProvider => {
                Self::not_found("provider_not_found").field("providerName").message(error)
            }
            PriceError::Invalid(error) => error.into(),
            error @ PriceError::Taken => Self::new(StatusCode::CONFLICT, "pricing_conflict").message(error),
            error @ PriceError::Changed => Self::changed(&error),
            PriceError::File(error) => import::refused(&error),
            error @ PriceError::UnknownVersion(_) => {
                Self::not_found("price_version_not_found").field("priceVersion").message(error)
            }
            error @ PriceError::OtherVersion { field, .. } => {
                Self::bad_request("price_version_mismatch").field(field).message(error)
            }
            error @ PriceError::ModelNeeded(_) => {
                Self::bad_request("price_version_mismatch").field("model").message(error)
            }
            error @ PriceError::UnknownRepricing(_) => Self::not_found("repricing_not_found").message(error),
            error @ PriceError::Range => Self::bad_request("invalid_range").field("to").message(error),
            PriceError::Store(error) => error.into(),
        }
    }
}
