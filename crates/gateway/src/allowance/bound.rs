//! What a call takes at most.

use promptgate_kernel::Money;
use promptgate_providers::ProviderKind;
use promptgate_usage::{Sale, TokenCounts};
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
/// How much is written at most by a model of which nobody knows, where nobody says how much it may.
const UNKNOWN_OUTPUT: u64 = 8_192;
/// Classes of tokens are rounded one by one: so many nano-dollars more than all of them at once.
const ROUNDING: u64 = 8;

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
}

/// What a call takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bound {
    pub(super) tokens: u64,
    /// Nano-dollars, of the dearest who may be asked.
    pub(super) cost: u64,
    /// How many of the tokens are written.
    pub(super) output: u64,
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
            all.output = all.output.max(output);
            if costs {
                let price = |counts: TokenCounts| {
                    let sale = Sale {
                        provider: candidate.provider.provider.name.as_str(),
                        kind: candidate.provider.provider.kind.as_str(),
                        model: &candidate.model,
                        embedding: self.embeds,
                    };
                    nanos(snapshot.prices().charge(&shared.prices, sale, &counts).cost)
                };
                let cost = self.input_cost(input, price).saturating_add(self.output_cost(output, price));
                all.cost = all.cost.max(cost.saturating_add(ROUNDING));
            }
        }
        all
    }

    /// The dearest class that the input may be counted in.
    fn input_cost(&self, input: u64, price: impl Fn(TokenCounts) -> u64) -> u64 {
        let none = TokenCounts::default();
        let mut cost = price(TokenCounts { input, ..none });
        if self.prompt.caches {
            cost = cost.max(price(TokenCounts { cache_write_5m: input, ..none }));
        }
        if self.prompt.caches_long {
            cost = cost.max(price(TokenCounts { cache_write_1h: input, ..none }));
        }
        if self.prompt.audio_bytes > 0 {
            cost = cost.max(price(TokenCounts { audio_input: input, ..none }));
        }
        cost
    }

    /// The dearest class that the output may be counted in.
    fn output_cost(&self, output: u64, price: impl Fn(TokenCounts) -> u64) -> u64 {
        let none = TokenCounts::default();
        let cost =
            price(TokenCounts { output, ..none }).max(price(TokenCounts { reasoning: output, ..none }));
        if self.prompt.wants_audio {
            cost.max(price(TokenCounts { audio_output: output, ..none }))
        } else {
            cost
        }
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
    fn what_is_written_costs_at_most_its_dearest_class() {
        let price = |reasoning: u64| {
            move |counts: TokenCounts| {
                counts.output * 3 + counts.reasoning * reasoning + counts.audio_output * 9
            }
        };
        let asks = Asks::default();
        assert_eq!([2, 3, 7].map(|rate| asks.output_cost(10, price(rate))), [30, 30, 70]);
        let sound = Asks { prompt: PromptSize { wants_audio: true, ..PromptSize::default() }, ..asks };
        assert_eq!([7, 11].map(|rate| sound.output_cost(10, price(rate))), [90, 110]);
    }
}
