//! How much may be used: what people configure, wherever they configure it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Money;

/// What any store can keep of tokens.
const MAX_TOKENS: u64 = i64::MAX.unsigned_abs();
/// How many models may have limits of their own in one place.
const MAX_MODELS: usize = 200;
/// The longest name of a model, in bytes.
const MAX_MODEL: usize = 200;

/// Limits of models, by the exact id of the model.
pub type LimitsByModel = BTreeMap<String, ModelLimits>;

/// Changes of limits of models, by the exact id of the model; `None` takes those of the model away.
pub type ModelChanges = BTreeMap<String, Option<ModelLimitChanges>>;

/// How much one model may be used. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelLimits {
    /// Requests in one wall-clock minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Requests in one wall-clock hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_hour: Option<u32>,
    /// Tokens in one wall-clock minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Tokens in one wall-clock hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_hour: Option<u64>,
    /// Requests at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u32>,
}

/// How much somebody or something may use. `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitSet {
    /// Requests in one wall-clock minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Requests in one wall-clock hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_hour: Option<u32>,
    /// Tokens in one wall-clock minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Tokens in one wall-clock hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_hour: Option<u64>,
    /// Requests at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u32>,
    /// Tokens that one request may give a model to read, by estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_tokens: Option<u64>,
    /// Tokens in one day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily_tokens: Option<u64>,
    /// Tokens in one calendar month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_tokens: Option<u64>,
    /// What one day may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily_cost: Option<Money>,
    /// What one calendar month may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_cost: Option<Money>,
    /// How much single models may be used, besides.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: LimitsByModel,
}

/// What is to change about the limits of a model; `None` keeps one, `Some(None)` takes it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelLimitChanges {
    /// Requests in one wall-clock minute.
    pub requests_per_minute: Option<Option<u32>>,
    /// Requests in one wall-clock hour.
    pub requests_per_hour: Option<Option<u32>>,
    /// Tokens in one wall-clock minute.
    pub tokens_per_minute: Option<Option<u64>>,
    /// Tokens in one wall-clock hour.
    pub tokens_per_hour: Option<Option<u64>>,
    /// Requests at the same time.
    pub max_concurrent: Option<Option<u32>>,
}

/// What is to change about limits; `None` keeps one, `Some(None)` takes it away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitChanges {
    /// Requests in one wall-clock minute.
    pub requests_per_minute: Option<Option<u32>>,
    /// Requests in one wall-clock hour.
    pub requests_per_hour: Option<Option<u32>>,
    /// Tokens in one wall-clock minute.
    pub tokens_per_minute: Option<Option<u64>>,
    /// Tokens in one wall-clock hour.
    pub tokens_per_hour: Option<Option<u64>>,
    /// Requests at the same time.
    pub max_concurrent: Option<Option<u32>>,
    /// Tokens that one request may give a model to read.
    pub request_tokens: Option<Option<u64>>,
    /// Tokens in one day.
    pub daily_tokens: Option<Option<u64>>,
    /// Tokens in one calendar month.
    pub monthly_tokens: Option<Option<u64>>,
    /// What one day may cost.
    pub daily_cost: Option<Option<Money>>,
    /// What one calendar month may cost.
    pub monthly_cost: Option<Option<Money>>,
    /// The limits of these models; those of others stay. `Some(None)` takes all of them away.
    pub models: Option<Option<ModelChanges>>,
}

/// A limit that nobody could keep to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct InvalidLimit {
    field: String,
    rule: &'static str,
}

impl InvalidLimit {
    /// The limit that is wrong, as the wire names it, with the object that it is in: `limits.dailyTokens`
    /// or `limits.models.gpt-4o.requestsPerMinute`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What it must be.
    pub const fn rule(&self) -> &'static str {
        self.rule
    }
}

const A_COUNT: &str = "must be a whole number above 0 and at most 4,294,967,295, or null for no limit";
const A_NUMBER: &str =
    "must be a whole number above 0 and at most 9,223,372,036,854,775,807, or null for no limit";
const AN_AMOUNT: &str = "must be dollars from 0.000000001 to 9,223,372,036, or null for no limit";
const A_MODEL: &str = "must have ids of models as names, of 1 to 200 bytes without control characters";
const FEW_MODELS: &str = "must be limits of at most 200 models";

fn is_count(limit: Option<u32>) -> bool {
    limit != Some(0)
}

fn is_number(limit: Option<u64>) -> bool {
    limit.is_none_or(|limit| (1..=MAX_TOKENS).contains(&limit))
}

fn is_amount(limit: Option<Money>) -> bool {
    limit.is_none_or(|limit| limit > Money::ZERO)
}

