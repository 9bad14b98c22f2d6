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
