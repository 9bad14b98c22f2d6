//! Reading streams.
//!
//! Words and thoughts come one after another, so a block of one kind ends when another begins. Tool
//! calls may come interleaved by their index, so they stay open until the answer is over.

use super::answer::{made_up_id, pieces, stop_of};
use super::thought::{self, Detail};
use crate::maker::Maker;
use crate::members::Members;
use crate::openai::{CHAT_USAGE, error_of, read_usage};
use crate::{Opening, ProviderError, StreamEvent};

/// The most calls that one answer may make. More are an attack on the memory of the gateway.
const MAX_CALLS: usize = 1_024;

/// The longest arguments that wait for the name of their tool.
const MAX_EARLY: usize = 1024 * 1024;

/// A kind of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Text,
    Thinking,
    Refusal,
}

/// A tool call under way.
#[derive(Debug)]
struct Call {
    /// The index that the provider gives it.
    at: u64,
    id: Option<String>,
    /// Its block, once its name is known.
    block: Option<usize>,
    /// Arguments that came before its name.
    early: String,
}

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    answer: Option<String>,
    blocks: usize,
    words: Option<(usize, Words)>,
    calls: Vec<Call>,
    refused: bool,
    reason: Option<String>,
    over: bool,
}

impl Reader {
    /// A reader at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads an event.
    pub fn event(&mut self, _name: Option<&str>, data: &str, out: &mut Vec<StreamEvent>) {
        if self.over {
            return;
        }
        if data.trim() == "[DONE]" {
            self.finish(out);
            return;
        }
        let Some(chunk) = Members::of(data) else {
            self.fail("a chunk of the stream is not JSON".to_owned(), out);
            return;
        };
        if let Some(error) = chunk.get("error") {
            self.over = true;
            out.push(StreamEvent::Error(error_of(&error)));
            return;
        }
        self.start(&chunk, out);
        let choices = chunk.lenient_items("choices");
        for choice in choices.iter().filter_map(|choice| choice.members().ok()) {
            if !matches!(choice.count("index"), Ok(None | Some(0))) {
                continue;
            }
            if let Some(delta) = choice.lenient_members("delta") {
                self.delta(&delta, out);
            }
            if let Some(reason) = choice.lenient_text("finish_reason") {
                self.reason = Some(reason);
            }
        }
        // Groq tells usage in a member of its own.
        let own = || chunk.lenient_members("x_groq")?.lenient_members("usage");
        let usage = chunk.lenient_members("usage").or_else(own);
        if let Some(usage) = usage.and_then(|usage| read_usage(&usage, &CHAT_USAGE)) {
            out.push(StreamEvent::Usage(usage));
        }
    }

    /// The stream is over. Without its end mark the answer still counts if the model said why it
    /// stopped: many services leave the mark out.
    pub fn end(&mut self, out: &mut Vec<StreamEvent>) {
        if !self.over && self.reason.is_some() {
            self.finish(out);
        }
    }

    /// Azure's first chunk is about the prompt: it has neither an id nor choices, and begins nothing.
    fn start(&mut self, chunk: &Members<'_>, out: &mut Vec<StreamEvent>) {
        let text = |name| chunk.lenient_text(name).filter(|text| !text.is_empty());
        let id = text("id");
        if self.started || id.is_none() && chunk.lenient_items("choices").is_empty() {
            return;
        }
        self.started = true;
        self.answer.clone_from(&id);
        out.push(StreamEvent::Start { id, model: text("model") });
    }

    fn delta(&mut self, delta: &Members<'_>, out: &mut Vec<StreamEvent>) {
        let details = thought::read_details(delta);
        let told =
            details.iter().any(|detail| matches!(detail, Detail::Text { text, .. } if !text.is_empty()));
        for detail in details {
            self.detail(detail, out);
        }
        if let Some(text) = thought::plain(delta).filter(|_| !told) {
            self.say(Words::Thinking, text, out);
        }
        if let Some(content) = delta.get("content") {
            for (is_thought, text) in pieces(&content) {
                self.say(if is_thought { Words::Thinking } else { Words::Text }, text, out);
            }
        }
        if let Some(text) = delta.lenient_text("refusal") {
            self.say(Words::Refusal, text, out);
        }
        for call in delta.lenient_items("tool_calls").iter().filter_map(|call| call.members().ok()) {
            self.call(&call, out);
        }
    }

    fn say(&mut self, words: Words, text: String, out: &mut Vec<StreamEvent>) {
        if text.is_empty() {
            return;
        }
        let index = self.words(words, out);
        out.push(StreamEvent::Delta { index, text });
    }

