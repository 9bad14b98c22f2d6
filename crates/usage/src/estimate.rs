//! What tokens cost by the prices that are set now, for people to look at.

use promptgate_kernel::Money;

use crate::{PriceBook, PriceRates, TokenCounts};

/// What kind of calls tokens are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageKind {
    /// Calls that write an answer.
    Completion,
    /// Calls that embed.
    Embedding,
}

/// The tokens of the calls of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageGroup<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// The kind of provider, such as `openai`; blank where it is not known.
    pub provider_kind: &'a str,
    /// The model, as the provider knows it.
    pub model: &'a str,
    /// What kind of calls.
    pub kind: UsageKind,
    /// How many tokens.
    pub tokens: TokenCounts,
}

/// What tokens cost, by what they are, and the rates that stand for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EstimatedCost {
    /// What was read, cache included, and what was embedded where embedding has no price of its own.
    pub input: Money,
    /// What was written.
    pub output: Money,
    /// What was embedded at a price of its own.
    pub embedding: Money,
    /// Everything.
    pub total: Money,
    /// The rates for models without a price, unless [`Self::at_rates`] says otherwise.
    pub rates: PriceRates,
}

impl EstimatedCost {
    /// The same with other rates, such as those of a day's first model.
    #[must_use]
    pub const fn at_rates(self, rates: PriceRates) -> Self {
        Self { rates, ..self }
    }
}

impl UsageGroup<'_> {
    fn rates(&self, book: &PriceBook) -> PriceRates {
        book.rates(self.provider, self.provider_kind, self.model)
    }
}

