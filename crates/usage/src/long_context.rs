//! Models that cost more when they read more.

use promptgate_kernel::{Money, PricePerMillion};

use crate::PriceRates;

/// What a vendor asks for calls that read more than so many tokens.
struct LongContext {
    kind: &'static str,
    /// The beginnings of names.
    models: &'static [&'static str],
    above: u64,
    /// In percent of what it asks for others.
    read: i64,
    written: i64,
}

const LONG_CONTEXTS: [LongContext; 2] = [
    // <https://ai.google.dev/gemini-api/docs/pricing>
    LongContext {
        kind: "google",
        models: &["gemini-2.5-pro", "gemini-3-pro"],
        above: 200_000,
        read: 200,
        written: 150,
    },
    // <https://platform.openai.com/docs/pricing>; the small ones of the family have one price.
    LongContext { kind: "openai", models: &["gpt-5.4"], above: 272_000, read: 200, written: 150 },
];

impl PriceRates {
    /// The published rates of a model for a call that reads so many tokens in all.
    #[must_use]
    pub(crate) fn for_reading(&self, kind: &str, model: &str, tokens: u64) -> Self {
        let kind = if kind == "azure_openai" { "openai" } else { kind };
        let is = |long: &&LongContext| {
            tokens > long.above
                && long.kind == kind
                && long.models.iter().any(|name| {
                    let rest = model.strip_prefix(name);
                    let is_small = |rest: &str| rest.starts_with("-mini") || rest.starts_with("-nano");
                    rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('-') && !is_small(rest)))
                })
        };
        LONG_CONTEXTS.iter().find(is).map_or(*self, |long| {
            let read = |rate: PricePerMillion| times(rate, long.read);
            let written = |rate: PricePerMillion| times(rate, long.written);
            Self {
                input: read(self.input),
                output: written(self.output),
                cache_read: self.cache_read.map(read),
                cache_write: self.cache_write.map(read),
                cache_write_1h: self.cache_write_1h.map(read),
                audio_input: self.audio_input.map(read),
                audio_output: self.audio_output.map(written),
                reasoning: self.reasoning.map(written),
                embedding: self.embedding,
            }
        })
    }
}

fn times(rate: PricePerMillion, percent: i64) -> PricePerMillion {
    PricePerMillion::from_money(Money::from_nanos(rate.as_money().as_nanos().saturating_mul(percent) / 100))
}

#[cfg(test)]
mod tests {
    use crate::{PriceTable, TokenCounts};

    #[test]
    fn a_call_that_reads_more_than_the_vendors_tier_costs_more_in_every_class() {
        let table = PriceTable::bundled();
        let cost = |kind, model, cache_read, output| {
            let counts = TokenCounts { input: 100_000, cache_read, output, ..TokenCounts::default() };
            table.price(kind, model, &counts).cost.to_string()
        };
        // $1.25, $0.125 and $10 a million up to 200,000, and $2.50, $0.25 and $15 above.
        assert_eq!(cost("google", "gemini-2.5-pro", 100_000, 1_000), "0.1475");
        assert_eq!(cost("google", "gemini-2.5-pro", 100_001, 1_000), "0.29000025");
        assert_eq!(cost("google", "gemini-2.5-pro-2025-06-17", 200_000, 0), "0.30");
        let flash = [100_000, 200_000].map(|read| cost("google", "gemini-2.5-flash", read, 0));
        assert_eq!(flash, ["0.033", "0.036"], "one price at any length");
    }
}