    /// The block that words of a kind go to.
    fn words(&mut self, words: Words, out: &mut Vec<StreamEvent>) -> usize {
        match self.words {
            Some((index, open)) if open == words => return index,
            _ => self.close_words(out),
        }
        let opening = match words {
            Words::Text => Opening::Text,
            Words::Thinking => Opening::Thinking,
            Words::Refusal => Opening::Refusal,
        };
        self.refused |= words == Words::Refusal;
        let index = self.open(opening, out);
        self.words = Some((index, words));
        index
    }

    fn open(&mut self, opening: Opening, out: &mut Vec<StreamEvent>) -> usize {
        let index = self.blocks;
        self.blocks += 1;
        out.push(StreamEvent::Open { index, opening });
        index
    }

    fn close_words(&mut self, out: &mut Vec<StreamEvent>) {
        if let Some((index, _)) = self.words.take() {
            out.push(StreamEvent::Close { index });
        }
    }

    /// A signature ends its thought: what comes behind it is the next one.
    fn detail(&mut self, detail: Detail, out: &mut Vec<StreamEvent>) {
        match detail {
            Detail::Text { text, signature } => {
                self.say(Words::Thinking, text, out);
                if let Some(signature) = signature.filter(|signature| !signature.is_empty()) {
                    let index = self.words(Words::Thinking, out);
                    let signature = Maker::Compatible.claim(&signature);
                    out.push(StreamEvent::Signature { index, signature });
                    self.close_words(out);
                }
            }
            Detail::Encrypted { data } => {
                self.close_words(out);
                let data = Maker::Compatible.claim(&data);
                let index = self.open(Opening::RedactedThinking { data }, out);
                out.push(StreamEvent::Close { index });
            }
        }
    }

    fn call(&mut self, call: &Members<'_>, out: &mut Vec<StreamEvent>) {
        let id = call.lenient_text("id").filter(|id| !id.is_empty());
        let Some(found) = self.find_call(call.count("index").ok().flatten(), id.as_deref()) else {
            self.fail("the answer makes too many tool calls".to_owned(), out);
            return;
        };
        let function = call.lenient_members("function");
        let member = |name: &str| function.as_ref().and_then(|function| function.lenient_text(name));
        let name = member("name").filter(|name| !name.is_empty());
        let text = match function.as_ref().and_then(|function| function.get("arguments")) {
            Some(object) if object.is_object() => Some(object.json().as_str().to_owned()),
            _ => member("arguments"),
        };
        let known = &mut self.calls[found];
        known.id = known.id.take().or(id);
        match (known.block, name) {
            (Some(index), _) => {
                let text = text.filter(|text| !text.is_empty());
                out.extend(text.map(|text| StreamEvent::Delta { index, text }));
            }
            (None, None) => {
                known.early.push_str(&text.unwrap_or_default());
                if known.early.len() > MAX_EARLY {
                    self.fail("a tool call has arguments, but no name".to_owned(), out);
                }
            }
            (None, Some(name)) => {
                let mut early = std::mem::take(&mut known.early);
                early.push_str(&text.unwrap_or_default());
                let id = known.id.clone().unwrap_or_else(|| made_up_id(self.answer.as_deref(), found));
                self.close_words(out);
                let index = self.open(Opening::ToolCall { id, name, signature: None }, out);
                self.calls[found].block = Some(index);
                if !early.is_empty() {
                    out.push(StreamEvent::Delta { index, text: early });
                }
            }
        }
    }

    /// The call that a piece belongs to, a new one if there is none; `None` if there are too many.
    /// Some services give every call the index 0, or none: then its id tells it.
    fn find_call(&mut self, at: Option<u64>, id: Option<&str>) -> Option<usize> {
        let other = |call: &Call| id.is_some() && call.id.is_some() && call.id.as_deref() != id;
        let found = if let Some(at) = at {
            self.calls.iter().rposition(|call| call.at == at && !other(call))
        } else {
            let last = self.calls.len().checked_sub(1);
            last.filter(|last| id.is_none() || !other(&self.calls[*last]))
        };
        if found.is_some() {
            return found;
        }
        if self.calls.len() == MAX_CALLS {
            return None;
        }
        let next = self.calls.len();
        let at = at.unwrap_or(next as u64);
        self.calls.push(Call { at, id: id.map(str::to_owned), block: None, early: String::new() });
        Some(next)
    }

    fn finish(&mut self, out: &mut Vec<StreamEvent>) {
        self.over = true;
        self.close_words(out);
        let mut called = false;
        for index in self.calls.iter().filter_map(|call| call.block) {
            called = true;
            out.push(StreamEvent::Close { index });
        }
        out.push(StreamEvent::Stop(stop_of(self.reason.as_deref(), called, self.refused)));
        out.push(StreamEvent::End);
    }

