//! The built-in provider: it answers with what was asked, in every shape, without a network.
//!
//! The same request, identity and instant give the same answer, to the byte.

mod chat;
mod embeddings;
mod messages;
mod responses;

use bytes::Bytes;
use promptgate_kernel::Timestamp;
use promptgate_providers::Operation;
use serde_json::Value;

use crate::{BadRequest, Envelope, estimate};

/// Said when there is nothing to repeat.
const GREETING: &str = "Hello from PromptGate. Send a user message and it comes back.";

/// The most events that carry text; longer texts come in larger pieces.
const MAX_PIECES: usize = 256;

/// What an echoed answer says about itself.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// Makes its identity, such as a call's id.
    pub id: &'a str,
    /// The model that answers.
    pub model: &'a str,
    /// When it answers.
    pub at: Timestamp,
    /// Whether a stream of chat completions ends with usage.
    pub include_usage: bool,
}

/// The answer as a whole: for conversations the text of the last user message, for embeddings a
/// vector of length one for every input, for a count of tokens the estimate that its own usage is.
pub fn whole(envelope: &Envelope, reply: &Reply<'_>) -> Result<Bytes, BadRequest> {
    Ok(match envelope.operation {
        Operation::ChatCompletions => chat::whole(&Said::of(envelope)?, reply),
        Operation::Responses => responses::whole(envelope, &Said::of(envelope)?, reply)?,
        Operation::Messages => messages::whole(&Said::of(envelope)?, reply),
        Operation::CountTokens => crate::json(&serde_json::json!({ "input_tokens": read_by(envelope) })),
        Operation::Embeddings => embeddings::whole(envelope, reply)?,
    })
}

/// The answer as the events of a stream, word by word. Embeddings and counts do not stream: one
/// piece, whole.
pub fn events(envelope: &Envelope, reply: &Reply<'_>) -> Result<Vec<Bytes>, BadRequest> {
    Ok(match envelope.operation {
        Operation::ChatCompletions => chat::events(&Said::of(envelope)?, reply),
        Operation::Responses => responses::events(envelope, &Said::of(envelope)?, reply)?,
        Operation::Messages => messages::events(&Said::of(envelope)?, reply),
        Operation::CountTokens | Operation::Embeddings => vec![whole(envelope, reply)?],
    })
}

/// What is said, and how many tokens that takes.
struct Said {
    text: String,
    read: u64,
    written: u64,
}

impl Said {
    fn of(envelope: &Envelope) -> Result<Self, BadRequest> {
        let body = body_of(envelope)?;
        let said = &body[if envelope.operation == Operation::Responses { "input" } else { "messages" }];
        let messages = said.as_array().map(Vec::as_slice).unwrap_or_default();
        let asked = messages.iter().rev().find(|message| message["role"] == "user");
        let text = asked.map_or_else(
            || said.as_str().unwrap_or_default().to_owned(),
            |message| text_of(&message["content"]),
        );
        let text = if text.trim().is_empty() { GREETING.to_owned() } else { text };
        let written = estimate::tokens_of_bytes(text.len() as u64);
        Ok(Self { text, read: read_by(envelope), written })
    }

    /// The text word by word, each with the blanks behind it.
    fn pieces(&self) -> Vec<&str> {
        let words: Vec<&str> = self.text.split_inclusive(char::is_whitespace).collect();
        let together = words.len().div_ceil(MAX_PIECES).max(1);
        let mut rest = self.text.as_str();
        let mut pieces = Vec::with_capacity(words.len().div_ceil(together));
        for words in words.chunks(together) {
            let (piece, behind) = rest.split_at(words.iter().map(|word| word.len()).sum());
            pieces.push(piece);
            rest = behind;
        }
        pieces
    }
}

fn body_of(envelope: &Envelope) -> Result<Value, BadRequest> {
    serde_json::from_slice(envelope.body())
        .map_err(|error| BadRequest::json(format!("the body cannot be echoed: {error}")))
}

/// How many tokens echo takes a request to be; never none.
fn read_by(envelope: &Envelope) -> u64 {
    estimate::tokens_of_bytes(envelope.prompt_bytes).max(1)
}

