//! Prices as data, and what a call costs.

use std::collections::HashMap;

use promptgate_kernel::{Money, PricePerMillion};
use serde::{Deserialize, Serialize};

use crate::{PriceRates, TokenCounts};

const BUNDLED: &str = include_str!("../data/prices.json");

/// What a model costs, in dollars per million tokens. Classes without a price of their own cost
/// what the class they belong to costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPrice {
    /// The kind of provider, such as `openai`.
    pub kind: String,
    /// The model, in each of its editions: dated ones and `-latest` too. `*` covers the whole kind.
    pub model: String,
    /// Uncached input.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Input read from a prompt cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<f64>,
    /// Input written to a five-minute prompt cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_5m: Option<f64>,
    /// Input written to a one-hour prompt cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<f64>,
    /// Audio input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<f64>,
    /// Audio output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<f64>,
    /// Reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<f64>,
    /// What is embedded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<f64>,
    /// Where the price is published.
    pub source: String,
    /// The day it was read there, `YYYY-MM-DD`.
    pub date: String,
}

/// How a price was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PriceBasis {
    /// By the model's name.
    Exact,
    /// By the model's name without the date or the `-latest` at its end, or by the row of the whole kind.
    Prefix,
    /// By no name: what the endpoint that was called says that its tokens cost.
    Endpoint,
    /// By no name: the fallback price, which is an estimate.
    Fallback,
}

impl PriceBasis {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Prefix => "prefix",
            Self::Endpoint => "endpoint",
            Self::Fallback => "fallback",
        }
    }
}

/// A cost, and how it came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced {
    /// What it costs.
    pub cost: Money,
    /// How the price was found.
    pub basis: PriceBasis,
}

/// A price table is not in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPriceTable {
    /// It cannot be read.
    #[error("not a price table: {0}")]
    Unreadable(String),
    /// A price is negative or no number.
    #[error("{kind} {model}: every price must be a number of dollars from 0 up")]
    Price {
        /// The kind.
        kind: String,
        /// The model.
        model: String,
    },
    /// Two rows for one model.
    #[error("{kind} {model}: listed twice")]
    Twice {
        /// The kind.
        kind: String,
        /// The model.
        model: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: String,
    fallback: ModelPrice,
    models: Vec<ModelPrice>,
}

/// Something for models of kinds of providers: by kind, then by model.
#[derive(Debug, Clone)]
pub(crate) struct ByKind<T>(HashMap<String, HashMap<String, T>>);

impl<T> Default for ByKind<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> ByKind<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was there before, if there was something.
    pub(crate) fn insert(&mut self, kind: &str, model: &str, value: T) -> Option<T> {
        self.0.entry(kind.to_owned()).or_default().insert(model.to_owned(), value)
    }

    /// By exact name, else by the name without its edition, else that of the whole kind. What Azure sells
    /// has the names and prices of OpenAI, unless it has a row of its own.
    pub(crate) fn find(&self, kind: &str, model: &str) -> Option<(&T, PriceBasis)> {
        let same = (kind == "azure_openai").then_some("openai");
        let kinds = || std::iter::once(kind).chain(same).filter_map(|kind| self.0.get(kind));
        if let Some(exact) = kinds().find_map(|models| models.get(model)) {
            return Some((exact, PriceBasis::Exact));
        }
        let of_any_edition = |name| kinds().find_map(|models| models.get(name));
        let found = without_edition(model).and_then(of_any_edition).or_else(|| of_any_edition("*"))?;
        Some((found, PriceBasis::Prefix))
    }
}

/// What every known model costs.
#[derive(Debug, Clone)]
pub struct PriceTable {
    version: String,
    rows: Vec<ModelPrice>,
    rates: ByKind<PriceRates>,
    fallback: PriceRates,
}

impl PriceTable {
    /// The table that comes with the program.
    pub fn bundled() -> Self {
        Self::parse(BUNDLED).expect("the bundled price table is checked by a test")
    }

