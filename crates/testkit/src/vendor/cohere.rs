//! Cohere chat, version 2.

use serde_json::{Value, json};

use super::{
    Asked, Said, THOUGHT, USAGE, Wrong, crumbs, data_url, event, need, need_text, only, picture, say, words,
};
use crate::upstream::{Reply, SeenRequest};

const MEMBERS: [&str; 19] = [
    "model",
    "messages",
    "stream",
    "tools",
    "tool_choice",
    "strict_tools",
    "documents",
    "citation_options",
    "response_format",
    "safety_mode",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "k",
    "p",
    "thinking",
];

pub(super) fn answer(request: &SeenRequest) -> Reply {
    let asked = match read(&request.json()) {
        Ok(asked) => asked,
        Err(wrong) => return refuse(&wrong),
    };
    match say(&asked, "cohere_chat") {
        Ok(said) if asked.stream => Reply::sse(stream(&said)),
        Ok(said) => Reply::json(&whole(&said)),
        Err(wrong) => refuse(&wrong),
    }
}

fn refuse(wrong: &Wrong) -> Reply {
    let reply =
        Reply::status(wrong.status).with_json(&json!({"id": "cohere-vendor", "message": wrong.message}));
    if wrong.status == 429 { reply.header("retry-after", "7") } else { reply }
}

fn read(body: &Value) -> Result<Asked, Wrong> {
    only(body, &MEMBERS)?;
    if body["temperature"].as_f64().is_some_and(|temperature| temperature > 1.0) {
        return Err(Wrong::new("temperature: must be at most 1"));
    }
    let mut asked =
        Asked { model: need_text(body, "model")?, stream: body["stream"] == true, ..Asked::default() };
    let mut calls: Vec<String> = Vec::new();
    for message in need(body, "messages")?.as_array().into_iter().flatten() {
        match message["role"].as_str() {
            Some("system") => asked.system = Some(text_of(&message["content"])?),
            Some("user") => {
                asked.results.clear();
                asked.text = text_of(need(message, "content")?)?;
                for part in message["content"].as_array().into_iter().flatten() {
                    if part["type"] == "image_url" {
                        let url = need_text(&part["image_url"], "url")?;
                        asked.image = Some(
                            data_url(&url).map_or_else(|| url.clone(), |(kind, data)| picture(kind, data)),
                        );
                    }
                }
            }
            Some("assistant") => {
                for call in message["tool_calls"].as_array().into_iter().flatten() {
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
        asked.tools.push(need_text(&tool["function"], "name")?);
    }
    asked.choice = match body["tool_choice"].as_str() {
        Some("NONE") => Some("none".to_owned()),
        Some("REQUIRED") => Some("required".to_owned()),
        None => None,
        Some(other) => return Err(Wrong::new(format!("tool_choice: unknown value {other}"))),
    };
    asked.schema = body["response_format"]["type"] == "json_object";
    Ok(asked)
}

fn text_of(content: &Value) -> Result<String, Wrong> {
    match content {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => Ok(parts
            .iter()
            .filter_map(|part| part["text"].as_str().or_else(|| part["document"]["data"].as_str()))
            .collect::<Vec<_>>()
            .join(" ")),
        _ => Err(Wrong::new("content: must be a string or an array")),
    }
}

fn usage() -> Value {
    let (fresh, cached, written) = USAGE;
    json!({"billed_units": {"input_tokens": fresh + cached, "output_tokens": written},
        "tokens": {"input_tokens": fresh + cached, "output_tokens": written}, "cached_tokens": cached})
}

fn whole(said: &Said) -> Value {
    let (message, reason) = match said {
        Said::Text { thought, text } => {
            let mut content = vec![json!({"type": "text", "text": text})];
            if *thought {
                content.insert(0, json!({"type": "thinking", "thinking": THOUGHT.0}));
            }
            (json!({"role": "assistant", "content": content}), "COMPLETE")
        }
        Said::Calls(calls) => {
            let calls: Vec<_> = calls
                .iter()
                .map(|(id, name, arguments)| {
                    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
                })
                .collect();
            (
                json!({"role": "assistant", "tool_plan": "I will look it up.", "tool_calls": calls}),
                "TOOL_CALL",
            )
        }
        Said::Refusal => {
            (json!({"role": "assistant", "content": [{"type": "text", "text": "I will not."}]}), "COMPLETE")
        }
    };
    json!({"id": "cohere-vendor", "finish_reason": reason, "message": message, "usage": usage()})
}

fn stream(said: &Said) -> Vec<String> {
    let named = |kind: &str, mut data: Value| {
        data["type"] = kind.into();
        event(Some(kind), &data)
    };
    let mut events = vec![named(
        "message-start",
        json!({"id": "cohere-vendor", "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "",
            "tool_calls": [], "citations": []}}}),
    )];
    let mut reason = "COMPLETE";
    let mut text_block = |index: usize, text: &str, kind: &str| {
        events.push(named(
            "content-start",
            json!({"index": index,
            "delta": {"message": {"content": {"type": kind, kind: ""}}}}),
        ));
        for word in words(text) {
            events.push(named(
                "content-delta",
                json!({"index": index, "delta": {"message": {"content": {kind: word}}}}),
            ));
        }
        events.push(named("content-end", json!({"index": index})));
    };
    match said {
        Said::Text { thought, text } => {
            if *thought {
                text_block(0, THOUGHT.0, "thinking");
            }
            text_block(usize::from(*thought), text, "text");
        }
        Said::Refusal => text_block(0, "I will not.", "text"),
        Said::Calls(calls) => {
            reason = "TOOL_CALL";
            for word in words("I will look it up.") {
                events.push(named("tool-plan-delta", json!({"delta": {"message": {"tool_plan": word}}})));
            }
            for (index, (id, name, arguments)) in calls.iter().enumerate() {
                events.push(named(
                    "tool-call-start",
                    json!({"index": index, "delta": {"message": {"tool_calls":
                    {"id": id, "type": "function", "function": {"name": name, "arguments": ""}}}}}),
                ));
                for piece in crumbs(arguments) {
                    events.push(named(
                        "tool-call-delta",
                        json!({"index": index, "delta": {"message": {"tool_calls":
                        {"function": {"arguments": piece}}}}}),
                    ));
                }
                events.push(named("tool-call-end", json!({"index": index})));
            }
        }
    }
    events.push(named("message-end", json!({"delta": {"finish_reason": reason, "usage": usage()}})));
    events
}
