//! The prices in force: those that an operator set, before those that come with the program.

use std::collections::HashMap;
use std::sync::Arc;

use promptgate_kernel::Money;

use crate::price::ByKind;
use crate::{
    PriceBasis, PriceRates, PriceScope, PriceTable, PriceVersion, PriceVersionId, StoredPrices, TokenCounts,
};

/// What is to be priced: a call of a model, and how its provider is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// The kind of provider, such as `openai`.
    pub kind: &'a str,
    /// The model, as the provider knows it.
    pub model: &'a str,
    /// Whether the call embeds, and writes nothing.
    pub embedding: bool,
    /// What a thousand tokens of any class cost where the model has no price, if the endpoint that is called
    /// says so.
    pub per_thousand: Option<Money>,
}

impl Sale<'_> {
    /// What the endpoint says that it costs.
    fn by_endpoint(&self, counts: &TokenCounts) -> Option<Charge<'static>> {
        let nanos = i128::from(self.per_thousand?.as_nanos()) * i128::from(counts.total());
        let cost = Money::from_nanos(i64::try_from((nanos + 999) / 1_000).unwrap_or(i64::MAX));
        Some(Charge { cost, basis: PriceBasis::Endpoint, version: BY_ENDPOINT })
    }
}

/// What stands for the version of a price that an endpoint says.
const BY_ENDPOINT: &str = "endpoint";

/// A cost, and which price it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge<'a> {
    /// What it costs.
    pub cost: Money,
    /// How the price was found.
    pub basis: PriceBasis,
    /// The version of the price, as [`PriceVersionId`] writes it, or that of the table of the program.
    pub version: &'a str,
}

#[derive(Debug, Clone)]
struct Entry {
    rates: PriceRates,
    version: Arc<str>,
}

impl Entry {
    fn new(rates: PriceRates, version: PriceVersionId) -> Self {
        Self { rates, version: version.to_string().into() }
    }
}

/// The prices that are kept, ready to be looked up: those that an operator set for a provider, before what
/// is published, before the fallback. Without any, everything costs what the table of the program says.
#[derive(Debug, Clone, Default)]
pub struct PriceBook {
    /// By provider, then by model.
    models: HashMap<String, HashMap<String, Entry>>,
    /// What is published; empty where nothing was read of it.
    lists: ByKind<Entry>,
    fallback: Option<Entry>,
}

impl PriceBook {
    /// Prepares prices for use.
    pub fn new(stored: StoredPrices) -> Self {
        let mut models: HashMap<String, HashMap<String, Entry>> = HashMap::new();
        for price in stored.models {
            let entry = Entry::new(price.rates, price.version_id());
            models.entry(price.target.provider).or_default().insert(price.target.model, entry);
        }
        let mut lists = ByKind::default();
        for price in stored.lists {
            lists.insert(&price.kind, &price.model, Entry::new(price.rates, price.version_id()));
        }
        let fallback = stored.fallback.map(|price| Entry::new(price.rates, price.version_id()));
        Self { models, lists, fallback }
    }

    /// The same with a price as it was then, in the place of what holds now. A version that says that there
    /// was none changes nothing.
    #[must_use]
    pub fn holding(mut self, version: &PriceVersion) -> Self {
        let Some(rates) = version.rates else { return self };
        let entry = Entry::new(rates, version.id);
        match &version.scope {
            PriceScope::Fallback => self.fallback = Some(entry),
            PriceScope::Provider(target) => {
                self.models.entry(target.provider.clone()).or_default().insert(target.model.clone(), entry);
            }
            PriceScope::Kind { kind, model } => {
                self.lists.insert(kind, model, entry);
            }
        }
        self
    }

