//! What a call takes at most.

use promptgate_kernel::Money;
use promptgate_limits::{Counter, Measure, Window};
use promptgate_providers::ProviderKind;
use promptgate_usage::{PriceBook, PriceTable, Sale, TokenCounts};
use promptgate_wire::PromptSize;

use crate::candidate::Candidate;
use crate::pipeline::Shared;

/// What the frame of a whole request takes.
const PER_REQUEST: u64 = 16;
/// What the frame of a message or a part of one takes.
const PER_FRAME: u64 = 8;
/// What vendors tell a model about tools besides the tools themselves.
const FOR_TOOLS: u64 = 1_200;
/// What a document takes that is elsewhere: a hundred pages of three thousand tokens, which is what vendors
/// take.
const PER_FILE_ELSEWHERE: u64 = 300_000;
/// What a conversation takes that the vendor keeps: the context of the common models.
const KEPT_ELSEWHERE: u64 = 128_000;
/// So many bytes of encoded sound take one token at most.
const SOUND_BYTES_PER_TOKEN: u64 = 8;
/// How much each use of a provider's own tools is taken to fetch, where the request does not bound it. No vendor
/// publishes a maximum.
const FETCHED: u64 = 20_000;
/// How often a provider asks its model anew with what its tools fetched, before it gives the turn back.
const MOST_ROUNDS: u64 = 10;
/// How much is written at most by a model of which nobody knows, where nobody says how much it may.
const UNKNOWN_OUTPUT: u64 = 8_192;
/// Classes of tokens are rounded one by one: so many nano-dollars more than all of them at once.
const ROUNDING: u64 = 8;
/// Over how many tokens it is found out what one more costs.
const MORE: u64 = 1_000;

/// What a call asks for, as far as it decides what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they say different things about a call")]
pub(crate) struct Asks {
    /// What is read.
    pub(crate) prompt: PromptSize,
    /// How much may be written, where the client says it.
    pub(crate) max_output: Option<u64>,
    /// Whether the client says it in a way that nobody is sure to understand.
    pub(crate) has_odd_max_output: bool,
    /// How many answers are wanted.
    pub(crate) choices: u64,
    /// Whether anything is written.
    pub(crate) writes: bool,
    /// Whether it is embedded.
    pub(crate) embeds: bool,
    /// Whether no model reads anything for it.
    pub(crate) is_free: bool,
    /// What a thousand tokens cost where a model has no price, if the endpoint says so.
    pub(crate) per_thousand: Option<Money>,
}

/// What a call takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bound {
    pub(super) tokens: u64,
    /// What is read besides because a provider's own tools fetch it: budgets of days and months reserve it.
    pub(super) fetched: u64,
    /// Nano-dollars, of the dearest who may be asked, what is fetched included.
    pub(super) cost: u64,
    /// How many of the tokens are written.
    pub(super) output: u64,
}

impl Bound {
    /// As much of it as a limit counts.
    pub(super) const fn of(&self, counter: &Counter) -> u64 {
        match (counter.measure, counter.window) {
            (Measure::Requests, _) => 1,
            (Measure::Tokens, Window::Day | Window::Month) => self.with_fetched(),
            (Measure::Tokens, _) => self.tokens,
            (Measure::Cost, _) => self.cost,
        }
    }

    /// All tokens.
    pub(super) const fn with_fetched(&self) -> u64 {
        self.tokens.saturating_add(self.fetched)
    }
}

impl Asks {
    /// Whether nobody says how much a candidate may write.
    fn is_open(&self, candidate: &Candidate) -> bool {
        self.writes && self.max_output.is_none() && preset(candidate).is_none()
    }

    /// The most that may be written where nobody says how much: what the models can at most.
    pub(super) fn open_output(&self, candidates: &[Candidate]) -> Option<u64> {
        let open = candidates.iter().filter(|candidate| self.is_open(candidate));
        open.map(most_output).max()
    }

    /// What it takes at most if no more is written than `injected`, where nobody says how much. What it costs
    /// is found out where it matters.
    pub(super) fn bound(
        &self,
        candidates: &[Candidate],
        injected: Option<u64>,
        costs: bool,
        shared: &Shared,
    ) -> Bound {
        if self.is_free {
            return Bound::default();
        }
        let snapshot = shared.snapshot.load();
        let mut all = Bound::default();
        for candidate in candidates {
            let (input, output) = (self.input(candidate), self.output(candidate, injected));
            all.tokens = all.tokens.max(input.saturating_add(output));
            all.fetched = all.fetched.max(self.fetched(input));
            all.output = all.output.max(output);
            if costs {
                let cost = self.cost_of(candidate, output, snapshot.prices(), &shared.prices);
                all.cost = all.cost.max(cost.saturating_add(ROUNDING));
            }
        }
        all
    }

