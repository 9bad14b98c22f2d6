//! Prices that an operator set.

use std::collections::HashSet;

use promptgate_kernel::{Money, PriceId, PricePerMillion, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{ListPrice, PriceVersionId, TokenCounts};

/// The longest name of a model that a price is kept for, in characters.
const MAX_MODEL_CHARACTERS: usize = 200;

/// What is wrong with a price that somebody wants to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrice {
    /// A rate is missing, negative, or too large to be kept.
    #[error("{0} must be a number of dollars per million tokens, from 0 up")]
    Rate(&'static str),
    /// The kind of provider is blank or unknown.
    #[error("kind must be a kind of provider, such as openai")]
    Kind,
    /// The provider's name is blank.
    #[error("providerName must not be blank")]
    Provider,
    /// The model's name is blank or too long.
    #[error("model must have 1 to 200 characters that are no control characters")]
    Model,
    /// Two prices for one model.
    #[error("each model of a provider may have one price only")]
    Twice,
    /// Another provider or model was given for a price that has one.
    #[error("a price stays with its provider and model; make another one")]
    Moved,
}

impl InvalidPrice {
    /// The field that is wrong, as the wire names it; `None` where it is not a single one.
    pub const fn field(self) -> Option<&'static str> {
        match self {
            Self::Rate(field) => Some(field),
            Self::Kind => Some("kind"),
            Self::Provider => Some("providerName"),
            Self::Model => Some("model"),
            Self::Twice | Self::Moved => None,
        }
    }
}

/// What a million tokens cost, by what they are. Classes without a price of their own cost what input
/// costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PriceRates {
    /// Input.
    pub input: PricePerMillion,
    /// Output.
    pub output: PricePerMillion,
    /// Input read from a prompt cache.
    pub cache_read: Option<PricePerMillion>,
    /// Input written to a prompt cache that lives five minutes, or the provider's only one.
    pub cache_write: Option<PricePerMillion>,
    /// Input written to a prompt cache that lives an hour; as the other one unless given.
    #[serde(default)]
    pub cache_write_1h: Option<PricePerMillion>,
    /// Audio that is read.
    #[serde(default)]
    pub audio_input: Option<PricePerMillion>,
    /// Audio that is written.
    #[serde(default)]
    pub audio_output: Option<PricePerMillion>,
    /// Reasoning that is written.
    #[serde(default)]
    pub reasoning: Option<PricePerMillion>,
    /// What is embedded.
    pub embedding: Option<PricePerMillion>,
}

/// Other rates; `None` keeps one, `Some(None)` clears it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RateChanges {
    /// Dollars for a million tokens of input.
    pub input: Option<f64>,
    /// Likewise of output.
    pub output: Option<f64>,
    /// Likewise read from a prompt cache.
    pub cache_read: Option<Option<f64>>,
    /// Likewise written to a prompt cache.
    pub cache_write: Option<Option<f64>>,
    /// Likewise written to a prompt cache for an hour.
    pub cache_write_1h: Option<Option<f64>>,
    /// Likewise of audio that is read.
    pub audio_input: Option<Option<f64>>,
    /// Likewise of audio that is written.
    pub audio_output: Option<Option<f64>>,
    /// Likewise of reasoning.
    pub reasoning: Option<Option<f64>>,
    /// Likewise embedded.
    pub embedding: Option<Option<f64>>,
}

/// The names on the wire of the rates that may be missing.
const OPTIONAL: [&str; 7] =
    ["cacheRead", "cacheWrite", "cacheWrite1h", "audioInput", "audioOutput", "reasoning", "embedding"];

