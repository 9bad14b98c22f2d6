//! OpenAI chat completions.

use serde_json::{Value, json};

use super::{
    Asked, Said, THOUGHT, USAGE, Wrong, crumbs, data_url, event, need, need_text, only, picture, say, words,
};
use crate::upstream::{Reply, SeenRequest};

const MEMBERS: [&str; 34] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "n",
    "stop",
    "max_tokens",
    "max_completion_tokens",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "user",
    "seed",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "metadata",
    "store",
    "service_tier",
    "modalities",
    "audio",
    "prediction",
    "safety_identifier",
    "prompt_cache_key",
    "verbosity",
    "web_search_options",
    "random_seed",
    "safe_prompt",
];

pub(super) fn answer(request: &SeenRequest) -> Reply {
    let asked = match read(&request.json()) {
        Ok(asked) => asked,
        Err(wrong) => return refuse(&wrong),
    };
    match say(&asked, "chat_completions") {
        Ok(said) if asked.stream => Reply::sse(stream(&asked, &said)),
        Ok(said) => Reply::json(&whole(&asked, &said)),
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
        usage: body["stream_options"]["include_usage"] == true,
        ..Asked::default()
    };
    let messages =
        need(body, "messages")?.as_array().ok_or_else(|| Wrong::new("messages: must be an array"))?;
    let mut calls: Vec<String> = Vec::new();
    for message in messages {
        match message["role"].as_str() {
            Some("system" | "developer") => asked.system = Some(text_of(&message["content"])?),
            Some("user") => {
                asked.results.clear();
                read_user(message, &mut asked)?;
            }
            Some("assistant") => {
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let arguments = need_text(&call["function"], "arguments")?;
                    serde_json::from_str::<Value>(&arguments)
                        .map_err(|_| Wrong::new("tool_calls: arguments must be JSON"))?;
                    calls.push(need_text(call, "id")?);
                }
            }
            Some("tool") => {
                let id = need_text(message, "tool_call_id")?;
                if !calls.contains(&id) {
                    return Err(Wrong::new(format!("tool_call_id {id} has no call before it")));
                }
                asked.results.push(text_of(&message["content"])?);
            }
            other => return Err(Wrong::new(format!("messages: unknown role {other:?}"))),
        }
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        if tool["type"] != "function" {
            return Err(Wrong::new("tools: type must be function"));
        }
        asked.tools.push(need_text(&tool["function"], "name")?);
    }
    match &body["tool_choice"] {
        Value::Null => {}
        Value::String(choice) if ["auto", "none", "required"].contains(&choice.as_str()) => {
            asked.choice = Some(choice.clone());
        }
        Value::Object(_) => asked.forced = Some(need_text(&body["tool_choice"]["function"], "name")?),
        _ => return Err(Wrong::new("tool_choice: unknown")),
    }
    match body["response_format"]["type"].as_str() {
        Some("json_schema") => {
            need(&body["response_format"]["json_schema"], "schema")?;
            asked.schema = true;
        }
        Some("json_object") => asked.schema = true,
        _ => {}
    }
    Ok(asked)
}

fn read_user(message: &Value, asked: &mut Asked) -> Result<(), Wrong> {
    let content = need(message, "content")?;
    asked.text = text_of(content)?;
    for part in content.as_array().into_iter().flatten() {
        match part["type"].as_str() {
            Some("text") => {}
            Some("image_url") => {
                let url = need_text(&part["image_url"], "url")?;
                asked.image =
                    Some(data_url(&url).map_or_else(|| url.clone(), |(kind, data)| picture(kind, data)));
            }
            Some("file") => {
                let data = need_text(&part["file"], "file_data")?;
                let (kind, _) = data_url(&data).ok_or_else(|| Wrong::new("file_data: must be a data URL"))?;
                asked.file = Some(kind.to_owned());
            }
            other => return Err(Wrong::new(format!("content: unknown part {other:?}"))),
        }
    }
    Ok(())
}

fn text_of(content: &Value) -> Result<String, Wrong> {
    match content {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            Ok(parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" "))
        }
        _ => Err(Wrong::new("content: must be a string or an array")),
    }
}

fn usage() -> Value {
    let (fresh, cached, written) = USAGE;
    json!({
        "prompt_tokens": fresh + cached, "completion_tokens": written, "total_tokens": fresh + cached + written,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    })
}

fn whole(asked: &Asked, said: &Said) -> Value {
    let (message, reason) = match said {
        Said::Text { thought, text } => {
            let mut message = json!({"role": "assistant", "content": text, "refusal": null});
            if *thought {
                message["reasoning_content"] = THOUGHT.0.into();
            }
            (message, "stop")
        }
        Said::Calls(calls) => {
            let calls: Vec<_> = calls
                .iter()
                .map(|(id, name, arguments)| {
                    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
                })
                .collect();
            (
                json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": calls}),
                "tool_calls",
            )
        }
        Said::Refusal => (json!({"role": "assistant", "content": null, "refusal": "I will not."}), "stop"),
    };
    json!({
        "id": "chatcmpl-vendor", "object": "chat.completion", "created": 1_760_000_000, "model": asked.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason}],
        "usage": usage(),
    })
}

fn stream(asked: &Asked, said: &Said) -> Vec<String> {
    let chunk = |delta: Value, reason: Value| {
        event(
            None,
            &json!({
                "id": "chatcmpl-vendor", "object": "chat.completion.chunk", "created": 1_760_000_000,
                "model": asked.model,
                "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}],
            }),
        )
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null)];
    let mut reason = "stop";
    match said {
        Said::Text { thought, text } => {
            if *thought {
                events.extend(
                    words(THOUGHT.0)
                        .iter()
                        .map(|word| chunk(json!({"reasoning_content": word}), Value::Null)),
                );
            }
            events.extend(words(text).iter().map(|word| chunk(json!({"content": word}), Value::Null)));
        }
        Said::Calls(calls) => {
            reason = "tool_calls";
            for (index, (id, name, arguments)) in calls.iter().enumerate() {
                let begin = json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}});
                events.push(chunk(json!({"tool_calls": [begin]}), Value::Null));
                for piece in crumbs(arguments) {
                    let more = json!({"index": index, "function": {"arguments": piece}});
                    events.push(chunk(json!({"tool_calls": [more]}), Value::Null));
                }
            }
        }
        Said::Refusal => events.push(chunk(json!({"refusal": "I will not."}), Value::Null)),
    }
    events.push(chunk(json!({}), reason.into()));
    if asked.usage {
        events.push(event(
            None,
            &json!({
                "id": "chatcmpl-vendor", "object": "chat.completion.chunk", "created": 1_760_000_000,
                "model": asked.model, "choices": [], "usage": usage(),
            }),
        ));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}
