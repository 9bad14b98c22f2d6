//! What providers say about usage, believed as far as it can be true.

#[cfg(test)]
mod published;

use std::fmt;

use promptgate_usage::{TokenCounts, with_reasoning};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// More tokens than any call takes; a larger number is not believed.
const MOST: u64 = 1_000_000_000;

/// A number of tokens, or what stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Count {
    /// Not there, or null.
    #[default]
    Absent,
    /// A number that can be true.
    Told(u64),
    /// Anything else: negative, a fraction, a text, too large.
    Wrong,
}

/// A number is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lie;

impl Count {
    const fn told(self) -> Option<u64> {
        match self {
            Self::Told(count) => Some(count),
            Self::Absent | Self::Wrong => None,
        }
    }

    /// The number, for counts that a wrong value must not hide in.
    const fn believed(self) -> Result<Option<u64>, Lie> {
        match self {
            Self::Told(count) => Ok(Some(count)),
            Self::Absent => Ok(None),
            Self::Wrong => Err(Lie),
        }
    }

    /// The share of a larger class; what is wrong is no share.
    fn share_of(self, whole: u64) -> u64 {
        self.told().unwrap_or(0).min(whole)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
        Ok(if count <= MOST { Count::Told(count) } else { Count::Wrong })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Count, E> {
        Ok(Count::Wrong)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Count, E> {
        Ok(Count::Wrong)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count::Wrong)
    }

    fn visit_str<E>(self, _: &str) -> Result<Count, E> {
        Ok(Count::Wrong)
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Count::Wrong)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count::Wrong)
    }
}

/// Details that are an object, or none.
fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    let json: &serde_json::value::RawValue = Deserialize::deserialize(deserializer)?;
    Ok(serde_json::from_str(json.get()).unwrap_or_default())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OpenAiUsage {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    #[serde(deserialize_with = "lenient")]
    prompt_tokens_details: PromptDetails,
    #[serde(deserialize_with = "lenient")]
    completion_tokens_details: CompletionDetails,
    // The names of the responses API, which some services use elsewhere too.
    input_tokens: Count,
    output_tokens: Count,
    #[serde(deserialize_with = "lenient")]
    input_tokens_details: PromptDetails,
    #[serde(deserialize_with = "lenient")]
    output_tokens_details: CompletionDetails,
}

impl OpenAiUsage {
    /// The same under the names of completions, where only the others were told.
    fn normalised(mut self) -> Self {
        if self.prompt_tokens == Count::Absent && self.input_tokens != Count::Absent {
            self.prompt_tokens = self.input_tokens;
            self.prompt_tokens_details = self.input_tokens_details;
        }
        if self.completion_tokens == Count::Absent && self.output_tokens != Count::Absent {
            self.completion_tokens = self.output_tokens;
            self.completion_tokens_details = self.output_tokens_details;
        }
        self
    }
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    #[serde(rename = "cached_tokens")]
    cached: Count,
    #[serde(rename = "cache_write_tokens")]
    cache_write: Count,
    #[serde(rename = "audio_tokens")]
    audio: Count,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    #[serde(rename = "reasoning_tokens")]
    reasoning: Count,
    #[serde(rename = "audio_tokens")]
    audio: Count,
}

