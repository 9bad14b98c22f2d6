//! How much may be used, on the wire: of projects, groups and accounts as one object, of models by their
//! ids.

mod standings;

use std::collections::BTreeMap;

use promptgate_kernel::{
    InvalidLimit, LimitChanges, LimitSet, LimitsByModel, ModelChanges, ModelLimitChanges, ModelLimits, Money,
    change_models,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use standings::{LimitStandingsView, OfCalls, OfModel, not_shown};

use crate::body::Patch;
use crate::error::ApiError;

/// How much may be used; null is no limit.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LimitsView {
    /// Requests in one wall-clock minute.
    requests_per_minute: Option<u32>,
    /// Requests in one wall-clock hour.
    requests_per_hour: Option<u32>,
    /// Tokens in one wall-clock minute.
    tokens_per_minute: Option<u64>,
    /// Tokens in one wall-clock hour.
    tokens_per_hour: Option<u64>,
    /// Requests at the same time.
    max_concurrent: Option<u32>,
    /// Tokens that one request may give a model to read, by estimate.
    request_tokens: Option<u64>,
    /// Tokens in one day.
    daily_tokens: Option<u64>,
    /// Tokens in one calendar month.
    monthly_tokens: Option<u64>,
    /// US dollars in one day.
    daily_cost: Option<f64>,
    /// US dollars in one calendar month.
    monthly_cost: Option<f64>,
    /// How much single models may be used, besides, by their exact ids.
    models: BTreeMap<String, ModelLimitsView>,
}

/// How much one model may be used; null is no limit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelLimitsView {
    requests_per_minute: Option<u32>,
    requests_per_hour: Option<u32>,
    tokens_per_minute: Option<u64>,
    tokens_per_hour: Option<u64>,
    max_concurrent: Option<u32>,
}

impl From<LimitSet> for LimitsView {
    fn from(limits: LimitSet) -> Self {
        Self {
            requests_per_minute: limits.requests_per_minute,
            requests_per_hour: limits.requests_per_hour,
            tokens_per_minute: limits.tokens_per_minute,
            tokens_per_hour: limits.tokens_per_hour,
            max_concurrent: limits.max_concurrent,
            request_tokens: limits.request_tokens,
            daily_tokens: limits.daily_tokens,
            monthly_tokens: limits.monthly_tokens,
            daily_cost: limits.daily_cost.map(Money::as_dollars),
            monthly_cost: limits.monthly_cost.map(Money::as_dollars),
            models: model_views(limits.models),
        }
    }
}

/// The limits of models.
pub(crate) fn model_views(models: LimitsByModel) -> BTreeMap<String, ModelLimitsView> {
    models.into_iter().map(|(model, limits)| (model, limits.into())).collect()
}

impl From<ModelLimits> for ModelLimitsView {
    fn from(limits: ModelLimits) -> Self {
        Self {
            requests_per_minute: limits.requests_per_minute,
            requests_per_hour: limits.requests_per_hour,
            tokens_per_minute: limits.tokens_per_minute,
            tokens_per_hour: limits.tokens_per_hour,
            max_concurrent: limits.max_concurrent,
        }
    }
}

/// How much may be used. What is left out stays, or is no limit; null takes a limit away.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LimitsBody {
    /// Requests in one wall-clock minute.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    requests_per_minute: Patch<u32>,
    /// Requests in one wall-clock hour.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    requests_per_hour: Patch<u32>,
    /// Tokens in one wall-clock minute.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    tokens_per_minute: Patch<u64>,
    /// Tokens in one wall-clock hour.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    tokens_per_hour: Patch<u64>,
    /// Requests at the same time.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    max_concurrent: Patch<u32>,
    /// Tokens that one request may give a model to read, by estimate: one for four bytes.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    request_tokens: Patch<u64>,
    /// Tokens in one day.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    daily_tokens: Patch<u64>,
    /// Tokens in one calendar month.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    monthly_tokens: Patch<u64>,
    /// US dollars in one day.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0)]
    daily_cost: Patch<f64>,
    /// US dollars in one calendar month.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0)]
    monthly_cost: Patch<f64>,
    /// How much single models may be used, besides, by their exact ids. Those of models that are not named
    /// stay; null takes them away.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, ModelLimitsBody>>)]
    models: Patch<ModelsBody>,
}

