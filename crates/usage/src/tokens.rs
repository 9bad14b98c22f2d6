//! Tokens by class.

use serde::{Deserialize, Serialize};

/// How many tokens a call took, in classes that do not overlap: the whole is their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenCounts {
    /// Text and images read, without what came from or went into a prompt cache.
    pub input: u64,
    /// Read from a prompt cache.
    pub cache_read: u64,
    /// Written to a prompt cache that lives five minutes (or the provider's only one).
    pub cache_write_5m: u64,
    /// Written to a prompt cache that lives an hour.
    pub cache_write_1h: u64,
    /// Audio read.
    pub audio_input: u64,
    /// Text written, without reasoning.
    pub output: u64,
    /// Reasoning written, shown or not.
    pub reasoning: u64,
    /// Audio written.
    pub audio_output: u64,
}

impl TokenCounts {
    /// Everything that was read.
    pub const fn total_input(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write_5m)
            .saturating_add(self.cache_write_1h)
            .saturating_add(self.audio_input)
    }

    /// Everything that was written.
    pub const fn total_output(&self) -> u64 {
        self.output.saturating_add(self.reasoning).saturating_add(self.audio_output)
    }

    /// Everything.
    pub const fn total(&self) -> u64 {
        self.total_input().saturating_add(self.total_output())
    }
}

/// What was written in all and the reasoning in it, of an answer in OpenAI's words. There the reasoning is
/// a share of what was `written`; some services tell it beside that, and only a `total` of more than both
/// numbers gives it away. It is believed as far as it was told, and wholly where it was not.
pub fn with_reasoning(read: u64, written: u64, reasoning: Option<u64>, total: Option<u64>) -> (u64, u64) {
    let more = total.unwrap_or(0).saturating_sub(read.saturating_add(written));
    let beside = more.min(reasoning.unwrap_or(more));
    let written = written.saturating_add(beside);
    (written, reasoning.unwrap_or(beside).min(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_that_is_told_beside_the_answer_is_counted() {
        for (read, written, reasoning, total, expected) in [
            // A share of what was written, as OpenAI tells it.
            (10, 50, Some(30), Some(60), (50, 30)),
            (10, 50, Some(30), None, (50, 30)),
            (10, 50, Some(99), Some(60), (50, 50)),
            (10, 50, None, None, (50, 0)),
            // Beside it.
            (32, 9, Some(233), Some(274), (242, 233)),
            (32, 9, None, Some(274), (242, 233)),
            // No more than was told, and nothing of a total that is too small.
            (32, 9, Some(3), Some(274), (12, 3)),
            (32, 9, Some(0), Some(274), (9, 0)),
            (32, 9, Some(5), Some(20), (9, 5)),
            (u64::MAX, u64::MAX, None, Some(u64::MAX), (u64::MAX, 0)),
        ] {
            assert_eq!(with_reasoning(read, written, reasoning, total), expected, "{read} {written}");
        }
    }
}