    /// Reads a table: `{"version":…,"fallback":{…},"models":[…]}`.
    pub fn parse(json: &str) -> Result<Self, InvalidPriceTable> {
        let document: Document =
            serde_json::from_str(json).map_err(|error| InvalidPriceTable::Unreadable(error.to_string()))?;
        let mut rates = ByKind::default();
        for row in &document.models {
            if rates.insert(&row.kind, &row.model, row.rates()?).is_some() {
                return Err(InvalidPriceTable::Twice { kind: row.kind.clone(), model: row.model.clone() });
            }
        }
        let fallback = document.fallback.rates()?;
        Ok(Self { version: document.version, rows: document.models, rates, fallback })
    }

    /// Which table this is.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its rows, each with source and date.
    pub fn rows(&self) -> &[ModelPrice] {
        &self.rows
    }

    /// What `counts` cost with a model of a kind of provider: by exact name, else by the name without its
    /// edition, else by the fallback price. What Azure sells has the names and prices of OpenAI, unless
    /// it has a row of its own. Each class is rounded once.
    pub fn price(&self, kind: &str, model: &str, counts: &TokenCounts) -> Priced {
        self.price_sale(kind, model, counts, false)
    }

    pub(crate) fn price_sale(
        &self,
        kind: &str,
        model: &str,
        counts: &TokenCounts,
        embedding: bool,
    ) -> Priced {
        let (rates, basis) = self.rates.find(kind, model).unwrap_or((&self.fallback, PriceBasis::Fallback));
        let rates = rates.for_reading(kind, model, counts.total_input());
        Priced { cost: rates.cost(counts, embedding), basis }
    }
}

/// A model's name before `-latest` or a date, such as `-2024-08-06`, `-20250514` or `-0613`. Anything else
/// at the end of a name makes it another model, at another price.
fn without_edition(model: &str) -> Option<&str> {
    if let Some(name) = model.strip_suffix("-latest") {
        return Some(name);
    }
    let is_date = |date: &str| {
        let is_mark = |at| date.len() == 10 && matches!(at, 4 | 7);
        date.bytes()
            .enumerate()
            .all(|(at, byte)| if is_mark(at) { byte == b'-' } else { byte.is_ascii_digit() })
    };
    ["YYYY-MM-DD", "YYYYMMDD", "NNNN"].into_iter().find_map(|form| {
        let (name, date) = model.split_at_checked(model.len().checked_sub(form.len() + 1)?)?;
        is_date(date.strip_prefix('-')?).then_some(name)
    })
}

