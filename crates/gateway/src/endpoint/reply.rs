//! What a caller gets: the flat answer.

use promptgate_endpoints::{Content, Json, Message, Role};
use promptgate_kernel::AiSessionId;
use promptgate_providers::Shape;
use promptgate_translate::summary::Summary;
use promptgate_translate::{Block, ChatAnswer, Context, Stop, write_answer};
use promptgate_usage::TokenCounts;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// An answer without what it says about its own call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Flat {
    ok: bool,
    id: String,
    model: String,
    content: String,
    finish_reason: String,
    tool_calls: Option<Vec<FlatCall>>,
    usage: Usage,
}

/// A tool that the model wants called, its arguments parsed.
#[derive(Debug, Serialize, Deserialize)]
struct FlatCall {
    id: String,
    name: String,
    arguments: Box<RawValue>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names of the public contract")]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[derive(Serialize)]
struct Meta<'a> {
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<AiSessionId>,
}

/// An answer in the shape of Chat Completions, as far as it is read.
#[derive(Deserialize)]
struct Written<'a> {
    id: String,
    #[serde(borrow)]
    choices: Vec<WrittenChoice<'a>>,
}

#[derive(Deserialize)]
struct WrittenChoice<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

#[derive(Deserialize)]
struct WrittenMessage {
    #[serde(default)]
    tool_calls: Vec<WrittenCall>,
}

#[derive(Deserialize)]
struct WrittenCall {
    id: String,
    function: WrittenFunction,
}

#[derive(Deserialize)]
struct WrittenFunction {
    name: String,
    arguments: String,
}

/// What a model answered, for the caller and for the conversation.
pub(crate) struct Told {
    pub(crate) flat: Flat,
    /// Its text, also where the caller gets none because tools are called.
    pub(crate) text: String,
    /// The answer as the model is shown it in later turns.
    pub(crate) message: Message,
}

impl Told {
    /// Tells an answer. `context` has what it is called where the provider does not say.
    pub(crate) fn of(answer: &ChatAnswer, context: &Context, tokens: &TokenCounts) -> Self {
        let text = text_of(&answer.blocks);
        // By way of the format of clients, so that ids of calls are the ones that lead back.
        let written = write_answer(Shape::ChatCompletions, answer, context);
        let written: Option<Written<'_>> = serde_json::from_slice(&written).ok();
        let raw = written.as_ref().and_then(|written| Some(written.choices.first()?.message.get()));
        let read = raw.and_then(|raw| serde_json::from_str::<WrittenMessage>(raw).ok());
        let calls = read.map(|message| message.tool_calls).unwrap_or_default();
        let calls: Vec<_> = calls.into_iter().map(FlatCall::from).collect();
        let calls_tools = !calls.is_empty();
        let message = raw.and_then(|raw| serde_json::from_str::<Message>(raw).ok()).map(without_nulls);
        let flat = Flat {
            ok: true,
            id: written.map_or_else(|| context.id.clone(), |written| written.id),
            model: context.model.clone(),
            content: if calls_tools { String::new() } else { text.clone() },
            finish_reason: reason(&answer.stop, calls_tools).to_owned(),
            tool_calls: calls_tools.then_some(calls),
            usage: Usage {
                prompt_tokens: tokens.total_input(),
                completion_tokens: tokens.total_output(),
                total_tokens: tokens.total(),
            },
        };
        let message = message.unwrap_or_else(|| Message::text_of(Role::Assistant, text.clone()));
        Self { flat, text, message }
    }
}

impl Flat {
    /// Reads a kept answer.
    pub(crate) fn read(kept: &str) -> Option<Self> {
        serde_json::from_str(kept).ok()
    }

    /// The answer as it is kept.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and JSON can be written as JSON")
    }

    /// The answer as a caller gets it.
    pub(crate) fn body(&self, request_id: &str, session_id: Option<AiSessionId>) -> String {
        let meta = serde_json::to_string(&Meta { request_id, session_id });
        let meta = meta.expect("ids can be written as JSON");
        let mut body = self.to_json();
        body.pop();
        body.push_str(",\"meta\":");
        body.push_str(&meta);
        body.push('}');
        body
    }

    pub(crate) fn calls_tools(&self) -> bool {
        self.tool_calls.is_some()
    }

    pub(crate) fn failed(&self) -> bool {
        self.finish_reason == "error"
    }

    /// The answer as the model is shown it in later turns.
    pub(crate) fn message(&self) -> Message {
        let calls = self.tool_calls.iter().flatten().map(|call| call.in_chat(call.arguments.get()));
        assistant(&self.content, &calls.collect::<Vec<_>>())
    }
}

/// What was said in a stream, as the model is shown it in later turns.
pub(crate) fn message_of(said: &Summary) -> Message {
    let calls = said.tool_calls.iter().map(|call| {
        let shown = FlatCall { id: call.id.clone(), name: call.name.clone(), arguments: empty() };
        shown.in_chat(&call.arguments)
    });
    assistant(&said.text, &calls.collect::<Vec<_>>())
}

#[derive(Serialize)]
struct CallInChat<'a> {
    id: &'a str,
    r#type: &'static str,
    function: FunctionInChat<'a>,
}