/// Names the first limit that is wrong.
fn first_wrong(place: &str, limits: &[(&str, bool, &'static str)]) -> Result<(), InvalidLimit> {
    match limits.iter().find(|(_, fits, _)| !fits) {
        None => Ok(()),
        Some((name, _, rule)) => Err(InvalidLimit { field: format!("{place}.{name}"), rule }),
    }
}

impl ModelLimits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same with changes.
    #[must_use]
    pub fn changed(self, changes: ModelLimitChanges) -> Self {
        Self {
            requests_per_minute: changes.requests_per_minute.unwrap_or(self.requests_per_minute),
            requests_per_hour: changes.requests_per_hour.unwrap_or(self.requests_per_hour),
            tokens_per_minute: changes.tokens_per_minute.unwrap_or(self.tokens_per_minute),
            tokens_per_hour: changes.tokens_per_hour.unwrap_or(self.tokens_per_hour),
            max_concurrent: changes.max_concurrent.unwrap_or(self.max_concurrent),
        }
    }

    /// These limits where they are set, else the other's.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.or(other.requests_per_minute),
            requests_per_hour: self.requests_per_hour.or(other.requests_per_hour),
            tokens_per_minute: self.tokens_per_minute.or(other.tokens_per_minute),
            tokens_per_hour: self.tokens_per_hour.or(other.tokens_per_hour),
            max_concurrent: self.max_concurrent.or(other.max_concurrent),
        }
    }

    /// These limits, none looser than the other's.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        Self {
            requests_per_minute: tighter(self.requests_per_minute, other.requests_per_minute),
            requests_per_hour: tighter(self.requests_per_hour, other.requests_per_hour),
            tokens_per_minute: tighter(self.tokens_per_minute, other.tokens_per_minute),
            tokens_per_hour: tighter(self.tokens_per_hour, other.tokens_per_hour),
            max_concurrent: tighter(self.max_concurrent, other.max_concurrent),
        }
    }

    fn check(self, place: &str) -> Result<(), InvalidLimit> {
        first_wrong(
            place,
            &[
                ("requestsPerMinute", is_count(self.requests_per_minute), A_COUNT),
                ("requestsPerHour", is_count(self.requests_per_hour), A_COUNT),
                ("tokensPerMinute", is_number(self.tokens_per_minute), A_NUMBER),
                ("tokensPerHour", is_number(self.tokens_per_hour), A_NUMBER),
                ("maxConcurrent", is_count(self.max_concurrent), A_COUNT),
            ],
        )
    }
}

impl LimitSet {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Applies changes.
    pub fn change(self, changes: LimitChanges) -> Result<Self, InvalidLimit> {
        let limits = Self {
            requests_per_minute: changes.requests_per_minute.unwrap_or(self.requests_per_minute),
            requests_per_hour: changes.requests_per_hour.unwrap_or(self.requests_per_hour),
            tokens_per_minute: changes.tokens_per_minute.unwrap_or(self.tokens_per_minute),
            tokens_per_hour: changes.tokens_per_hour.unwrap_or(self.tokens_per_hour),
            max_concurrent: changes.max_concurrent.unwrap_or(self.max_concurrent),
            request_tokens: changes.request_tokens.unwrap_or(self.request_tokens),
            daily_tokens: changes.daily_tokens.unwrap_or(self.daily_tokens),
            monthly_tokens: changes.monthly_tokens.unwrap_or(self.monthly_tokens),
            daily_cost: changes.daily_cost.unwrap_or(self.daily_cost),
            monthly_cost: changes.monthly_cost.unwrap_or(self.monthly_cost),
            models: change_models(self.models, changes.models),
        };
        limits.check()?;
        Ok(limits)
    }

    /// Whether everybody could keep to these limits.
    pub fn check(&self) -> Result<(), InvalidLimit> {
        first_wrong(
            "limits",
            &[
                ("requestsPerMinute", is_count(self.requests_per_minute), A_COUNT),
                ("requestsPerHour", is_count(self.requests_per_hour), A_COUNT),
                ("tokensPerMinute", is_number(self.tokens_per_minute), A_NUMBER),
                ("tokensPerHour", is_number(self.tokens_per_hour), A_NUMBER),
                ("maxConcurrent", is_count(self.max_concurrent), A_COUNT),
                ("requestTokens", is_number(self.request_tokens), A_NUMBER),
                ("dailyTokens", is_number(self.daily_tokens), A_NUMBER),
                ("monthlyTokens", is_number(self.monthly_tokens), A_NUMBER),
                ("dailyCost", is_amount(self.daily_cost), AN_AMOUNT),
                ("monthlyCost", is_amount(self.monthly_cost), AN_AMOUNT),
            ],
        )?;
        check_models("limits.models", &self.models)
    }
}

impl LimitChanges {
    /// Whether they change nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Those that take every limit away.
    pub const fn clear() -> Self {
        Self {
            requests_per_minute: Some(None),
            requests_per_hour: Some(None),
            tokens_per_minute: Some(None),
            tokens_per_hour: Some(None),
            max_concurrent: Some(None),
            request_tokens: Some(None),
            daily_tokens: Some(None),
            monthly_tokens: Some(None),
            daily_cost: Some(None),
            monthly_cost: Some(None),
            models: Some(None),
        }
    }
}