impl ModelPrice {
    /// The rates of the row, in whole nano-dollars.
    pub fn rates(&self) -> Result<PriceRates, InvalidPriceTable> {
        let read = |dollars: f64| {
            PricePerMillion::from_dollars(dollars).ok_or_else(|| InvalidPriceTable::Price {
                kind: self.kind.clone(),
                model: self.model.clone(),
            })
        };
        let optional = |dollars: Option<f64>| dollars.map(read).transpose();
        Ok(PriceRates {
            input: read(self.input)?,
            output: read(self.output)?,
            cache_read: optional(self.cache_read)?,
            cache_write: optional(self.cache_write_5m)?,
            cache_write_1h: optional(self.cache_write_1h)?,
            audio_input: optional(self.audio_input)?,
            audio_output: optional(self.audio_output)?,
            reasoning: optional(self.reasoning)?,
            embedding: optional(self.embedding)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(input: u64, output: u64) -> TokenCounts {
        TokenCounts { input, output, ..TokenCounts::default() }
    }

    #[test]
    fn every_bundled_row_names_its_source_and_date() {
        let table = PriceTable::bundled();
        assert!(!table.version().is_empty());
        for row in table.rows() {
            let dated = row.date.len() == 10 && row.date.as_bytes()[4] == b'-';
            assert!(dated && !row.source.is_empty(), "{} {}", row.kind, row.model);
        }
    }

    #[test]
    fn an_edition_costs_what_its_model_costs_and_the_fallback_says_so() {
        let table = PriceTable::bundled();
        let mini = table.price("openai", "gpt-4o-mini-2024-07-18", &counts(1_000_000, 0));
        assert_eq!((mini.cost.to_string().as_str(), mini.basis), ("0.15", PriceBasis::Prefix));
        let unknown = table.price("openai_compatible", "mystery", &counts(1_000_000, 1_000_000));
        assert_eq!((unknown.cost.to_string().as_str(), unknown.basis), ("35.00", PriceBasis::Fallback));
        assert_eq!(table.price("ollama", "llama3:8b", &counts(9_999, 9_999)).cost, Money::ZERO);
    }

    #[test]
    fn another_model_is_not_priced_by_the_beginning_of_its_name() {
        let row = |model| {
            format!(r#"{{"kind":"k","model":"{model}","input":1,"output":1,"source":"s","date":"d"}}"#)
        };
        let table = format!(r#"{{"version":"1","fallback":{},"models":[{}]}}"#, row("*"), row("gpt-4"));
        let table = PriceTable::parse(&table).unwrap();
        let basis = |model| table.price("k", model, &counts(1, 1)).basis;
        for edition in ["gpt-4-latest", "gpt-4-2024-08-06", "gpt-4-20240806", "gpt-4-0613"] {
            assert_eq!(basis(edition), PriceBasis::Prefix, "{edition}");
        }
        for other in [
            "gpt-4.5-preview",
            "gpt-4-5",
            "gpt-4o",
            "gpt-4-turbo-2024-04-09",
            "gpt-40613",
            "gpt-4-2024-8-6",
            "gpt-4-2024_08_06",
            "gpt-4-0613-preview",
            "gpt-4-é613",
            "-0613",
            "0613",
            "gpt",
            "",
        ] {
            assert_eq!(basis(other), PriceBasis::Fallback, "{other}");
        }
    }

    #[test]
    fn every_vendor_has_rows_and_azure_those_of_openai() {
        let table = PriceTable::bundled();
        let price = |kind, model| {
            let priced = table.price(kind, model, &counts(1_000_000, 1_000_000));
            (priced.cost.to_string(), priced.basis)
        };
        for (kind, model, cost, basis) in [
            ("openai", "o3-deep-research-2025-06-26", "50.00", PriceBasis::Prefix),
            ("openai", "gpt-4.5-preview", "225.00", PriceBasis::Exact),
            ("anthropic", "claude-opus-4-5-20251101", "30.00", PriceBasis::Prefix),
            ("anthropic", "claude-opus-4-20250514", "90.00", PriceBasis::Prefix),
            ("google", "gemini-2.5-flash", "2.80", PriceBasis::Exact),
            ("google", "gemini-2.5-flash-lite", "0.50", PriceBasis::Exact),
            ("mistral", "mistral-medium-latest", "2.40", PriceBasis::Exact),
            ("groq", "llama-3.3-70b-versatile", "1.38", PriceBasis::Exact),
            ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "1.76", PriceBasis::Exact),
            ("cohere", "command-r-08-2024", "0.75", PriceBasis::Exact),
            ("azure_openai", "gpt-4o", "12.50", PriceBasis::Exact),
            ("azure_openai", "gpt-4o-mini-2024-07-18", "0.75", PriceBasis::Prefix),
            ("azure_openai", "my-deployment", "35.00", PriceBasis::Fallback),
        ] {
            assert_eq!(price(kind, model), (cost.to_owned(), basis), "{kind} {model}");
        }
    }

    #[test]
    fn cache_classes_have_their_own_price() {
        let used = TokenCounts {
            input: 1_000_000,
            cache_read: 1_000_000,
            cache_write_5m: 1_000_000,
            cache_write_1h: 1_000_000,
            output: 1_000_000,
            ..TokenCounts::default()
        };
        let cost = PriceTable::bundled().price("anthropic", "claude-sonnet-4-20250514", &used).cost;
        assert_eq!(cost.to_string(), "28.05");
    }

    #[test]
    fn a_wrong_table_is_named() {
        let row = r#"{"kind":"k","model":"m","input":-1,"output":1,"source":"s","date":"2026-01-01"}"#;
        let table = format!(r#"{{"version":"1","fallback":{row},"models":[]}}"#);
        assert!(matches!(PriceTable::parse(&table), Err(InvalidPriceTable::Price { .. })));
        assert!(matches!(PriceTable::parse("[]"), Err(InvalidPriceTable::Unreadable(_))));
    }

    proptest! {
        #[test]
        fn any_counts_have_a_price(input: u64, cache_read: u64, output: u64, reasoning: u64) {
            let used = TokenCounts { input, cache_read, output, reasoning, ..TokenCounts::default() };
            prop_assert!(PriceTable::bundled().price("openai", "gpt-4o", &used).cost >= Money::ZERO);
        }
    }
}
