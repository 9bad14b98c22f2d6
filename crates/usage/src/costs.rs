//! What calls cost, by who made them and what they were for.

use async_trait::async_trait;
use promptgate_kernel::{AccountId, EndpointId, Money, ProjectId, RepositoryError, Timestamp, TokenId};
use uuid::Uuid;

use crate::{Quarter, TokenCounts};

/// Which calls count. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CostFilter {
    /// Only those of this project.
    pub project: Option<ProjectId>,
    /// Only those of tokens that act for this owner.
    pub owner: Option<AccountId>,
    /// Only those by this token.
    pub token: Option<TokenId>,
    /// Only those of this AI endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only those that the provider of this name was asked.
    pub provider: Option<String>,
    /// Only those of this model, as its provider knows it.
    pub model: Option<String>,
}

/// Quarters of an hour one after the other, down to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarters {
    /// The first of them.
    pub first: Quarter,
    /// The one behind the last.
    pub end: Quarter,
}

impl Quarters {
    /// From the one of an instant to that of another, which counts, too.
    pub const fn through(from: Timestamp, to: Timestamp) -> Self {
        Self { first: Quarter::of(from), end: Quarter::of(to).next() }
    }

    /// From the one of an instant to that of another, which does not count.
    pub const fn until(from: Timestamp, to: Timestamp) -> Self {
        Self { first: Quarter::of(from), end: Quarter::of(to) }
    }
}

/// What calls took and cost together. An answer of the response cache took nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CostSums {
    /// How many calls.
    pub calls: u64,
    /// Tokens by class.
    pub tokens: TokenCounts,
    /// What was booked for them.
    pub cost: Money,
    /// How many calls were answered from the response cache.
    pub cache_hits: u64,
    /// The tokens that this saved.
    pub cached_tokens: u64,
    /// What these would have cost.
    pub saved: Money,
    /// How many calls took tokens and cost nothing, because nobody knew a price.
    pub unpriced_calls: u64,
    /// The tokens that these took.
    pub unpriced_tokens: u64,
    /// How many calls were priced by the fallback.
    pub guessed_calls: u64,
    /// What of the cost that is.
    pub guessed: Money,
}

impl CostSums {
    /// Adds what other calls cost.
    pub fn add(&mut self, more: &Self) {
        let (mine, others) = (&mut self.tokens, &more.tokens);
        for (sum, more) in [
            (&mut self.calls, more.calls),
            (&mut mine.input, others.input),
            (&mut mine.cache_read, others.cache_read),
            (&mut mine.cache_write_5m, others.cache_write_5m),
            (&mut mine.cache_write_1h, others.cache_write_1h),
            (&mut mine.audio_input, others.audio_input),
            (&mut mine.output, others.output),
            (&mut mine.reasoning, others.reasoning),
            (&mut mine.audio_output, others.audio_output),
            (&mut self.cache_hits, more.cache_hits),
            (&mut self.cached_tokens, more.cached_tokens),
            (&mut self.unpriced_calls, more.unpriced_calls),
            (&mut self.unpriced_tokens, more.unpriced_tokens),
            (&mut self.guessed_calls, more.guessed_calls),
        ] {
            *sum = sum.saturating_add(more);
        }
        for (sum, more) in
            [(&mut self.cost, more.cost), (&mut self.saved, more.saved), (&mut self.guessed, more.guessed)]
        {
            *sum = sum.plus(more);
        }
    }

    /// What share of the calls was answered from the response cache, from 0 to 1.
    pub fn hit_rate(&self) -> f64 {
        share(self.cache_hits, self.calls.saturating_sub(self.cache_hits))
    }

    /// What share of all that would have been paid was saved, from 0 to 1.
    pub fn saved_share(&self) -> f64 {
        let nanos = |money: Money| money.as_nanos().max(0).unsigned_abs();
        share(nanos(self.saved), nanos(self.cost))
    }
}

/// What share of both one is; nothing of nothing.
fn share(part: u64, rest: u64) -> f64 {
    if part == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
    let (part, rest) = (part as f64, rest as f64);
    part / (part + rest)
}

/// What costs are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CostDimension {
    /// The project.
    Project,
    /// The account that the token acts for.
    Owner,
    /// The token.
    Token,
    /// The AI endpoint.
    Endpoint,
    /// The provider, by name.
    Provider,
    /// The model, as its provider knows it.
    Model,
}

/// What one of them cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostEntry {
    /// Its id; `None` for what has none, and where names tell apart.
    pub id: Option<Uuid>,
    /// What it is called, where that is known.
    pub name: Option<String>,
    /// What it cost.
    pub sums: CostSums,
}

/// Where costs are added up from: sums that were kept when calls were recorded. Behaviour every adapter must
/// show: `store::contract::costs`.
#[async_trait]
pub trait CostRepository: Send {
    /// What calls of these quarters cost.
    async fn total(&mut self, filter: &CostFilter, quarters: Quarters) -> Result<CostSums, RepositoryError>;

    /// What calls cost from each of these instants to the next one. They are in order, and begin quarters.
    async fn between(
        &mut self,
        filter: &CostFilter,
        instants: &[Timestamp],
    ) -> Result<Vec<CostSums>, RepositoryError>;

    /// What calls cost by one dimension, at most `limit` entries: first those that cost the most, of equal
    /// ones those that took the most tokens.
    async fn top(
        &mut self,
        filter: &CostFilter,
        quarters: Quarters,
        by: CostDimension,
        limit: u32,
    ) -> Result<Vec<CostEntry>, RepositoryError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_whole_and_nothing_has_none() {
        let money = Money::from_nanos;
        let sums =
            CostSums { calls: 4, cache_hits: 1, cost: money(3), saved: money(1), ..CostSums::default() };
        assert_eq!((sums.hit_rate(), sums.saved_share()), (0.25, 0.25));
        assert_eq!((CostSums::default().hit_rate(), CostSums::default().saved_share()), (0.0, 0.0));
    }

    #[test]
    fn everything_is_added_and_nothing_becomes_too_large() {
        let one = |n: u64, nanos: i64| {
            let tokens = TokenCounts {
                input: n,
                cache_read: n,
                cache_write_5m: n,
                cache_write_1h: n,
                audio_input: n,
                output: n,
                reasoning: n,
                audio_output: n,
            };
            let money = Money::from_nanos(nanos);
            CostSums {
                calls: n,
                tokens,
                cost: money,
                cache_hits: n,
                cached_tokens: n,
                saved: money,
                unpriced_calls: n,
                unpriced_tokens: n,
                guessed_calls: n,
                guessed: money,
            }
        };
        let mut sums = one(1, 2);
        sums.add(&one(3, 4));
        assert_eq!(sums, one(4, 6));
        sums.add(&one(u64::MAX, i64::MAX));
        assert_eq!(sums, one(u64::MAX, i64::MAX));
    }
}
