//! OpenAI responses.

use serde_json::{Value, json};

use super::{
    Asked, Said, THOUGHT, USAGE, Wrong, crumbs, data_url, event, need, need_text, only, picture, say, words,
};
use crate::upstream::{Reply, SeenRequest};

const MEMBERS: [&str; 27] = [
    "model",
    "input",
    "instructions",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_output_tokens",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "store",
    "include",
    "metadata",
    "user",
    "previous_response_id",
    "conversation",
    "truncation",
    "service_tier",
    "prompt",
    "background",
    "safety_identifier",
    "prompt_cache_key",
    "max_tool_calls",
    "top_logprobs",
];

pub(super) fn answer(request: &SeenRequest) -> Reply {
    let asked = match read(&request.json()) {
        Ok(asked) => asked,
        Err(wrong) => return refuse(&wrong),
    };
    match say(&asked, "responses") {
        Ok(said) if asked.stream => Reply::sse(stream(&asked, &said)),
        Ok(said) => Reply::json(&whole(&asked, &said, "completed")),
        Err(wrong) => refuse(&wrong),
    }
}

fn refuse(wrong: &Wrong) -> Reply {
    let (kind, code) = match wrong.status {
        429 => ("requests", json!("rate_limit_exceeded")),
        _ => ("invalid_request_error", Value::Null),
    };
    let reply = Reply::status(wrong.status)
        .with_json(&json!({"error": {"message": wrong.message, "type": kind, "param": null, "code": code}}));
    if wrong.status == 429 { reply.header("retry-after", "7") } else { reply }
}

fn read(body: &Value) -> Result<Asked, Wrong> {
    only(body, &MEMBERS)?;
    let mut asked = Asked {
        model: need_text(body, "model")?,
        stream: body["stream"] == true,
        system: body["instructions"].as_str().map(str::to_owned),
        ..Asked::default()
    };
    match need(body, "input")? {
        Value::String(text) => asked.text.clone_from(text),
        Value::Array(items) => read_items(items, &mut asked)?,
        _ => return Err(Wrong::new("input: must be a string or an array")),
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        if tool["type"] == "function" {
            asked.tools.push(need_text(tool, "name")?);
        }
    }
    match &body["tool_choice"] {
        Value::Null => {}
        Value::String(choice) => asked.choice = Some(choice.clone()),
        choice => asked.forced = Some(need_text(choice, "name")?),
    }
    asked.schema = matches!(body["text"]["format"]["type"].as_str(), Some("json_schema" | "json_object"));
    Ok(asked)
}

fn read_items(items: &[Value], asked: &mut Asked) -> Result<(), Wrong> {
    let mut calls: Vec<String> = Vec::new();
    for item in items {
        match item["type"].as_str().unwrap_or("message") {
            "message" => match item["role"].as_str() {
                Some("system" | "developer") => asked.system = Some(text_of(&item["content"])),
                Some("user") => {
                    asked.results.clear();
                    asked.text = text_of(&item["content"]);
                    for part in item["content"].as_array().into_iter().flatten() {
                        match part["type"].as_str() {
                            Some("input_text") => {}
                            Some("input_image") => {
                                let url = need_text(part, "image_url")?;
                                asked.image = Some(
                                    data_url(&url)
                                        .map_or_else(|| url.clone(), |(kind, data)| picture(kind, data)),
                                );
                            }
                            Some("input_file") => {
                                let data = need_text(part, "file_data")?;
                                asked.file = data_url(&data).map(|(kind, _)| kind.to_owned());
                            }
                            other => return Err(Wrong::new(format!("content: unknown part {other:?}"))),
                        }
                    }
                }
                Some("assistant") => {}
                other => return Err(Wrong::new(format!("input: unknown role {other:?}"))),
            },
            "function_call" => {
                let arguments = need_text(item, "arguments")?;
                serde_json::from_str::<Value>(&arguments)
                    .map_err(|_| Wrong::new("arguments must be JSON"))?;
                calls.push(need_text(item, "call_id")?);
            }
            "function_call_output" => {
                let id = need_text(item, "call_id")?;
                if !calls.contains(&id) && !id.starts_with("call_") {
                    return Err(Wrong::new(format!("call_id {id} has no call before it")));
                }
                asked.results.push(text_of(need(item, "output")?));
            }
            "reasoning" => {}
            other => return Err(Wrong::new(format!("input: unknown item {other}"))),
        }
    }
    Ok(())
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

fn items(said: &Said) -> Vec<Value> {
    let message = |part: Value| json!({"type": "message", "id": "msg_vendor", "status": "completed", "role": "assistant", "content": [part]});
    match said {
        Said::Text { thought, text } => {
            let mut items = Vec::new();
            if *thought {
                items.push(json!({"type": "reasoning", "id": "rs_vendor", "encrypted_content": THOUGHT.1,
                    "summary": [{"type": "summary_text", "text": THOUGHT.0}]}));
            }
            items.push(message(
                json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []}),
            ));
            items
        }
        Said::Refusal => vec![message(json!({"type": "refusal", "refusal": "I will not."}))],
        Said::Calls(calls) => calls
            .iter()
            .map(|(id, name, arguments)| {
                json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name,
                    "arguments": arguments, "status": "completed"})
            })
            .collect(),
    }
}