    /// What each token costs at most that is written beyond that, in nano-dollars: the prompt is paid for once. How
    /// much is written decides nobody's price of a token, so that a candidate's is the same however far it goes.
    pub(super) fn cost_per_token(
        &self,
        candidates: &[Candidate],
        injected: Option<u64>,
        shared: &Shared,
    ) -> u64 {
        if !self.writes {
            return 0;
        }
        let snapshot = shared.snapshot.load();
        let of_one = |candidate: &Candidate| {
            let output = self.output(candidate, injected);
            let cost = |output| self.cost_of(candidate, output, snapshot.prices(), &shared.prices);
            cost(output.saturating_add(MORE)).saturating_sub(cost(output)).div_ceil(MORE)
        };
        candidates.iter().map(of_one).max().unwrap_or(0)
    }

    /// What it costs at most if a candidate writes so much, in nano-dollars.
    fn cost_of(&self, candidate: &Candidate, output: u64, book: &PriceBook, bundled: &PriceTable) -> u64 {
        let provider = &candidate.provider.provider;
        let price = |counts: TokenCounts| {
            let sale = Sale {
                provider: provider.name.as_str(),
                kind: provider.kind.as_str(),
                model: &candidate.model,
                embedding: self.embeds,
                per_thousand: self.per_thousand,
            };
            nanos(book.charge(bundled, sale, &counts).cost)
        };
        let input = self.input(candidate);
        let read = input.saturating_add(self.fetched(input));
        self.cost(read, output, provider.kind == ProviderKind::Anthropic, price)
    }

    /// What it costs if all that is read and all that is written is counted in the dearest class that it may be
    /// counted in. Both at once, because how much is read may decide what a token costs.
    fn cost(&self, input: u64, output: u64, is_anthropics: bool, price: impl Fn(TokenCounts) -> u64) -> u64 {
        let PromptSize { caches, caches_long, audio_bytes, has_more_elsewhere, wants_audio, .. } =
            self.prompt;
        let none = TokenCounts::default();
        // Anthropic writes to its cache when it is told to, and what its tools fetch; others when they like.
        let may_cache = caches || !is_anthropics || self.prompt.own_tool_uses > 0;
        let reads = [
            Some(TokenCounts { input, ..none }),
            // Whoever sells it may have kept a prefix unasked, and what that costs is the operator's to say.
            Some(TokenCounts { cache_read: input, ..none }),
            may_cache.then_some(TokenCounts { cache_write_5m: input, ..none }),
            caches_long.then_some(TokenCounts { cache_write_1h: input, ..none }),
            (audio_bytes > 0 || has_more_elsewhere).then_some(TokenCounts { audio_input: input, ..none }),
        ];
        let of_one = |read: TokenCounts| {
            let cost =
                price(TokenCounts { output, ..read }).max(price(TokenCounts { reasoning: output, ..read }));
            if wants_audio { cost.max(price(TokenCounts { audio_output: output, ..read })) } else { cost }
        };
        reads.into_iter().flatten().map(of_one).max().unwrap_or(0)
    }

    /// What is read besides the prompt because a provider's own tools fetch it. Each time its model is asked anew
    /// with it, the prompt and what was fetched before are read once more.
    fn fetched(&self, input: u64) -> u64 {
        let uses = self.prompt.own_tool_uses;
        let rounds = uses.min(MOST_ROUNDS);
        let all = self.prompt.fetched.unwrap_or(0).max(FETCHED).saturating_mul(uses);
        input.saturating_mul(rounds).saturating_add(all.saturating_mul(rounds + 1).div_ceil(2))
    }

