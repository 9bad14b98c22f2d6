//! Anthropic messages.

use serde_json::{Value, json};

use super::{Asked, Said, THOUGHT, USAGE, Wrong, crumbs, event, need, need_text, only, picture, say, words};
use crate::upstream::{Reply, SeenRequest};

const MEMBERS: [&str; 20] = [
    "model",
    "messages",
    "max_tokens",
    "system",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "tools",
    "tool_choice",
    "thinking",
    "metadata",
    "service_tier",
    "output_config",
    "output_format",
    "container",
    "mcp_servers",
    "context_management",
    "cache_control",
];

pub(super) fn answer(request: &SeenRequest) -> Reply {
    let asked = match read(&request.json()) {
        Ok(asked) => asked,
        Err(wrong) => return refuse(&wrong),
    };
    match say(&asked, "messages") {
        Ok(said) if asked.stream => Reply::sse(stream(&asked, &said)),
        Ok(said) => Reply::json(&whole(&asked, &said)),
        Err(wrong) => refuse(&wrong),
    }
}

fn refuse(wrong: &Wrong) -> Reply {
    let kind = if wrong.status == 429 { "rate_limit_error" } else { "invalid_request_error" };
    let reply = Reply::status(wrong.status).with_json(
        &json!({"type": "error", "error": {"type": kind, "message": wrong.message}, "request_id": "req_vendor"}),
    );
    if wrong.status == 429 { reply.header("retry-after", "7") } else { reply }
}

fn read(body: &Value) -> Result<Asked, Wrong> {
    only(body, &MEMBERS)?;
    if need(body, "max_tokens")?.as_u64().is_none_or(|most| most == 0) {
        return Err(Wrong::new("max_tokens: must be a positive integer"));
    }
    if body["temperature"].as_f64().is_some_and(|temperature| temperature > 1.0) {
        return Err(Wrong::new("temperature: must be at most 1"));
    }
    let mut asked =
        Asked { model: need_text(body, "model")?, stream: body["stream"] == true, ..Asked::default() };
    asked.system = match &body["system"] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(blocks) => {
            Some(blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n"))
        }
        _ => return Err(Wrong::new("system: must be a string or an array")),
    };
    let messages =
        need(body, "messages")?.as_array().ok_or_else(|| Wrong::new("messages: must be an array"))?;
    let mut calls: Vec<String> = Vec::new();
    for message in messages {
        match message["role"].as_str() {
            Some("user") => {
                asked.results.clear();
                read_user(message, &calls, &mut asked)?;
            }
            Some("assistant") => {
                calls.clear();
                for block in message["content"].as_array().into_iter().flatten() {
                    if block["type"] == "tool_use" {
                        if !block["input"].is_object() {
                            return Err(Wrong::new("tool_use: input must be an object"));
                        }
                        calls.push(need_text(block, "id")?);
                    }
                }
            }
            other => return Err(Wrong::new(format!("messages: unknown role {other:?}"))),
        }
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        asked.tools.push(need_text(tool, "name")?);
        if tool["input_schema"]["type"] != "object" {
            return Err(Wrong::new("tools: input_schema.type must be object"));
        }
    }
    match body["tool_choice"]["type"].as_str() {
        Some("tool") => asked.forced = Some(need_text(&body["tool_choice"], "name")?),
        Some(kind) if ["auto", "any", "none"].contains(&kind) => asked.choice = Some(kind.to_owned()),
        None => {}
        Some(other) => return Err(Wrong::new(format!("tool_choice: unknown type {other}"))),
    }
    asked.schema = body["output_config"]["format"]["type"] == "json_schema"
        || body["output_format"]["type"] == "json_schema";
    Ok(asked)
}