#[derive(Serialize)]
struct FunctionInChat<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl FlatCall {
    fn in_chat(&self, arguments: &str) -> Box<RawValue> {
        let function = FunctionInChat { name: &self.name, arguments };
        let call = CallInChat { id: &self.id, r#type: "function", function };
        to_raw_value(&call).expect("texts can be written as JSON")
    }
}

impl From<WrittenCall> for FlatCall {
    fn from(call: WrittenCall) -> Self {
        let WrittenFunction { name, arguments } = call.function;
        // What is no JSON is told as the text that it is.
        let arguments = match arguments.trim() {
            "" => empty(),
            text => RawValue::from_string(text.to_owned())
                .or_else(|_| to_raw_value(text))
                .expect("a text can be written as JSON"),
        };
        Self { id: call.id, name, arguments }
    }
}

fn empty() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("an empty object is JSON")
}

fn assistant(text: &str, calls: &[Box<RawValue>]) -> Message {
    if calls.is_empty() {
        return Message::text_of(Role::Assistant, text);
    }
    let content = if text.is_empty() { Content::Nothing } else { Content::Text(text.to_owned()) };
    let calls = to_raw_value(calls).expect("JSON can be written as JSON");
    Message { role: Role::Assistant, content, rest: vec![("tool_calls".to_owned(), Json::from(&*calls))] }
}

/// A written message says `null` for what it does not have, which is nothing to show a model.
fn without_nulls(message: Message) -> Message {
    let rest = message.rest.into_iter().filter(|(_, value)| value.as_str() != "null").collect();
    Message { rest, ..message }
}

fn text_of(blocks: &[Block]) -> String {
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Text { text, .. } | Block::Refusal { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// One of the four words that callers know.
fn reason(stop: &Stop, calls_tools: bool) -> &'static str {
    match stop {
        Stop::MaxTokens => "length",
        Stop::ContentFilter | Stop::Error => "error",
        _ if calls_tools => "tool_calls",
        Stop::End | Stop::Sequence(_) | Stop::ToolUse | Stop::Refusal | Stop::Pause => "stop",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(blocks: Vec<Block>, stop: Stop) -> Told {
        let answer = ChatAnswer { id: Some("c1".into()), model: None, blocks, stop, usage: None };
        let context = Context { id: "own".into(), model: "m-1".into(), ..Context::default() };
        Told::of(&answer, &context, &TokenCounts { input: 3, output: 2, ..TokenCounts::default() })
    }

    fn text(text: &str) -> Block {
        Block::Text { text: text.into(), cache: None }
    }

    fn call(id: &str, arguments: &str) -> Block {
        let (id, name, arguments) = (id.into(), "f".into(), arguments.into());
        Block::ToolCall { id, name, arguments, signature: None, cache: None }
    }

    fn body(told: &Told) -> Value {
        serde_json::from_str(&told.flat.body("r1", None)).unwrap()
    }

    #[test]
    fn a_text_is_flat() {
        let told = told(vec![text("Hel"), text("lo")], Stop::End);
        assert_eq!(
            body(&told),
            json!({
                "ok": true, "id": "c1", "model": "m-1", "content": "Hello", "finish_reason": "stop",
                "tool_calls": null,
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
                "meta": {"request_id": "r1"},
            })
        );
        assert_eq!(told.message, Message::text_of(Role::Assistant, "Hello"));
        assert_eq!(told.flat.message(), told.message);
    }

    #[test]
    fn arguments_of_tools_are_parsed_and_keep_their_order() {
        let told =
            told(vec![text("I call"), call("a", r#"{"z":1,"a":[2.50]}"#), call("b", "")], Stop::ToolUse);
        let answer = body(&told);
        assert_eq!((&answer["content"], &answer["finish_reason"]), (&json!(""), &json!("tool_calls")));
        assert_eq!(answer["tool_calls"][0]["id"], "a");
        assert_eq!(answer["tool_calls"][1], json!({"id": "b", "name": "f", "arguments": {}}));
        assert!(told.flat.to_json().contains(r#""arguments":{"z":1,"a":[2.50]}"#));
        let shown = serde_json::to_value(&told.message).unwrap();
        assert_eq!(shown["content"], "I call", "the model sees all that it said");
        assert_eq!(shown["tool_calls"][0]["function"]["arguments"], r#"{"z":1,"a":[2.50]}"#);
        assert_eq!(shown.get("refusal"), None);
        let kept = Flat::read(&told.flat.to_json()).unwrap();
        let shown = serde_json::to_value(kept.message()).unwrap();
        assert_eq!(shown["tool_calls"][0]["function"]["arguments"], r#"{"z":1,"a":[2.50]}"#);
        assert_eq!(kept.to_json(), told.flat.to_json());
    }

    #[test]
    fn arguments_that_are_no_json_are_told_as_text() {
        let answer = body(&told(vec![call("a", "{\"x\":")], Stop::ToolUse));
        assert_eq!(answer["tool_calls"][0]["arguments"], "{\"x\":");
    }

    #[test]
    fn the_reasons_are_four() {
        for (stop, word) in [
            (Stop::End, "stop"),
            (Stop::Sequence(None), "stop"),
            (Stop::Refusal, "stop"),
            (Stop::MaxTokens, "length"),
            (Stop::ContentFilter, "error"),
            (Stop::Error, "error"),
        ] {
            assert_eq!(body(&told(vec![text("x")], stop))["finish_reason"], word);
        }
        assert_eq!(body(&told(vec![call("a", "{}")], Stop::End))["finish_reason"], "tool_calls");
    }

    #[test]
    fn what_a_stream_said_is_shown_like_a_whole_answer() {
        let calls = vec![promptgate_translate::summary::ToolCallSummary {
            id: "a".into(),
            name: "f".into(),
            arguments: "{}".into(),
        }];
        let said = Summary { text: String::new(), tool_calls: calls, stop: None };
        let shown = serde_json::to_value(message_of(&said)).unwrap();
        assert_eq!(
            shown,
            json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ]})
        );
    }
}