/// How much one model may be used. What is left out stays, or is no limit; null takes a limit away.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ModelLimitsBody {
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    requests_per_minute: Patch<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    requests_per_hour: Patch<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    tokens_per_minute: Patch<u64>,
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    tokens_per_hour: Patch<u64>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    max_concurrent: Patch<u32>,
}

/// Limits of models, by their ids; null takes those of the model away.
pub(crate) type ModelsBody = BTreeMap<String, Option<ModelLimitsBody>>;

/// What a member `limits` says.
pub(crate) fn limit_changes(given: Patch<LimitsBody>) -> Result<LimitChanges, ApiError> {
    let given = match given {
        Patch::Keep => return Ok(LimitChanges::default()),
        Patch::Clear => return Ok(LimitChanges::clear()),
        Patch::Set(given) => given,
    };
    let dollars = |field: &str, amount: f64| {
        Money::from_dollars(amount).ok_or_else(|| {
            let message =
                format!("{field} must be dollars from 0.000000001 to 9,223,372,036, or null for no limit");
            ApiError::bad_request("invalid_limit").field(field).message(message)
        })
    };
    Ok(LimitChanges {
        requests_per_minute: given.requests_per_minute.into_change(),
        requests_per_hour: given.requests_per_hour.into_change(),
        tokens_per_minute: given.tokens_per_minute.into_change(),
        tokens_per_hour: given.tokens_per_hour.into_change(),
        max_concurrent: given.max_concurrent.into_change(),
        request_tokens: given.request_tokens.into_change(),
        daily_tokens: given.daily_tokens.into_change(),
        monthly_tokens: given.monthly_tokens.into_change(),
        daily_cost: given.daily_cost.try_map(|amount| dollars("limits.dailyCost", amount))?.into_change(),
        monthly_cost: given
            .monthly_cost
            .try_map(|amount| dollars("limits.monthlyCost", amount))?
            .into_change(),
        models: model_changes(given.models),
    })
}

/// What a member `limits` says of something new.
pub(crate) fn new_limits(given: Option<LimitsBody>) -> Result<LimitSet, ApiError> {
    let changes = limit_changes(given.map_or(Patch::Keep, Patch::Set))?;
    Ok(LimitSet::default().change(changes)?)
}

/// What a member with limits of models says.
#[expect(clippy::option_option, reason = "the domain's changes say it so")]
pub(crate) fn model_changes(given: Patch<ModelsBody>) -> Option<Option<ModelChanges>> {
    let change = |(model, limits): (String, Option<ModelLimitsBody>)| (model, limits.map(Into::into));
    given.into_change().map(|models| models.map(|models| models.into_iter().map(change).collect()))
}

/// What a member with limits of models says of something new.
pub(crate) fn new_models(given: Option<ModelsBody>) -> LimitsByModel {
    change_models(LimitsByModel::new(), model_changes(given.map_or(Patch::Keep, Patch::Set)))
}

impl From<ModelLimitsBody> for ModelLimitChanges {
    fn from(body: ModelLimitsBody) -> Self {
        Self {
            requests_per_minute: body.requests_per_minute.into_change(),
            requests_per_hour: body.requests_per_hour.into_change(),
            tokens_per_minute: body.tokens_per_minute.into_change(),
            tokens_per_hour: body.tokens_per_hour.into_change(),
            max_concurrent: body.max_concurrent.into_change(),
        }
    }
}

impl From<InvalidLimit> for ApiError {
    fn from(error: InvalidLimit) -> Self {
        Self::bad_request("invalid_limit").field(error.field()).message(error)
    }
}

#[cfg(test)]
mod tests;