/// Reads a usage object of OpenAI's API: of completions, of responses and of embeddings. Its details are shares
/// of the two numbers, so they are taken out of them. `None` when it cannot be true.
pub(crate) fn openai(json: &[u8]) -> Option<TokenCounts> {
    let usage = serde_json::from_slice::<OpenAiUsage>(json).ok()?.normalised();
    let (prompt, completion) =
        (usage.prompt_tokens.believed().ok()?, usage.completion_tokens.believed().ok()?);
    let total = usage.total_tokens.told();
    let (prompt, completion) = match (prompt, completion, total) {
        (Some(prompt), Some(completion), _) => (prompt, completion),
        (Some(prompt), None, total) => (prompt, total.unwrap_or(prompt).saturating_sub(prompt)),
        (None, completion, Some(total)) => {
            let completion = completion.unwrap_or(0);
            (total.saturating_sub(completion), completion)
        }
        (None, _, None) => return None,
    };
    let details = &usage.prompt_tokens_details;
    let cache_read = details.cached.share_of(prompt);
    let cache_write_5m = details.cache_write.share_of(prompt - cache_read);
    let audio_input = details.audio.share_of(prompt - cache_read - cache_write_5m);
    let details = &usage.completion_tokens_details;
    let (completion, reasoning) = with_reasoning(prompt, completion, details.reasoning.told(), total);
    let audio_output = details.audio.share_of(completion - reasoning);
    Some(TokenCounts {
        input: prompt - cache_read - cache_write_5m - audio_input,
        cache_read,
        cache_write_5m,
        cache_write_1h: 0,
        audio_input,
        output: completion - reasoning - audio_output,
        reasoning,
        audio_output,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AnthropicUsage {
    input_tokens: Count,
    cache_creation_input_tokens: Count,
    #[serde(deserialize_with = "lenient")]
    cache_creation: CacheCreation,
    cache_read_input_tokens: Count,
    output_tokens: Count,
    #[serde(deserialize_with = "lenient")]
    output_tokens_details: OutputDetails,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Count,
    ephemeral_1h_input_tokens: Count,
}

/// The usage of an Anthropic message. Its numbers are cumulative: what a later event tells stands
/// in place of what an earlier one told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AnthropicCounts {
    input: Option<u64>,
    cache_write: Option<u64>,
    write_5m: Option<u64>,
    write_1h: Option<u64>,
    cache_read: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
    lied: bool,
}

impl AnthropicCounts {
    /// Takes the usage object of an answer or of an event.
    pub(crate) fn take(&mut self, json: &[u8]) {
        if self.try_take(json).is_none() {
            self.lied = true;
        }
    }

    fn try_take(&mut self, json: &[u8]) -> Option<()> {
        let usage: AnthropicUsage = serde_json::from_slice(json).ok()?;
        let numbers = [
            (&mut self.input, usage.input_tokens),
            (&mut self.cache_write, usage.cache_creation_input_tokens),
            (&mut self.cache_read, usage.cache_read_input_tokens),
            (&mut self.output, usage.output_tokens),
        ];
        for (known, told) in numbers {
            *known = told.believed().ok()?.or(*known);
        }
        self.write_5m = usage.cache_creation.ephemeral_5m_input_tokens.told().or(self.write_5m);
        self.write_1h = usage.cache_creation.ephemeral_1h_input_tokens.told().or(self.write_1h);
        self.thinking = usage.output_tokens_details.thinking_tokens.told().or(self.thinking);
        Some(())
    }

    /// The classes; `None` when they were not told, or cannot be true.
    pub(crate) fn counts(&self) -> Option<TokenCounts> {
        let input = self.input.filter(|_| !self.lied)?;
        let (brief, long) = (self.write_5m.unwrap_or(0), self.write_1h.unwrap_or(0));
        let written = self.cache_write.unwrap_or(brief + long);
        let cache_write_1h = long.min(written);
        let output = self.output.unwrap_or(0);
        let reasoning = self.thinking.unwrap_or(0).min(output);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openais_details_are_taken_out_of_the_whole() {
        let told = br#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,
            "prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":6},
            "completion_tokens_details":{"reasoning_tokens":192,"audio_tokens":8,"accepted_prediction_tokens":0}}"#;
        let counts = openai(told).unwrap();
        let expected = TokenCounts {
            input: 80,
            cache_read: 1920,
            audio_input: 6,
            output: 100,
            reasoning: 192,
            audio_output: 8,
            ..TokenCounts::default()
        };
        assert_eq!(counts, expected);
        assert_eq!(counts.total(), 2306);
    }

    #[test]
    fn responses_tell_the_same_by_other_names() {
        let told = br#"{"input_tokens":100,"input_tokens_details":{"cached_tokens":64},"output_tokens":50,
            "output_tokens_details":{"reasoning_tokens":32},"total_tokens":150}"#;
        let expected =
            TokenCounts { input: 36, cache_read: 64, output: 18, reasoning: 32, ..TokenCounts::default() };
        assert_eq!(openai(told), Some(expected));
        let both = br#"{"prompt_tokens":3,"input_tokens":9,"completion_tokens":1,"output_tokens":9,"total_tokens":4}"#;
        assert_eq!(openai(both).unwrap().total(), 4, "the names of the format itself count first");
    }

    /// As xAI and Gemini's own imitation of OpenAI tell it.
    #[test]
    fn reasoning_beside_the_completion_is_counted() {
        let counts = |details: &str| {
            let told = format!(r#"{{"prompt_tokens":32,"completion_tokens":9,"total_tokens":274{details}}}"#);
            let counts = openai(told.as_bytes()).unwrap();
            (counts.input, counts.output, counts.reasoning)
        };
        assert_eq!(counts(r#","completion_tokens_details":{"reasoning_tokens":233}"#), (32, 9, 233));
        assert_eq!(counts(""), (32, 9, 233));
        assert_eq!(counts(r#","completion_tokens_details":{"reasoning_tokens":-1}"#), (32, 9, 233));
    }

    #[test]
    fn embeddings_only_read() {
        let counts = openai(br#"{"prompt_tokens":8,"total_tokens":8}"#).unwrap();
        assert_eq!((counts.input, counts.output), (8, 0));
        assert_eq!(openai(br#"{"total_tokens":8}"#).unwrap().input, 8);
    }

    #[test]
    fn lies_are_not_believed() {
        for lie in [
            r#"{"prompt_tokens":-1,"completion_tokens":1}"#,
            r#"{"prompt_tokens":1.5,"completion_tokens":1}"#,
            r#"{"prompt_tokens":"7","completion_tokens":1}"#,
            r#"{"prompt_tokens":1,"completion_tokens":1e9}"#,
            r#"{"prompt_tokens":1,"completion_tokens":18446744073709551615}"#,
            r#"{"prompt_tokens":99999999999999999999999,"completion_tokens":1}"#,
            r#"{"prompt_tokens":[1],"completion_tokens":{"a":1}}"#,
            r#"{"prompt_tokens":1,"prompt_tokens":2}"#,
            "{}",
            "[]",
        ] {
            assert_eq!(openai(lie.as_bytes()), None, "{lie}");
        }
    }

    #[test]
    fn wrong_details_change_nothing_of_the_whole() {
        for details in ["null", "7", "[]", r#"{"cached_tokens":-4}"#, r#"{"cached_tokens":"9"}"#] {
            let told = format!(
                r#"{{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{details},"completion_tokens_details":{details}}}"#
            );
            let counts = openai(told.as_bytes()).unwrap();
            assert_eq!((counts.input, counts.output, counts.total()), (10, 5, 15), "{details}");
        }
        let too_much = br#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":11,"audio_tokens":3}}"#;
        let counts = openai(too_much).unwrap();
        assert_eq!((counts.input, counts.cache_read, counts.audio_input), (0, 10, 0));
    }

    #[test]
    fn anthropics_later_numbers_stand() {
        let mut counts = AnthropicCounts::default();
        counts.take(br#"{"input_tokens":25,"cache_creation_input_tokens":300,"cache_read_input_tokens":1000,
            "cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":100},"output_tokens":1}"#);
        counts.take(br#"{"input_tokens":26,"cache_read_input_tokens":null,"output_tokens":15}"#);
        let expected = TokenCounts {
            input: 26,
            cache_read: 1000,
            cache_write_5m: 200,
            cache_write_1h: 100,
            output: 15,
            ..TokenCounts::default()
        };
        assert_eq!(counts.counts(), Some(expected));
        counts.take(br#"{"output_tokens":20,"output_tokens_details":{"thinking_tokens":12}}"#);
        assert_eq!(counts.counts(), Some(TokenCounts { output: 8, reasoning: 12, ..expected }));
        counts.take(br#"{"output_tokens":-15}"#);
        assert_eq!(counts.counts(), None, "a lie is not covered by an earlier truth");
    }

    #[test]
    fn anthropics_cache_writes_are_counted_once() {
        let classes = |json: &str| {
            let mut counts = AnthropicCounts::default();
            counts.take(json.as_bytes());
            let counts = counts.counts().unwrap();
            (counts.cache_write_5m, counts.cache_write_1h)
        };
        assert_eq!(classes(r#"{"input_tokens":1,"cache_creation_input_tokens":7}"#), (7, 0));
        let both = r#"{"input_tokens":1,"cache_creation_input_tokens":7,"cache_creation":{"ephemeral_1h_input_tokens":9}}"#;
        assert_eq!(classes(both), (0, 7));
        let alone = r#"{"input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3}}"#;
        assert_eq!(classes(alone), (2, 3));
    }
}