fn read_user(message: &Value, calls: &[String], asked: &mut Asked) -> Result<(), Wrong> {
    let blocks = match need(message, "content")? {
        Value::String(text) => {
            asked.text.clone_from(text);
            return Ok(());
        }
        Value::Array(blocks) => blocks,
        _ => return Err(Wrong::new("content: must be a string or an array")),
    };
    asked.text.clear();
    let mut results = 0;
    for (position, block) in blocks.iter().enumerate() {
        match block["type"].as_str() {
            Some("text") => {
                let text = need_text(block, "text")?;
                if text.is_empty() {
                    return Err(Wrong::new("text content blocks must be non-empty"));
                }
                asked.text = text;
            }
            Some("image") => {
                let source = need(block, "source")?;
                asked.image = Some(match source["type"].as_str() {
                    Some("base64") => picture(&need_text(source, "media_type")?, &need_text(source, "data")?),
                    Some("url") => need_text(source, "url")?,
                    _ => return Err(Wrong::new("image: unknown source")),
                });
            }
            Some("document") => {
                let source = need(block, "source")?;
                asked.file = Some(source["media_type"].as_str().unwrap_or("document").to_owned());
            }
            Some("tool_result") => {
                if results != position {
                    return Err(Wrong::new("tool_result blocks must come first in the message"));
                }
                results += 1;
                let id = need_text(block, "tool_use_id")?;
                if !calls.contains(&id) {
                    return Err(Wrong::new(format!("tool_use_id {id} has no tool_use before it")));
                }
                asked.results.push(match &block["content"] {
                    Value::String(text) => text.clone(),
                    Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
                    _ => String::new(),
                });
            }
            other => return Err(Wrong::new(format!("content: unknown block {other:?}"))),
        }
    }
    if results > 0 && results != calls.len() {
        return Err(Wrong::new("every tool_use must have its tool_result in the next message"));
    }
    Ok(())
}

fn content(said: &Said) -> (Vec<Value>, &'static str) {
    match said {
        Said::Text { thought, text } => {
            let mut blocks = Vec::new();
            if *thought {
                blocks.push(json!({"type": "thinking", "thinking": THOUGHT.0, "signature": THOUGHT.1}));
            }
            blocks.push(json!({"type": "text", "text": text}));
            (blocks, "end_turn")
        }
        Said::Calls(calls) => {
            let blocks = calls.iter().map(|(id, name, arguments)| {
                let input: Value = serde_json::from_str(arguments).expect("the calls have JSON arguments");
                json!({"type": "tool_use", "id": id, "name": name, "input": input})
            });
            (blocks.collect(), "tool_use")
        }
        Said::Refusal => (vec![json!({"type": "text", "text": "I will not."})], "refusal"),
    }
}

fn whole(asked: &Asked, said: &Said) -> Value {
    let (fresh, cached, written) = USAGE;
    let (content, reason) = content(said);
    json!({
        "id": "msg_vendor", "type": "message", "role": "assistant", "model": asked.model, "content": content,
        "stop_reason": reason, "stop_sequence": null,
        "usage": {"input_tokens": fresh, "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached,
            "output_tokens": written},
    })
}

fn stream(asked: &Asked, said: &Said) -> Vec<String> {
    let (fresh, cached, written) = USAGE;
    let (blocks, reason) = content(said);
    let named = |kind: &str, mut data: Value| {
        data["type"] = kind.into();
        event(Some(kind), &data)
    };
    let mut events = vec![
        named(
            "message_start",
            json!({"message": {
                "id": "msg_vendor", "type": "message", "role": "assistant", "model": asked.model, "content": [],
                "stop_reason": null, "stop_sequence": null,
                "usage": {"input_tokens": fresh, "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached,
                    "output_tokens": 1},
            }}),
        ),
        named("ping", json!({})),
    ];
    for (index, block) in blocks.iter().enumerate() {
        let (begin, deltas): (Value, Vec<Value>) = match block["type"].as_str().unwrap_or_default() {
            "thinking" => {
                let mut deltas: Vec<_> = words(THOUGHT.0)
                    .iter()
                    .map(|word| json!({"type": "thinking_delta", "thinking": word}))
                    .collect();
                deltas.push(json!({"type": "signature_delta", "signature": THOUGHT.1}));
                (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas)
            }
            "tool_use" => {
                let arguments = match said {
                    Said::Calls(calls) => calls[index].2,
                    _ => "",
                };
                let deltas = crumbs(arguments)
                    .into_iter()
                    .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
                (
                    json!({"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}}),
                    deltas.collect(),
                )
            }
            _ => {
                let text = block["text"].as_str().unwrap_or_default();
                let deltas =
                    words(text).iter().map(|word| json!({"type": "text_delta", "text": word})).collect();
                (json!({"type": "text", "text": ""}), deltas)
            }
        };
        events.push(named("content_block_start", json!({"index": index, "content_block": begin})));
        events.extend(
            deltas
                .into_iter()
                .map(|delta| named("content_block_delta", json!({"index": index, "delta": delta}))),
        );
        events.push(named("content_block_stop", json!({"index": index})));
    }
    events.push(named(
        "message_delta",
        json!({"delta": {"stop_reason": reason, "stop_sequence": null},
            "usage": {"input_tokens": fresh, "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": cached, "output_tokens": written}}),
    ));
    events.push(named("message_stop", json!({})));
    events
}
