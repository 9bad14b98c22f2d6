//! Requests, answers and streams of the three formats, with something said in them.

use std::fmt::Write as _;

use bytes::Bytes;
use promptgate_providers::Operation;
use serde_json::{Value, json};

pub(super) const SHAPES: [Operation; 3] =
    [Operation::ChatCompletions, Operation::Messages, Operation::Responses];

/// Where something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// In the text of the answer.
    Text,
    /// In the arguments of a tool.
    Arguments,
}

impl Said {
    /// How a text stands there.
    pub(super) fn of(self, text: &str) -> String {
        match self {
            Self::Text => text.to_owned(),
            Self::Arguments => json!({"n": 12, "note": text}).to_string(),
        }
    }
}

/// What a client sees of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// As it came.
    pub(super) raw: String,
    /// What the pieces come to.
    pub(super) text: String,
}

impl Shown {
    pub(super) fn of(body: Vec<u8>) -> Self {
        let raw = String::from_utf8(body).unwrap();
        let data =
            raw.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        let events = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
        let text = events.filter_map(|event| piece(&event)).collect();
        Self { raw, text }
    }

    /// Whether it ends as an answer does that a rule ended.
    pub(super) fn is_ended_by(&self, operation: Operation) -> bool {
        match operation {
            Operation::Messages => {
                self.raw.contains(r#""stop_reason":"refusal""#) && self.raw.contains("event: message_stop")
            }
            Operation::Responses => self.raw.contains("event: response.incomplete"),
            _ => {
                self.raw.contains(r#""finish_reason":"content_filter""#)
                    && self.raw.ends_with("data: [DONE]\n\n")
            }
        }
    }
}

/// What an event says more of a text.
fn piece(event: &Value) -> Option<String> {
    const PLACES: [&str; 5] = [
        "/choices/0/delta/content",
        "/choices/0/delta/tool_calls/0/function/arguments",
        "/delta/text",
        "/delta/partial_json",
        "/delta",
    ];
    PLACES.iter().find_map(|place| event.pointer(place)?.as_str()).map(str::to_owned)
}

/// A request in which somebody says a text, and a tool was called with it.
pub(super) fn request(operation: Operation, text: &str) -> Bytes {
    let arguments = json!({"note": text});
    let body = match operation {
        Operation::Messages => json!({"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": text},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": arguments}]},
        ]}),
        Operation::Responses => json!({"model": "m", "input": [
            {"role": "user", "content": text},
            {"type": "function_call", "call_id": "t", "name": "f", "arguments": arguments.to_string()},
        ]}),
        _ => json!({"model": "m", "messages": [
            {"role": "user", "content": text},
            {"role": "assistant", "tool_calls": [
                {"id": "t", "type": "function", "function": {"name": "f", "arguments": arguments.to_string()}},
            ]},
        ]}),
    };
    body.to_string().into()
}

/// The text of such a request.
pub(super) fn text_of(operation: Operation, request: &Value) -> String {
    let place = if operation == Operation::Responses { "/input/0/content" } else { "/messages/0/content" };
    request.pointer(place).unwrap().as_str().unwrap().to_owned()
}

/// The arguments in such a request, as JSON.
pub(super) fn arguments_of(operation: Operation, request: &Value) -> String {
    match operation {
        Operation::Messages => request.pointer("/messages/1/content/0/input").unwrap().to_string(),
        Operation::Responses => request["input"][1]["arguments"].as_str().unwrap().to_owned(),
        _ => request
            .pointer("/messages/1/tool_calls/0/function/arguments")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned(),
    }
}

/// A whole answer that says a text and calls a tool.
pub(super) fn answer(operation: Operation, text: &str, arguments: &str) -> Value {
    match operation {
        Operation::Messages => json!({"id": "a", "type": "message", "role": "assistant", "content": [
            {"type": "text", "text": text},
            {"type": "tool_use", "id": "t", "name": "f", "input": serde_json::from_str::<Value>(arguments).unwrap()},
        ]}),
        Operation::Responses => json!({"id": "a", "object": "response", "output": [
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]},
            {"type": "function_call", "call_id": "t", "name": "f", "arguments": arguments},
        ]}),
        _ => json!({"id": "a", "choices": [{"index": 0, "message": {
            "role": "assistant", "content": text,
            "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": arguments}}],
        }}]}),
    }
}