/// A text, or the text parts of an array of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Observer, observe_whole};

    pub(super) const REPLY: Reply<'static> = Reply {
        id: "018f4e6e-0000-7000-8000-000000000001",
        model: "echo",
        at: Timestamp::from_micros(1_700_000_000_000_000),
        include_usage: true,
    };

    fn ask(operation: Operation, content: &str) -> Envelope {
        let messages = if operation == Operation::Responses { "input" } else { "messages" };
        let body = format!(
            r#"{{"model":"echo:echo","max_tokens":9,"{messages}":[{{"role":"user","content":"before"}},
                {{"role":"user","content":{content}}},{{"role":"assistant","content":"after"}}]}}"#
        );
        Envelope::parse(operation, body.into()).unwrap()
    }

    fn echoed(operation: Operation, content: &str) -> String {
        let answer: Value =
            serde_json::from_slice(&whole(&ask(operation, content), &REPLY).unwrap()).unwrap();
        let text = match operation {
            Operation::Messages => &answer["content"][0]["text"],
            Operation::Responses => &answer["output"][0]["content"][0]["text"],
            _ => &answer["choices"][0]["message"]["content"],
        };
        text.as_str().unwrap().to_owned()
    }

    #[test]
    fn the_last_user_message_comes_back() {
        for operation in [Operation::ChatCompletions, Operation::Responses, Operation::Messages] {
            assert_eq!(echoed(operation, r#""Grüß  dich,\n Welt ""#), "Grüß  dich,\n Welt ");
            let parts = r#"[{"type":"text","text":"a"},{"type":"image_url"},{"type":"text","text":"b"}]"#;
            assert_eq!(echoed(operation, parts), "a\nb");
            assert_eq!(echoed(operation, "null"), GREETING);
        }
    }

    #[test]
    fn a_stream_says_the_same_in_words() {
        for operation in [Operation::ChatCompletions, Operation::Responses, Operation::Messages] {
            let envelope = ask(operation, r#""one two  three""#);
            let mut observer = Observer::new(operation, true, false);
            let mut words = vec![];
            for event in events(&envelope, &REPLY).unwrap() {
                observer.observe(event.clone());
                let text = std::str::from_utf8(&event).unwrap();
                let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
                let Ok(event) = serde_json::from_str::<Value>(data) else { continue };
                let said =
                    [&event["delta"]["text"], &event["choices"][0]["delta"]["content"], &event["delta"]];
                words.extend(said.iter().filter_map(|text| text.as_str()).map(str::to_owned));
            }
            words.retain(|word| !word.is_empty());
            assert_eq!(words, ["one ", "two ", " ", "three"]);
            let seen = observer.finish();
            let whole = observe_whole(operation, &whole(&envelope, &REPLY).unwrap());
            assert!(seen.ended && seen.tokens.is_some());
            assert_eq!(seen, whole, "streamed or not, it is the same answer at the same price");
        }
    }

    #[test]
    fn a_response_repeats_what_was_asked_and_numbers_its_events() {
        let body = r#"{"model":"m","input":"hi","instructions":"be kind","metadata":{"a":"b"},"tools":[]}"#;
        let envelope = Envelope::parse(Operation::Responses, body.into()).unwrap();
        let parse = |event: &Bytes| {
            let text = std::str::from_utf8(event).unwrap();
            let (name, data) = text.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
            let data: Value = serde_json::from_str(data).unwrap();
            assert_eq!(data["type"], name);
            data
        };
        let events: Vec<Value> = events(&envelope, &REPLY).unwrap().iter().map(parse).collect();
        let numbers: Vec<_> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
        let whole: Value = serde_json::from_slice(&whole(&envelope, &REPLY).unwrap()).unwrap();
        assert_eq!(events.last().unwrap()["response"], whole);
        assert_eq!((&whole["instructions"], &whole["metadata"]["a"]), (&"be kind".into(), &"b".into()));
        assert_eq!(whole["store"], false, "echo keeps nothing");
    }

    #[test]
    fn a_count_is_what_the_answer_will_say() {
        let body = r#"{"model":"m","max_tokens":1,"system":"be kind","messages":[{"role":"user","content":"hello"}]}"#;
        let answer = |operation| {
            let envelope = Envelope::parse(operation, body.into()).unwrap();
            serde_json::from_slice::<Value>(&whole(&envelope, &REPLY).unwrap()).unwrap()
        };
        let counted = answer(Operation::CountTokens);
        assert_eq!(counted, serde_json::json!({"input_tokens": 3}));
        assert_eq!(counted["input_tokens"], answer(Operation::Messages)["usage"]["input_tokens"]);
    }

    #[test]
    fn usage_of_a_stream_is_the_clients_choice() {
        let quiet = Reply { include_usage: false, ..REPLY };
        let envelope = ask(Operation::ChatCompletions, "\"hi\"");
        let events = events(&envelope, &quiet).unwrap();
        assert!(!events.concat().windows(7).any(|bytes| bytes == b"\"usage\""));
        assert_eq!(events.last().unwrap(), "data: [DONE]\n\n");
    }

    #[test]
    fn a_long_text_takes_a_bounded_number_of_events() {
        let long = "word ".repeat(10_000);
        let envelope = ask(Operation::ChatCompletions, &format!("\"{long}\""));
        let events = events(&envelope, &REPLY).unwrap();
        assert!(events.len() < MAX_PIECES + 8, "{}", events.len());
        let mut observer = Observer::new(Operation::ChatCompletions, true, false);
        for event in events {
            observer.observe(event);
        }
        assert_eq!(observer.finish().output_bytes, long.len() as u64);
    }
}