    /// The most that may be read: no token is shorter than a byte.
    fn input(&self, candidate: &Candidate) -> u64 {
        let PromptSize { text_bytes, opaque_bytes, frames, images, file_bytes, .. } = self.prompt;
        let preset = candidate.preset.as_ref().and_then(|preset| preset.system_prompt.as_ref());
        let parts = [
            PER_REQUEST,
            text_bytes,
            opaque_bytes,
            preset.map_or(0, |prompt| prompt.len() as u64 + PER_FRAME),
            frames.saturating_mul(PER_FRAME),
            images.saturating_mul(per_image(candidate)),
            file_bytes,
            self.prompt.files_elsewhere.saturating_mul(PER_FILE_ELSEWHERE),
            self.prompt.audio_bytes.div_ceil(SOUND_BYTES_PER_TOKEN),
            if self.prompt.has_tools { FOR_TOOLS } else { 0 },
            if self.prompt.has_more_elsewhere { KEPT_ELSEWHERE } else { 0 },
        ];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    fn output(&self, candidate: &Candidate, injected: Option<u64>) -> u64 {
        if !self.writes {
            return 0;
        }
        let said = self.max_output.or_else(|| preset(candidate));
        let most = said.or(injected).unwrap_or_else(|| most_output(candidate));
        most.saturating_mul(self.choices.max(1))
    }
}

fn preset(candidate: &Candidate) -> Option<u64> {
    candidate.preset.as_ref()?.max_tokens
}

/// The most that a model writes.
pub(crate) fn most_output(candidate: &Candidate) -> u64 {
    let capabilities = &candidate.capabilities;
    capabilities.maximum("max_output").or(capabilities.default_max_output).unwrap_or(UNKNOWN_OUTPUT)
}

/// The most that one picture takes, as the vendors publish it.
fn per_image(candidate: &Candidate) -> u64 {
    match candidate.provider.provider.kind {
        // <https://docs.anthropic.com/en/docs/build-with-claude/vision>, of the models that look closest.
        ProviderKind::Anthropic => 5_000,
        // <https://platform.openai.com/docs/guides/images-vision>: 2,833 and 5,667 for each of eight tiles.
        ProviderKind::OpenAi | ProviderKind::AzureOpenAi if candidate.model.contains("4o-mini") => 48_169,
        _ => 10_000,
    }
}

fn nanos(money: Money) -> u64 {
    u64::try_from(money.as_nanos()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_and_written_costs_at_most_its_dearest_classes() {
        let cost = |prompt: PromptSize, rates: [u64; 8], is_anthropics| {
            let price = move |counts: TokenCounts| {
                let all = [
                    counts.input,
                    counts.cache_read,
                    counts.cache_write_5m,
                    counts.cache_write_1h,
                    counts.audio_input,
                    counts.output,
                    counts.reasoning,
                    counts.audio_output,
                ];
                all.into_iter().zip(rates).map(|(count, rate)| count * rate).sum()
            };
            Asks { prompt, ..Asks::default() }.cost(100, 10, is_anthropics, price)
        };
        let none = PromptSize::default();
        let rates = [1, 0, 2, 3, 4, 5, 6, 7];
        assert_eq!(cost(none, rates, true), 100 + 60, "reasoning is dearer than what is shown");
        assert_eq!(cost(none, [1, 0, 2, 3, 4, 6, 5, 7], true), 100 + 60);
        let dear = [1, 9, 2, 3, 4, 5, 6, 7];
        assert_eq!(cost(none, dear, false), 900 + 60, "reading a cache is dear where an operator says so");
        assert_eq!(cost(none, dear, true), 900 + 60, "and some read one without being asked to");
        assert_eq!(cost(none, rates, false), 200 + 60, "some cache without being asked to");
        for (prompt, expected) in [
            (PromptSize { caches: true, ..none }, 200 + 60),
            (PromptSize { own_tool_uses: 1, ..none }, 200 + 60),
            (PromptSize { caches: true, caches_long: true, ..none }, 300 + 60),
            (PromptSize { audio_bytes: 1, ..none }, 400 + 60),
            (PromptSize { has_more_elsewhere: true, ..none }, 400 + 60),
            (PromptSize { wants_audio: true, ..none }, 100 + 70),
        ] {
            assert_eq!(cost(prompt, rates, true), expected, "{prompt:?}");
        }
    }

    #[test]
    fn what_a_providers_tools_fetch_is_read_again_with_everything_else() {
        let fetched = |own_tool_uses, fetched| {
            let prompt = PromptSize { own_tool_uses, fetched, ..PromptSize::default() };
            Asks { prompt, ..Asks::default() }.fetched(1_000)
        };
        assert_eq!(fetched(0, None), 0);
        assert_eq!(fetched(1, None), 1_000 + 20_000);
        assert_eq!(fetched(2, None), 2_000 + 20_000 + 40_000);
        assert_eq!(fetched(2, Some(50_000)), 2_000 + 50_000 + 100_000);
        // Twenty uses in ten rounds, two at a time.
        assert_eq!(fetched(20, None), 10_000 + (1..=10).map(|round| round * 40_000).sum::<u64>());
        assert_eq!(fetched(u64::MAX, None), u64::MAX / 2 + 1 + 10_000, "nobody has so much");
    }
}