impl RateChanges {
    #[expect(clippy::option_option, reason = "a change says whether it clears or leaves alone")]
    const fn optional(&self) -> [(&'static str, Option<Option<f64>>); 7] {
        [
            (OPTIONAL[0], self.cache_read),
            (OPTIONAL[1], self.cache_write),
            (OPTIONAL[2], self.cache_write_1h),
            (OPTIONAL[3], self.audio_input),
            (OPTIONAL[4], self.audio_output),
            (OPTIONAL[5], self.reasoning),
            (OPTIONAL[6], self.embedding),
        ]
    }

    /// The names on the wire of the rates that change.
    pub fn names(&self) -> Vec<&'static str> {
        let whole = [("input", self.input.is_some()), ("output", self.output.is_some())];
        let optional = self.optional().map(|(name, change)| (name, change.is_some()));
        whole.into_iter().chain(optional).filter_map(|(name, changes)| changes.then_some(name)).collect()
    }

    /// Whether it names no rate.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The rates that these are; input and output must be there.
    pub fn into_rates(self) -> Result<PriceRates, InvalidPrice> {
        self.input.ok_or(InvalidPrice::Rate("input"))?;
        self.output.ok_or(InvalidPrice::Rate("output"))?;
        PriceRates::default().change(self)
    }
}

impl PriceRates {
    /// Applies changes. Prices are kept to the nano-dollar.
    pub fn change(mut self, changes: RateChanges) -> Result<Self, InvalidPrice> {
        if let Some(dollars) = changes.input {
            self.input = read("input", dollars)?;
        }
        if let Some(dollars) = changes.output {
            self.output = read("output", dollars)?;
        }
        let changes = changes.optional();
        for ((name, change), rate) in changes.into_iter().zip(self.optional_mut()) {
            if let Some(dollars) = change {
                *rate = dollars.map(|dollars| read(name, dollars)).transpose()?;
            }
        }
        Ok(self)
    }

    /// The rates that may be missing, by their names on the wire.
    pub const fn optional(&self) -> [(&'static str, Option<PricePerMillion>); 7] {
        [
            (OPTIONAL[0], self.cache_read),
            (OPTIONAL[1], self.cache_write),
            (OPTIONAL[2], self.cache_write_1h),
            (OPTIONAL[3], self.audio_input),
            (OPTIONAL[4], self.audio_output),
            (OPTIONAL[5], self.reasoning),
            (OPTIONAL[6], self.embedding),
        ]
    }

    const fn optional_mut(&mut self) -> [&mut Option<PricePerMillion>; 7] {
        [
            &mut self.cache_read,
            &mut self.cache_write,
            &mut self.cache_write_1h,
            &mut self.audio_input,
            &mut self.audio_output,
            &mut self.reasoning,
            &mut self.embedding,
        ]
    }

    /// The same with other rates for those that may be missing, in the order of [`Self::optional`].
    #[must_use]
    pub fn with_optional(mut self, rates: [Option<PricePerMillion>; 7]) -> Self {
        for (rate, other) in self.optional_mut().into_iter().zip(rates) {
            *rate = other;
        }
        self
    }

    /// What tokens cost at these rates; `embedding` says that they were embedded. Each class is rounded
    /// once, half up, to the nano-dollar.
    pub fn cost(&self, counts: &TokenCounts, embedding: bool) -> Money {
        let input = self.embedding.filter(|_| embedding).unwrap_or(self.input);
        let cache_write = self.cache_write.unwrap_or(input);
        [
            input.of(counts.input),
            self.cache_read.unwrap_or(input).of(counts.cache_read),
            cache_write.of(counts.cache_write_5m),
            self.cache_write_1h.unwrap_or(cache_write).of(counts.cache_write_1h),
            self.audio_input.unwrap_or(input).of(counts.audio_input),
            self.output.of(counts.output),
            self.reasoning.unwrap_or(self.output).of(counts.reasoning),
            self.audio_output.unwrap_or(self.output).of(counts.audio_output),
        ]
        .into_iter()
        .sum()
    }
}

fn read(name: &'static str, dollars: f64) -> Result<PricePerMillion, InvalidPrice> {
    PricePerMillion::from_dollars(dollars).ok_or(InvalidPrice::Rate(name))
}

/// Whether a model's name, without the blanks around it, is one that a price is kept for.
pub(crate) fn check_model(model: &str) -> Result<(), InvalidPrice> {
    let fits = !model.is_empty()
        && model.chars().count() <= MAX_MODEL_CHARACTERS
        && !model.contains(char::is_control);
    if fits { Ok(()) } else { Err(InvalidPrice::Model) }
}

/// Whose price it is: a model, by the name of its provider and by its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PriceTarget {
    /// The provider's name.
    pub provider: String,
    /// The model, as the provider knows it.
    pub model: String,
}