/// What groups of tokens cost by the prices that are set, without a look into any store.
pub fn estimate(groups: &[UsageGroup<'_>], book: &PriceBook) -> EstimatedCost {
    let (mut input, mut output, mut embedding) = (Money::ZERO, Money::ZERO, Money::ZERO);
    for group in groups {
        let (rates, tokens) = (group.rates(book), &group.tokens);
        match (group.kind, rates.embedding) {
            (UsageKind::Completion, _) => {
                input = input.plus(input_cost(&rates, tokens));
                output = output.plus(output_cost(&rates, tokens));
            }
            (UsageKind::Embedding, Some(rate)) => embedding = embedding.plus(rate.of(tokens.total())),
            (UsageKind::Embedding, None) => input = input.plus(rates.input.of(tokens.total())),
        }
    }
    let total = [input, output, embedding].into_iter().sum();
    EstimatedCost { input, output, embedding, total, rates: book.fallback_rates() }
}

/// What groups of tokens were booked with, each split into what today's prices would make of it: the
/// total is what was booked, whatever prices are now.
pub fn apportion<'a>(
    booked: impl IntoIterator<Item = (UsageGroup<'a>, Money)>,
    book: &PriceBook,
) -> EstimatedCost {
    let (mut input, mut output, mut embedding) = (Money::ZERO, Money::ZERO, Money::ZERO);
    for (group, cost) in booked {
        let by_prices = estimate(&[group], book);
        match group.kind {
            UsageKind::Embedding if group.rates(book).embedding.is_some() => {
                embedding = embedding.plus(cost);
            }
            UsageKind::Embedding => input = input.plus(cost),
            UsageKind::Completion => {
                let tokens = [group.tokens.total_input(), group.tokens.total_output()];
                let [read, written] = split(cost, [by_prices.input, by_prices.output], tokens);
                input = input.plus(read);
                output = output.plus(written);
            }
        }
    }
    let total = [input, output, embedding].into_iter().sum();
    EstimatedCost { input, output, embedding, total, rates: book.fallback_rates() }
}

/// Two parts of a cost, in the proportion of their prices; where nothing has a price, of their tokens.
fn split(cost: Money, prices: [Money; 2], tokens: [u64; 2]) -> [Money; 2] {
    let by_prices = prices.map(|price| i128::from(price.as_nanos()));
    let [read, written] = if by_prices.iter().sum::<i128>() > 0 { by_prices } else { tokens.map(i128::from) };
    let whole = i128::from(cost.as_nanos());
    let first = (whole * read).checked_div(read + written).unwrap_or(whole);
    let first = Money::from_nanos(i64::try_from(first).unwrap_or(cost.as_nanos()));
    [first, Money::from_nanos(cost.as_nanos().saturating_sub(first.as_nanos()))]
}

fn input_cost(rates: &PriceRates, tokens: &TokenCounts) -> Money {
    let read = TokenCounts { output: 0, reasoning: 0, audio_output: 0, ..*tokens };
    rates.cost(&read, false)
}

fn output_cost(rates: &PriceRates, tokens: &TokenCounts) -> Money {
    let TokenCounts { output, reasoning, audio_output, .. } = *tokens;
    rates.cost(&TokenCounts { output, reasoning, audio_output, ..TokenCounts::default() }, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        FallbackPrice, ListPrice, NewListPrice, PriceTable, PriceTarget, RateChanges, StoredPrice,
        StoredPrices,
    };
    use promptgate_kernel::{PricePerMillion, Timestamp};

    fn rates(input: f64, output: f64, embedding: Option<f64>) -> PriceRates {
        let changes = RateChanges {
            input: Some(input),
            output: Some(output),
            embedding: Some(embedding),
            ..RateChanges::default()
        };
        changes.into_rates().unwrap()
    }

    fn book(fallback: PriceRates, models: &[(&str, &str, PriceRates)]) -> PriceBook {
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        let at = Timestamp::default();
        let models = models.iter().map(|(provider, model, rates)| {
            StoredPrice::create(id, PriceTarget::new(provider, model).unwrap(), *rates, at)
        });
        let fallback = FallbackPrice { rates: fallback, updated_at: at, version: 1 };
        PriceBook::new(StoredPrices {
            fallback: Some(fallback),
            models: models.collect(),
            ..StoredPrices::default()
        })
    }

    /// One completion of 5 in, 6 out, 1 read from and 2 written to a cache, and 17 embedded.
    fn widget<'a>() -> [UsageGroup<'a>; 2] {
        let completion =
            TokenCounts { input: 5, output: 6, cache_read: 1, cache_write_5m: 2, ..TokenCounts::default() };
        let embedded = TokenCounts { input: 17, ..TokenCounts::default() };
        [(UsageKind::Completion, completion), (UsageKind::Embedding, embedded)].map(|(kind, tokens)| {
            UsageGroup { provider: "openai", provider_kind: "openai", model: "m", kind, tokens }
        })
    }

    fn shown(cost: &EstimatedCost) -> [String; 4] {
        [cost.input, cost.output, cost.embedding, cost.total].map(|money| money.to_string())
    }

    #[test]
    fn the_token_widget_adds_up() {
        let [completion, embedding] = widget().map(|group| group.tokens);
        assert_eq!((completion.total(), completion.total_input(), embedding.total()), (14, 8, 17));
        assert_eq!(completion.total() + embedding.total(), 31);
    }

    #[test]
    fn the_default_cost_of_the_token_widget() {
        let cost = estimate(&widget(), &book(rates(5.0, 30.0, Some(0.02)), &[]));
        assert_eq!(shown(&cost), ["0.00004", "0.00018", "0.00000034", "0.00022034"]);
        assert_eq!(cost.rates, rates(5.0, 30.0, Some(0.02)));
        assert_eq!(serde_json::json!(cost.input.as_dollars()).to_string(), "0.00004");
        let other = cost.at_rates(rates(1.0, 1.0, None));
        assert_eq!((other.total, other.rates.input.as_dollars()), (cost.total, 1.0));
    }

    #[test]
    fn what_is_embedded_costs_as_input_without_a_price_of_its_own() {
        let cost = estimate(&widget(), &book(rates(5.0, 30.0, None), &[]));
        assert_eq!(shown(&cost), ["0.000125", "0.00018", "0.00", "0.000305"]);
        assert_eq!(estimate(&[], &book(rates(5.0, 30.0, None), &[])).total, Money::ZERO);
    }

    #[test]
    fn prices_of_models_are_used_where_they_are_set() {
        let cached = PriceRates {
            cache_read: PricePerMillion::from_dollars(0.0),
            cache_write: PricePerMillion::from_dollars(10.0),
            ..rates(1.0, 2.0, None)
        };
        let book =
            book(rates(5.0, 30.0, None), &[("openai", "m", cached), ("other", "m", rates(9.0, 9.0, None))]);
        let [completion, _] = widget();
        assert_eq!(shown(&estimate(&[completion], &book))[..2], ["0.000025", "0.000012"]);
        let elsewhere = UsageGroup { model: "n", ..completion };
        assert_eq!(estimate(&[completion, elsewhere], &book).output.to_string(), "0.000192");
    }

    #[test]
    fn what_is_published_is_used_where_nothing_is_set() {
        let stored = book(rates(5.0, 30.0, None), &[("mine", "gpt-4o-mini", rates(9.0, 9.0, None))]);
        let lists = NewListPrice::of_table(&PriceTable::bundled()).into_iter().map(|new| {
            let id = "018f4e6e-0000-7000-8000-000000000002".parse().unwrap();
            ListPrice::create(id, new, Timestamp::default())
        });
        let published = PriceBook::new(StoredPrices { lists: lists.collect(), ..StoredPrices::default() });
        assert_eq!(stored.rates("main", "openai", "gpt-4o-mini"), rates(5.0, 30.0, None));
        assert_eq!(
            published.rates("main", "openai", "gpt-4o-mini-2024-07-18").input.as_money().to_string(),
            "0.15"
        );
        assert_eq!(published.rates("main", "openai", "mystery"), PriceRates::default());
        assert_eq!(stored.rates("mine", "openai", "gpt-4o-mini"), rates(9.0, 9.0, None));
        // 15 cents for a million in, 60 for a million out.
        let tokens = TokenCounts { input: 4_000, output: 1_000, ..TokenCounts::default() };
        let group = UsageGroup {
            provider: "main",
            provider_kind: "openai",
            model: "gpt-4o-mini",
            kind: UsageKind::Completion,
            tokens,
        };
        let cost = apportion([(group, Money::from_nanos(1_200))], &published);
        assert_eq!([cost.input, cost.output].map(Money::as_nanos), [600, 600]);
    }

    #[test]
    fn what_was_booked_is_split_and_stays_whole() {
        let [completion, embedding] = widget();
        let booked = Money::from_nanos;
        let priced = book(rates(5.0, 30.0, Some(0.02)), &[]);
        let cost = apportion([(completion, booked(440_001)), (embedding, booked(7))], &priced);
        assert_eq!([cost.input, cost.output, cost.embedding].map(Money::as_nanos), [80_000, 360_001, 7]);
        assert_eq!((cost.total.as_nanos(), cost.rates), (440_008, rates(5.0, 30.0, Some(0.02))));
        let free = book(rates(0.0, 0.0, None), &[]);
        let cost = apportion([(completion, booked(1_400)), (embedding, booked(7))], &free);
        assert_eq!([cost.input, cost.output, cost.embedding].map(Money::as_nanos), [807, 600, 0]);
        let nothing = UsageGroup { tokens: TokenCounts::default(), ..completion };
        assert_eq!(apportion([(nothing, booked(9))], &free).input, booked(9));
        assert_eq!(apportion([], &free).total, Money::ZERO);
    }
}