/// The limits of models with changes. A model that nothing limits any more is left out.
pub fn change_models(before: LimitsByModel, changes: Option<Option<ModelChanges>>) -> LimitsByModel {
    let mut models = match &changes {
        Some(None) => LimitsByModel::new(),
        Some(Some(_)) | None => before,
    };
    for (model, change) in changes.flatten().unwrap_or_default() {
        match change {
            None => {
                models.remove(&model);
            }
            Some(change) => {
                let limits = models.entry(model).or_default();
                *limits = limits.changed(change);
            }
        }
    }
    models.retain(|_, limits| !limits.is_empty());
    models
}

/// Whether everybody could keep to the limits of models in the object of this name.
pub fn check_models(place: &str, models: &LimitsByModel) -> Result<(), InvalidLimit> {
    let wrong = |rule| Err(InvalidLimit { field: place.to_owned(), rule });
    if models.len() > MAX_MODELS {
        return wrong(FEW_MODELS);
    }
    for (model, limits) in models {
        let fits = (1..=MAX_MODEL).contains(&model.len()) && !model.chars().any(char::is_control);
        if !fits {
            return wrong(A_MODEL);
        }
        limits.check(&format!("{place}.{model}"))?;
    }
    Ok(())
}

fn tighter<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(requests: u32) -> ModelLimits {
        ModelLimits { requests_per_minute: Some(requests), ..ModelLimits::default() }
    }

    fn two_models() -> LimitSet {
        let models = [("a".to_owned(), model(1)), ("b".to_owned(), model(2))].into();
        LimitSet { daily_tokens: Some(9), max_concurrent: Some(3), models, ..LimitSet::default() }
    }

    #[test]
    fn what_is_left_out_stays_and_null_takes_away() {
        let changes = LimitChanges {
            daily_tokens: Some(None),
            daily_cost: Some(Some(Money::from_nanos(5))),
            models: Some(Some(
                [
                    ("a".to_owned(), None),
                    (
                        "b".to_owned(),
                        Some(ModelLimitChanges {
                            tokens_per_hour: Some(Some(7)),
                            ..ModelLimitChanges::default()
                        }),
                    ),
                ]
                .into(),
            )),
            ..LimitChanges::default()
        };
        let left = two_models().change(changes).unwrap();
        let b = ModelLimits { tokens_per_hour: Some(7), ..model(2) };
        let wanted = LimitSet {
            max_concurrent: Some(3),
            daily_cost: Some(Money::from_nanos(5)),
            models: [("b".to_owned(), b)].into(),
            ..LimitSet::default()
        };
        assert_eq!(left, wanted);
        assert_eq!(left.clone().change(LimitChanges::default()), Ok(left.clone()));
        assert!(left.change(LimitChanges::clear()).unwrap().is_empty());
    }

    #[test]
    fn a_model_without_limits_is_not_kept() {
        let nothing = ModelLimitChanges { requests_per_minute: Some(None), ..ModelLimitChanges::default() };
        let changes = LimitChanges {
            models: Some(Some([("a".to_owned(), Some(nothing))].into())),
            ..LimitChanges::default()
        };
        assert_eq!(two_models().change(changes).unwrap().models.keys().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let of_model = |name: &str, limits| LimitSet {
            models: [(name.to_owned(), limits)].into(),
            ..LimitSet::default()
        };
        let many = (0..201).map(|number| (number.to_string(), model(1))).collect();
        for (wrong, field) in [
            (LimitSet { requests_per_hour: Some(0), ..LimitSet::default() }, "limits.requestsPerHour"),
            (LimitSet { monthly_tokens: Some(u64::MAX), ..LimitSet::default() }, "limits.monthlyTokens"),
            (LimitSet { daily_cost: Some(Money::ZERO), ..LimitSet::default() }, "limits.dailyCost"),
            (of_model("gpt-4o", model(0)), "limits.models.gpt-4o.requestsPerMinute"),
            (of_model("", model(1)), "limits.models"),
            (of_model("a\n", model(1)), "limits.models"),
            (LimitSet { models: many, ..LimitSet::default() }, "limits.models"),
        ] {
            assert_eq!(wrong.check().unwrap_err().field(), field);
        }
        assert_eq!(two_models().check(), Ok(()));
    }

    #[test]
    fn what_is_not_limited_is_not_written() {
        assert_eq!(serde_json::to_string(&LimitSet::default()).unwrap(), "{}");
        let text = serde_json::to_string(&two_models()).unwrap();
        assert_eq!(serde_json::from_str::<LimitSet>(&text).unwrap(), two_models());
    }
}