impl PriceTarget {
    /// Takes two names, without the blanks around them.
    pub fn new(provider: &str, model: &str) -> Result<Self, InvalidPrice> {
        let (provider, model) = (provider.trim(), model.trim());
        if provider.is_empty() {
            return Err(InvalidPrice::Provider);
        }
        check_model(model)?;
        Ok(Self { provider: provider.to_owned(), model: model.to_owned() })
    }

    /// Whether each of several is there once only.
    pub fn check_distinct<'a>(targets: impl IntoIterator<Item = &'a Self>) -> Result<(), InvalidPrice> {
        let mut seen = HashSet::new();
        if targets.into_iter().all(|target| seen.insert(target)) { Ok(()) } else { Err(InvalidPrice::Twice) }
    }
}

/// The price of one model. It stays when its provider is deleted: calls of the past were made at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPrice {
    /// Its identity.
    pub id: PriceId,
    /// Whose price it is; never changes.
    pub target: PriceTarget,
    /// What it is.
    pub rates: PriceRates,
    /// When it was set first.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// The price of every model that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FallbackPrice {
    /// What it is.
    pub rates: PriceRates,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// All prices that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoredPrices {
    /// The price of every model that has none; always there once a database is set up.
    pub fallback: Option<FallbackPrice>,
    /// Those of models, by provider, then by model.
    pub models: Vec<StoredPrice>,
    /// Those that vendors publish, where they were read too; without any, those of the program count.
    #[serde(default)]
    pub lists: Vec<ListPrice>,
}

/// The id of the price of every model that has none.
pub const FALLBACK_PRICE: PriceId = PriceId::from_uuid(uuid::Uuid::from_u128(1));

impl StoredPrice {
    /// Which version of which price it is.
    pub const fn version_id(&self) -> PriceVersionId {
        PriceVersionId { price: self.id, version: self.version }
    }

    /// Sets a price.
    pub const fn create(id: PriceId, target: PriceTarget, rates: PriceRates, at: Timestamp) -> Self {
        Self { id, target, rates, created_at: at, updated_at: at, version: 1 }
    }

    /// Applies changes.
    pub fn change(self, changes: RateChanges, at: Timestamp) -> Result<Self, InvalidPrice> {
        Ok(Self { rates: self.rates.change(changes)?, updated_at: at, version: self.version + 1, ..self })
    }
}

impl FallbackPrice {
    /// Which version of which price it is.
    pub const fn version_id(&self) -> PriceVersionId {
        PriceVersionId { price: FALLBACK_PRICE, version: self.version }
    }