    fn fail(&mut self, message: String, out: &mut Vec<StreamEvent>) {
        self.over = true;
        out.push(StreamEvent::Error(ProviderError { message, ..ProviderError::default() }));
    }
}

#[cfg(test)]
mod tests {
    use crate::Stop;

    use super::*;

    fn read(chunks: &[&str]) -> Vec<StreamEvent> {
        let (mut reader, mut out) = (Reader::new(), Vec::new());
        for chunk in chunks {
            reader.event(None, chunk, &mut out);
        }
        reader.end(&mut out);
        out
    }

    fn delta(delta: &str) -> String {
        format!(r#"{{"id":"c","model":"m","choices":[{{"index":0,"delta":{delta}}}]}}"#)
    }

    fn call(id: &str, name: &str) -> Opening {
        Opening::ToolCall { id: id.to_owned(), name: name.to_owned(), signature: None }
    }

    #[test]
    fn interleaved_calls_are_read_by_their_index() {
        let events = read(&[
            &delta(r#"{"role":"assistant","content":""}"#),
            &delta(
                r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#,
            ),
            &delta(
                r#"{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{"}}]}"#,
            ),
            &delta(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#),
            &delta(r#"{"tool_calls":[{"index":1,"function":{"arguments":"}"}}]}"#),
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            "[DONE]",
        ]);
        let delta = |index, text: &str| StreamEvent::Delta { index, text: text.to_owned() };
        let expected = [
            StreamEvent::Start { id: Some("c".to_owned()), model: Some("m".to_owned()) },
            StreamEvent::Open { index: 0, opening: call("a", "f") },
            StreamEvent::Open { index: 1, opening: call("b", "g") },
            delta(1, "{"),
            delta(0, "{}"),
            delta(1, "}"),
            StreamEvent::Close { index: 0 },
            StreamEvent::Close { index: 1 },
            StreamEvent::Stop(Stop::ToolUse),
            StreamEvent::End,
        ];
        assert_eq!(events, expected);
    }

    #[test]
    fn calls_that_all_have_the_index_zero_are_told_by_their_ids() {
        let events = read(&[
            &delta(r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#),
            &delta(r#"{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}]}"#),
            &delta(r#"{"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]}"#),
            "[DONE]",
        ]);
        let opened = events.iter().filter(|event| matches!(event, StreamEvent::Open { .. })).count();
        assert_eq!(opened, 3);
        assert!(events.contains(&StreamEvent::Stop(Stop::ToolUse)));
    }

    #[test]
    fn thoughts_words_and_refusals_follow_each_other() {
        let events = read(&[
            &delta(
                r#"{"reasoning_content":"h","reasoning_details":[{"type":"reasoning.text","text":"h","index":0}]}"#,
            ),
            &delta(r#"{"reasoning_details":[{"type":"reasoning.text","signature":"s","index":0}]}"#),
            &delta(r#"{"content":"x"}"#),
            &delta(r#"{"refusal":"no"}"#),
            "[DONE]",
        ]);
        let kinds: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                StreamEvent::Open { opening, .. } => Some(opening.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(kinds, [Opening::Thinking, Opening::Text, Opening::Refusal]);
        assert!(events.contains(&StreamEvent::Signature { index: 0, signature: "compatible:s".to_owned() }));
        assert!(events.contains(&StreamEvent::Stop(Stop::Refusal)));
        let said = events.iter().filter(|event| matches!(event, StreamEvent::Delta { .. })).count();
        assert_eq!(said, 3, "the thought is not told twice");
    }

    #[test]
    fn a_stream_without_its_end_mark_counts_only_if_the_model_stopped() {
        let open = delta(r#"{"content":"x"}"#);
        assert!(!read(&[&open]).contains(&StreamEvent::End));
        let stopped = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#;
        let events = read(&[&open, stopped]);
        assert!(events.contains(&StreamEvent::Stop(Stop::MaxTokens)));
        assert_eq!(events.last(), Some(&StreamEvent::End));
    }

    #[test]
    fn a_chunk_about_the_prompt_begins_nothing() {
        let events = read(&[
            r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}"#,
            &delta(r#"{"content":"x"}"#),
            "[DONE]",
        ]);
        assert_eq!(events[0], StreamEvent::Start { id: Some("c".to_owned()), model: Some("m".to_owned()) });
    }

    #[test]
    fn an_error_ends_everything() {
        let events = read(&[r#"{"error":{"message":"boom","type":"server_error"}}"#, "[DONE]"]);
        assert!(matches!(&events[..], [StreamEvent::Error(error)] if error.message == "boom"));
    }
}
