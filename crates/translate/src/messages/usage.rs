//! Usage, as Anthropic counts it.

use promptgate_usage::TokenCounts;

use crate::compose::Object;
use crate::counts::{Lie, believed, share_of};
use crate::members::Members;

/// What was told so far. The numbers of a stream are cumulative: a later one stands in place of an
/// earlier one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    write_1h: u64,
    output: Option<u64>,
    thinking: u64,
    lied: bool,
}

impl Told {
    /// Takes a usage object.
    pub(super) fn take(&mut self, usage: &Members<'_>) {
        if self.try_take(usage).is_err() {
            self.lied = true;
        }
    }

    fn try_take(&mut self, usage: &Members<'_>) -> Result<(), Lie> {
        self.input = believed(usage, "input_tokens")?.or(self.input);
        self.cache_read = believed(usage, "cache_read_input_tokens")?.or(self.cache_read);
        let creation = usage.lenient_members("cache_creation");
        let share = |name| share_of(creation.as_ref(), name, u64::MAX);
        let parts = share("ephemeral_5m_input_tokens").saturating_add(share("ephemeral_1h_input_tokens"));
        let written = believed(usage, "cache_creation_input_tokens")?;
        self.cache_write = written.or_else(|| creation.is_some().then_some(parts)).or(self.cache_write);
        if creation.is_some() {
            self.write_1h = share("ephemeral_1h_input_tokens");
        }
        self.output = believed(usage, "output_tokens")?.or(self.output);
        if let Some(details) = usage.lenient_members("output_tokens_details") {
            self.thinking = share_of(Some(&details), "thinking_tokens", u64::MAX);
        }
        Ok(())
    }

    /// The classes; `None` when they were not told, or cannot be true.
    pub(super) fn counts(&self) -> Option<TokenCounts> {
        let input = self.input.filter(|_| !self.lied)?;
        let written = self.cache_write.unwrap_or(0);
        let cache_write_1h = self.write_1h.min(written);
        let output = self.output.unwrap_or(0);
        let reasoning = self.thinking.min(output);
        Some(TokenCounts {
            input,
            cache_read: self.cache_read.unwrap_or(0),
            cache_write_5m: written - cache_write_1h,
            cache_write_1h,
            output: output - reasoning,
            reasoning,
            ..TokenCounts::default()
        })
    }
}

/// Writes the members of a usage object.
pub(crate) fn write(usage: &mut Object<'_>, counts: &TokenCounts) {
    let written = counts.cache_write_5m.saturating_add(counts.cache_write_1h);
    usage.set("input_tokens", &counts.input.saturating_add(counts.audio_input));
    usage.set("cache_creation_input_tokens", &written);
    usage.set("cache_read_input_tokens", &counts.cache_read);
    if written > 0 {
        usage.object("cache_creation", |creation| {
            creation.set("ephemeral_5m_input_tokens", &counts.cache_write_5m);
            creation.set("ephemeral_1h_input_tokens", &counts.cache_write_1h);
        });
    }
    usage.set("output_tokens", &counts.total_output());
    if counts.reasoning > 0 {
        usage.object("output_tokens_details", |details| details.set("thinking_tokens", &counts.reasoning));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(usages: &[&str]) -> Option<TokenCounts> {
        let mut told = Told::default();
        for usage in usages {
            told.take(&Members::of(usage).unwrap());
        }
        told.counts()
    }

    #[test]
    fn a_later_number_stands_in_place_of_an_earlier_one() {
        let counts = told(&[
            r#"{"input_tokens":25,"cache_read_input_tokens":1000,"cache_creation_input_tokens":300,
                "cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":100},"output_tokens":1}"#,
            r#"{"output_tokens":40,"output_tokens_details":{"thinking_tokens":15}}"#,
        ]);
        let expected = TokenCounts {
            input: 25,
            cache_read: 1000,
            cache_write_5m: 200,
            cache_write_1h: 100,
            output: 25,
            reasoning: 15,
            ..TokenCounts::default()
        };
        assert_eq!(counts, Some(expected));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let counts = TokenCounts {
            input: 1,
            cache_read: 2,
            cache_write_5m: 3,
            cache_write_1h: 4,
            output: 5,
            reasoning: 6,
            ..TokenCounts::default()
        };
        let mut written = Vec::new();
        crate::compose::object(&mut written, |usage| write(usage, &counts));
        assert_eq!(told(&[std::str::from_utf8(&written).unwrap()]), Some(counts));
    }

    #[test]
    fn lies_are_not_believed() {
        for lie in
            [r#"{"input_tokens":-1}"#, r#"{"input_tokens":"7"}"#, r#"{"input_tokens":2000000000}"#, "{}"]
        {
            assert_eq!(told(&[lie]), None, "{lie}");
        }
    }
}