    /// Applies changes.
    pub fn change(self, changes: RateChanges, at: Timestamp) -> Result<Self, InvalidPrice> {
        Ok(Self { rates: self.rates.change(changes)?, updated_at: at, version: self.version + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_is_left_out_stays_and_null_clears_it() {
        let given = RateChanges {
            input: Some(1.5),
            output: Some(3.0),
            cache_read: Some(Some(0.1)),
            ..RateChanges::default()
        };
        let rates = given.into_rates().unwrap();
        assert_eq!(
            (rates.input.as_dollars(), rates.cache_read.is_some(), rates.embedding),
            (1.5, true, None)
        );
        let cleared =
            RateChanges { cache_read: Some(None), embedding: Some(Some(0.02)), ..RateChanges::default() };
        let changed = rates.change(cleared).unwrap();
        assert_eq!(changed.embedding.map(PricePerMillion::as_dollars), Some(0.02));
        assert_eq!(PriceRates { embedding: None, ..changed }, PriceRates { cache_read: None, ..rates });
        assert!(RateChanges::default().is_empty() && !cleared.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let whole = RateChanges { input: Some(1.0), output: Some(1.0), ..RateChanges::default() };
        for (wrong, field) in [
            (RateChanges { input: None, ..whole }, "input"),
            (RateChanges { output: None, ..whole }, "output"),
            (RateChanges { input: Some(-0.01), ..whole }, "input"),
            (RateChanges { output: Some(1e30), ..whole }, "output"),
            (RateChanges { cache_read: Some(Some(f64::NAN)), ..whole }, "cacheRead"),
            (RateChanges { cache_write: Some(Some(-1.0)), ..whole }, "cacheWrite"),
            (RateChanges { cache_write_1h: Some(Some(-1.0)), ..whole }, "cacheWrite1h"),
            (RateChanges { audio_input: Some(Some(-1.0)), ..whole }, "audioInput"),
            (RateChanges { audio_output: Some(Some(-1.0)), ..whole }, "audioOutput"),
            (RateChanges { reasoning: Some(Some(-1.0)), ..whole }, "reasoning"),
            (RateChanges { embedding: Some(Some(-1.0)), ..whole }, "embedding"),
        ] {
            assert_eq!(wrong.into_rates().unwrap_err().field(), Some(field));
        }
        assert_eq!(PriceTarget::new(" ", "m"), Err(InvalidPrice::Provider));
        assert_eq!(PriceTarget::new("p", " "), Err(InvalidPrice::Model));
        assert_eq!(PriceTarget::new("p", &"m".repeat(201)), Err(InvalidPrice::Model));
        let [one, same, other] =
            [("p", "m"), (" p", "m "), ("p", "M")].map(|(p, m)| PriceTarget::new(p, m).unwrap());
        assert_eq!(PriceTarget::check_distinct([&one, &other]), Ok(()));
        assert_eq!(PriceTarget::check_distinct([&one, &other, &same]), Err(InvalidPrice::Twice));
    }

    #[test]
    fn each_class_is_rounded_half_up_once_and_has_its_own_rate() {
        let nanos = |nanos| PricePerMillion::from_money(Money::from_nanos(nanos));
        // Half a nano-dollar each: eight classes, eight roundings.
        let half = PriceRates { input: nanos(500_000), output: nanos(500_000), ..PriceRates::default() };
        let one_each = TokenCounts {
            input: 1,
            cache_read: 1,
            cache_write_5m: 1,
            cache_write_1h: 1,
            audio_input: 1,
            output: 1,
            reasoning: 1,
            audio_output: 1,
        };
        assert_eq!(half.cost(&one_each, false), Money::from_nanos(8));
        let below = PriceRates { input: nanos(499_999), output: nanos(499_999), ..PriceRates::default() };
        assert_eq!(below.cost(&one_each, false), Money::ZERO);
        // Once per class and not once per token.
        assert_eq!(
            below.cost(&TokenCounts { output: 3, ..TokenCounts::default() }, false),
            Money::from_nanos(1)
        );
        let rate = |dollars: u32| PricePerMillion::from_dollars(f64::from(dollars));
        let own = PriceRates {
            input: rate(1).unwrap(),
            output: rate(2).unwrap(),
            cache_read: rate(4),
            cache_write: rate(8),
            cache_write_1h: rate(16),
            audio_input: rate(32),
            audio_output: rate(64),
            reasoning: rate(128),
            embedding: rate(256),
        };
        assert_eq!(own.cost(&one_each, false), Money::from_nanos(255_000));
        assert_eq!(own.cost(&one_each, true), Money::from_nanos(255_000 - 1_000 + 256_000));
        let hour = PriceRates { cache_write_1h: None, ..own };
        let written = TokenCounts { cache_write_1h: 1_000_000, ..TokenCounts::default() };
        assert_eq!(hour.cost(&written, false), rate(8).unwrap().as_money());
    }
}