/// A stream that says a text in these pieces.
pub(super) fn stream(operation: Operation, said: Said, pieces: &[&str]) -> String {
    match operation {
        Operation::Messages => messages(said, pieces),
        Operation::Responses => responses(said, pieces),
        _ => chat(said, pieces),
    }
}

fn chat(said: Said, pieces: &[&str]) -> String {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!("data: {}\n\n", json!({"id": "a", "object": "chat.completion.chunk", "choices": [choice]}))
    };
    let mut out = chunk(json!({"role": "assistant"}), Value::Null);
    for piece in pieces {
        let delta = match said {
            Said::Text => json!({"content": piece}),
            Said::Arguments => json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}),
        };
        out.push_str(&chunk(delta, Value::Null));
    }
    out.push_str(&chunk(json!({}), json!("stop")));
    out.push_str("data: [DONE]\n\n");
    out
}

fn messages(said: Said, pieces: &[&str]) -> String {
    let mut out = String::new();
    let mut event = |kind: &str, more: Value| named(&mut out, kind, more);
    event("message_start", json!({"message": {"id": "a", "role": "assistant", "content": []}}));
    let block = match said {
        Said::Text => json!({"type": "text", "text": ""}),
        Said::Arguments => json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
    };
    event("content_block_start", json!({"index": 0, "content_block": block}));
    for piece in pieces {
        let delta = match said {
            Said::Text => json!({"type": "text_delta", "text": piece}),
            Said::Arguments => json!({"type": "input_json_delta", "partial_json": piece}),
        };
        event("content_block_delta", json!({"index": 0, "delta": delta}));
    }
    event("content_block_stop", json!({"index": 0}));
    event("message_delta", json!({"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}));
    event("message_stop", json!({}));
    out
}

fn responses(said: Said, pieces: &[&str]) -> String {
    let mut out = String::new();
    let mut number = 0;
    let mut event = |kind: &str, mut more: Value| {
        more["sequence_number"] = number.into();
        number += 1;
        named(&mut out, &format!("response.{kind}"), more);
    };
    let whole = pieces.concat();
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let item = |text: Option<&str>| match said {
        Said::Text => json!({"id": "i", "type": "message", "role": "assistant",
            "content": text.map(part).into_iter().collect::<Vec<_>>()}),
        Said::Arguments => json!({"id": "i", "type": "function_call", "call_id": "t", "name": "f",
            "arguments": text.unwrap_or_default()}),
    };
    event("created", json!({"response": {"id": "a", "status": "in_progress", "output": []}}));
    event("output_item.added", json!({"output_index": 0, "item": item(None)}));
    let at = |mut more: Value| {
        more["item_id"] = "i".into();
        more["output_index"] = 0.into();
        if said == Said::Text {
            more["content_index"] = 0.into();
        }
        more
    };
    let (name, member) = match said {
        Said::Text => ("output_text", "text"),
        Said::Arguments => ("function_call_arguments", "arguments"),
    };
    if said == Said::Text {
        event("content_part.added", at(json!({"part": part("")})));
    }
    for piece in pieces {
        event(&format!("{name}.delta"), at(json!({"delta": piece})));
    }
    event(&format!("{name}.done"), at(json!({member: whole})));
    if said == Said::Text {
        event("content_part.done", at(json!({"part": part(&whole)})));
    }
    event("output_item.done", json!({"output_index": 0, "item": item(Some(&whole))}));
    event(
        "completed",
        json!({"response": {"id": "a", "status": "completed", "output": [item(Some(&whole))]}}),
    );
    out
}

fn named(out: &mut String, kind: &str, mut more: Value) {
    more["type"] = kind.into();
    write!(out, "event: {kind}\ndata: {more}\n\n").unwrap();
}