    /// What a call costs: by the price that was set for the model of this provider, else by what is
    /// published for its kind (as `bundled` has it, where nothing was read of that), else by what its
    /// endpoint says, else by the price that was set for all others. Each class is rounded once.
    pub fn charge<'a>(&'a self, bundled: &'a PriceTable, sale: Sale<'_>, counts: &TokenCounts) -> Charge<'a> {
        let charge = |entry: &'a Entry, basis| Charge {
            cost: entry.rates.cost(counts, sale.embedding),
            basis,
            version: &entry.version,
        };
        if let Some(entry) = self.find(sale.provider, sale.model) {
            return charge(entry, PriceBasis::Exact);
        }
        if let Some((entry, basis)) = self.lists.find(sale.kind, sale.model) {
            let rates = entry.rates.for_reading(sale.kind, sale.model, counts.total_input());
            return Charge { cost: rates.cost(counts, sale.embedding), basis, version: &entry.version };
        }
        let by_table = || bundled.price_sale(sale.kind, sale.model, counts, sale.embedding);
        let priced = if self.lists.is_empty() { Some(by_table()) } else { None };
        match (&self.fallback, priced) {
            (_, Some(priced)) if priced.basis != PriceBasis::Fallback => {
                Charge { cost: priced.cost, basis: priced.basis, version: bundled.version() }
            }
            (fallback, priced) => {
                if let Some(charge) = sale.by_endpoint(counts) {
                    return charge;
                }
                if let Some(entry) = fallback {
                    return charge(entry, PriceBasis::Fallback);
                }
                let priced = priced.unwrap_or_else(by_table);
                Charge { cost: priced.cost, basis: priced.basis, version: bundled.version() }
            }
        }
    }

    /// The rates that were set for a model, else those that are published for its kind of provider, else those
    /// for all others.
    pub fn rates(&self, provider: &str, kind: &str, model: &str) -> PriceRates {
        let published = || self.lists.find(kind, model).map(|(entry, _)| entry);
        let entry = self.find(provider, model).or_else(published);
        entry.map_or_else(|| self.fallback_rates(), |entry| entry.rates)
    }

    /// The rates of models that have none of their own.
    pub fn fallback_rates(&self) -> PriceRates {
        self.fallback.as_ref().map(|entry| entry.rates).unwrap_or_default()
    }

    fn find(&self, provider: &str, model: &str) -> Option<&Entry> {
        self.models.get(provider)?.get(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FallbackPrice, PriceTarget, RateChanges, StoredPrice};
    use promptgate_kernel::{PricePerMillion, Timestamp};
    use proptest::prelude::*;

    fn rates(input: f64, output: f64) -> PriceRates {
        RateChanges { input: Some(input), output: Some(output), ..RateChanges::default() }
            .into_rates()
            .unwrap()
    }

    fn stored(provider: &str, model: &str, rates: PriceRates) -> StoredPrice {
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        StoredPrice::create(id, PriceTarget::new(provider, model).unwrap(), rates, Timestamp::from_micros(7))
    }

    fn book(models: Vec<StoredPrice>) -> PriceBook {
        let fallback =
            FallbackPrice { rates: rates(5.0, 30.0), updated_at: Timestamp::from_micros(1), version: 1 };
        PriceBook::new(StoredPrices { fallback: Some(fallback), models, lists: vec![] })
    }

    fn sale<'a>(provider: &'a str, kind: &'a str, model: &'a str) -> Sale<'a> {
        Sale { provider, kind, model, embedding: false, per_thousand: None }
    }

    const MILLION: TokenCounts = TokenCounts {
        input: 1_000_000,
        cache_read: 1_000_000,
        cache_write_5m: 1_000_000,
        output: 1_000_000,
        cache_write_1h: 0,
        audio_input: 0,
        reasoning: 0,
        audio_output: 0,
    };

    #[test]
    fn a_set_price_beats_the_table_which_beats_the_fallback() {
        let bundled = PriceTable::bundled();
        let book = book(vec![stored("main", "gpt-4o", rates(1.0, 2.0))]);
        let found = |sale| {
            let charge = book.charge(&bundled, sale, &MILLION);
            (charge.cost.to_string(), charge.basis, charge.version.to_owned())
        };
        let ours = "018f4e6e-0000-7000-8000-000000000001@1";
        assert_eq!(found(sale("main", "openai", "gpt-4o")), ("5.00".into(), PriceBasis::Exact, ours.into()));
        let other = found(sale("other", "openai", "gpt-4o"));
        assert_eq!((other.1, other.2.as_str()), (PriceBasis::Exact, bundled.version()));
        let dated = found(sale("main", "openai", "gpt-4o-2024-08-06"));
        assert_ne!(dated.2, ours, "a price that was set is for exactly this model");
        let unknown = found(sale("main", "openai_compatible", "mystery"));
        let fallback = "00000000-0000-0000-0000-000000000001@1";
        assert_eq!(unknown, ("45.00".into(), PriceBasis::Fallback, fallback.into()));
        let none = PriceBook::default();
        let unknown = none.charge(&bundled, sale("main", "openai_compatible", "mystery"), &MILLION);
        assert_eq!((unknown.basis, unknown.version), (PriceBasis::Fallback, bundled.version()));
    }

    #[test]
    fn what_an_endpoint_says_stands_before_the_fallback_alone() {
        let bundled = PriceTable::bundled();
        let some = TokenCounts { input: 1_000, output: 500, cache_read: 1, ..TokenCounts::default() };
        let cent = Some(Money::from_nanos(10_000_000));
        for book in [book(vec![stored("main", "m", rates(1.0, 2.0))]), PriceBook::default()] {
            let found = |model, per_thousand| {
                let charge =
                    book.charge(&bundled, Sale { per_thousand, ..sale("main", "openai", model) }, &some);
                (charge.cost.as_nanos(), charge.basis, charge.version.to_owned())
            };
            // Of all tokens, rounded up.
            assert_eq!(found("mystery", cent), (15_010_000, PriceBasis::Endpoint, "endpoint".into()));
            assert_eq!(found("mystery", Some(Money::from_nanos(1))).0, 2);
            assert_eq!(found("mystery", Some(Money::from_nanos(i64::MAX))).0, i64::MAX);
            assert_eq!(found("mystery", None).1, PriceBasis::Fallback);
            assert_eq!(found("gpt-4o", cent), found("gpt-4o", None), "the model has a price");
            assert_eq!(found("m", cent).1 == PriceBasis::Exact, found("m", None).1 == PriceBasis::Exact);
        }
    }

    #[test]
    fn classes_have_their_own_rates_where_they_are_set() {
        let bundled = PriceTable::bundled();
        let all = PriceRates {
            cache_read: PricePerMillion::from_dollars(0.1),
            cache_write: PricePerMillion::from_dollars(1.25),
            embedding: PricePerMillion::from_dollars(0.02),
            ..rates(1.0, 2.0)
        };
        let book = book(vec![stored("main", "m", all)]);
        let chat = sale("main", "openai", "m");
        assert_eq!(book.charge(&bundled, chat, &MILLION).cost.to_string(), "4.35");
        let embedded = TokenCounts { input: 1_000_000, ..TokenCounts::default() };
        let embedding = Sale { embedding: true, ..chat };
        assert_eq!(book.charge(&bundled, embedding, &embedded).cost.to_string(), "0.02");
        assert_eq!(book.charge(&bundled, chat, &embedded).cost.to_string(), "1.00");
    }

    #[test]
    fn what_is_published_stands_between_what_was_set_and_the_fallback() {
        let bundled = PriceTable::bundled();
        let list = |kind: &str, model: &str, input| {
            let id = "018f4e6e-0000-7000-8000-000000000002".parse().unwrap();
            let origin = crate::PriceOrigin::Fetched;
            let new = crate::NewListPrice::new(kind, model, rates(input, 0.0), origin, "e").unwrap();
            crate::ListPrice::create(id, new, Timestamp::default())
        };
        let fallback =
            FallbackPrice { rates: rates(5.0, 30.0), updated_at: Timestamp::from_micros(1), version: 3 };
        let book = PriceBook::new(StoredPrices {
            fallback: Some(fallback),
            models: vec![stored("main", "m", rates(1.0, 1.0))],
            lists: vec![list("openai", "m", 7.0), list("openai", "gpt-4o", 9.0), list("ollama", "*", 0.0)],
        });
        let input = TokenCounts { input: 1_000_000, ..TokenCounts::default() };
        let found = |sale| {
            let charge = book.charge(&bundled, sale, &input);
            (charge.cost.to_string(), charge.basis, charge.version.to_owned())
        };
        let published = "018f4e6e-0000-7000-8000-000000000002@1".to_owned();
        assert_eq!(found(sale("main", "openai", "m")).0, "1.00");
        let exact = ("7.00".to_owned(), PriceBasis::Exact, published.clone());
        assert_eq!(found(sale("other", "openai", "m")), exact);
        let edition = ("9.00".to_owned(), PriceBasis::Prefix, published);
        assert_eq!(found(sale("other", "azure_openai", "gpt-4o-2024-08-06")), edition);
        assert_eq!(found(sale("here", "ollama", "any")).0, "0.00");
        // What is published replaces the table of the program as a whole.
        let unknown = found(sale("other", "openai", "gpt-4.1"));
        let fallback = "00000000-0000-0000-0000-000000000001@3".to_owned();
        assert_eq!(unknown, ("5.00".to_owned(), PriceBasis::Fallback, fallback));
    }

    #[test]
    fn what_is_published_costs_more_for_long_contexts_and_what_was_set_does_not() {
        let list = |at: u64, kind: &str, model: &str| {
            let id = format!("018f4e6e-0000-7000-8000-00000000000{at}").parse().unwrap();
            let rates = PriceRates { cache_read: PricePerMillion::from_dollars(0.1), ..rates(1.0, 10.0) };
            let new = crate::NewListPrice::new(kind, model, rates, crate::PriceOrigin::Fetched, "e").unwrap();
            crate::ListPrice::create(id, new, Timestamp::default())
        };
        let book = PriceBook::new(StoredPrices {
            fallback: None,
            models: vec![
                stored("set", "gemini-2.5-pro", rates(1.0, 10.0)),
                stored("set", "gpt-5.4", rates(1.0, 10.0)),
            ],
            lists: vec![
                list(2, "google", "gemini-2.5-pro"),
                list(3, "openai", "gpt-5.4"),
                list(4, "openai", "gpt-5.4-mini"),
                list(5, "azure_openai", "gpt-5.4"),
            ],
        });
        let bundled = PriceTable::bundled();
        // All but one are read, that one from a cache, and a million are written: $1, $0.1 and $10 a million.
        let cost = |provider, kind, model, read: u64| {
            let counts =
                TokenCounts { input: read - 1, cache_read: 1, output: 1_000_000, ..TokenCounts::default() };
            book.charge(&bundled, sale(provider, kind, model), &counts).cost.to_string()
        };
        assert_eq!(cost("other", "google", "gemini-2.5-pro", 200_000), "10.1999991");
        assert_eq!(cost("other", "google", "gemini-2.5-pro", 200_001), "15.4000002");
        assert_eq!(cost("other", "google", "gemini-2.5-pro-2025-06-17", 200_001), "15.4000002");
        assert_eq!(cost("set", "google", "gemini-2.5-pro", 200_001), "10.200001", "as an operator set it");
        for kind in ["openai", "azure_openai"] {
            assert_eq!(cost("other", kind, "gpt-5.4", 272_000), "10.2719991", "{kind}");
            assert_eq!(cost("other", kind, "gpt-5.4", 272_001), "15.5440002", "{kind}");
            assert_eq!(cost("other", kind, "gpt-5.4-2026-03-05", 272_001), "15.5440002", "{kind}");
            assert_eq!(cost("other", kind, "gpt-5.4-mini", 272_001), "10.2720001", "{kind}");
            assert_eq!(cost("set", kind, "gpt-5.4", 272_001), "10.272001", "{kind}");
        }
    }

    proptest! {
        #[test]
        fn any_counts_have_a_cost(input: u64, cache_read: u64, output: u64, embedding: bool, dollars in 0.0..1e6) {
            let counts = TokenCounts { input, cache_read, output, ..TokenCounts::default() };
            let book = book(vec![stored("main", "m", rates(dollars, dollars))]);
            let sale = Sale { embedding, ..sale("main", "openai", "m") };
            prop_assert!(book.charge(&PriceTable::bundled(), sale, &counts).cost >= Money::ZERO);
        }
    }
}