fn whole(asked: &Asked, said: &Said, status: &str) -> Value {
    let (fresh, cached, written) = USAGE;
    let done = status == "completed";
    let output = if done { items(said) } else { Vec::new() };
    let usage = json!({
        "input_tokens": fresh + cached, "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": written, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": fresh + cached + written,
    });
    json!({
        "id": "resp_vendor", "object": "response", "created_at": 1_760_000_000, "status": status,
        "error": null, "incomplete_details": null, "instructions": asked.system, "model": asked.model,
        "output": output, "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "temperature": 1.0,
        "top_p": 1.0, "metadata": {}, "previous_response_id": null, "text": {"format": {"type": "text"}},
        "usage": if done { usage } else { Value::Null },
    })
}

fn stream(asked: &Asked, said: &Said) -> Vec<String> {
    let mut events = Vec::new();
    let mut tell = |kind: &str, mut data: Value| {
        data["type"] = kind.into();
        data["sequence_number"] = events.len().into();
        events.push(event(Some(kind), &data));
    };
    tell("response.created", json!({"response": whole(asked, said, "in_progress")}));
    tell("response.in_progress", json!({"response": whole(asked, said, "in_progress")}));
    for (index, item) in items(said).iter().enumerate() {
        let id = &item["id"];
        match item["type"].as_str().unwrap_or_default() {
            "reasoning" => {
                let begin = json!({"type": "reasoning", "id": id, "summary": []});
                let place = |mut data: Value| {
                    data["item_id"] = id.clone();
                    data["output_index"] = index.into();
                    data["summary_index"] = 0.into();
                    data
                };
                tell("response.output_item.added", json!({"output_index": index, "item": begin}));
                let empty = json!({"part": {"type": "summary_text", "text": ""}});
                tell("response.reasoning_summary_part.added", place(empty));
                for word in words(THOUGHT.0) {
                    tell("response.reasoning_summary_text.delta", place(json!({"delta": word})));
                }
                tell("response.reasoning_summary_text.done", place(json!({"text": THOUGHT.0})));
                let part = json!({"part": {"type": "summary_text", "text": THOUGHT.0}});
                tell("response.reasoning_summary_part.done", place(part));
            }
            "function_call" => {
                let mut begin = item.clone();
                begin["arguments"] = "".into();
                begin["status"] = "in_progress".into();
                tell("response.output_item.added", json!({"output_index": index, "item": begin}));
                let arguments = item["arguments"].as_str().unwrap_or_default();
                for piece in crumbs(arguments) {
                    tell(
                        "response.function_call_arguments.delta",
                        json!({"item_id": id, "output_index": index, "delta": piece}),
                    );
                }
                tell(
                    "response.function_call_arguments.done",
                    json!({"item_id": id, "output_index": index, "arguments": arguments}),
                );
            }
            _ => {
                let begin = json!({"type": "message", "id": id, "status": "in_progress", "role": "assistant", "content": []});
                let place = |mut data: Value| {
                    data["item_id"] = id.clone();
                    data["output_index"] = index.into();
                    data["content_index"] = 0.into();
                    data
                };
                tell("response.output_item.added", json!({"output_index": index, "item": begin}));
                let part = &item["content"][0];
                if let Some(refusal) = part["refusal"].as_str() {
                    let empty = json!({"part": {"type": "refusal", "refusal": ""}});
                    tell("response.content_part.added", place(empty));
                    tell("response.refusal.delta", place(json!({"delta": refusal})));
                    tell("response.refusal.done", place(json!({"refusal": refusal})));
                } else {
                    let text = part["text"].as_str().unwrap_or_default();
                    let empty = json!({"part": {"type": "output_text", "text": "", "annotations": [], "logprobs": []}});
                    tell("response.content_part.added", place(empty));
                    for word in words(text) {
                        tell("response.output_text.delta", place(json!({"delta": word, "logprobs": []})));
                    }
                    tell("response.output_text.done", place(json!({"text": text, "logprobs": []})));
                }
                tell("response.content_part.done", place(json!({"part": part})));
            }
        }
        tell("response.output_item.done", json!({"output_index": index, "item": item}));
    }
    tell("response.completed", json!({"response": whole(asked, said, "completed")}));
    events
}
