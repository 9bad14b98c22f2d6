//! Gemini's `generateContent`.

use serde_json::{Value, json};

use super::{Asked, Said, THOUGHT, USAGE, Wrong, event, need, need_text, only, picture, say, words};
use crate::upstream::{Reply, SeenRequest};

const MEMBERS: [&str; 8] = [
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
    "labels",
];

pub(super) fn answer(request: &SeenRequest) -> Reply {
    let asked = match read(request) {
        Ok(asked) => asked,
        Err(wrong) => return refuse(&wrong),
    };
    match say(&asked, "generate_content") {
        Ok(said) if asked.stream => Reply::sse(stream(&asked, &said)),
        Ok(said) => Reply::json(&whole(&asked, &said)),
        Err(wrong) => refuse(&wrong),
    }
}

fn refuse(wrong: &Wrong) -> Reply {
    let status = if wrong.status == 429 { "RESOURCE_EXHAUSTED" } else { "INVALID_ARGUMENT" };
    let reply = Reply::status(wrong.status)
        .with_json(&json!({"error": {"code": wrong.status, "message": wrong.message, "status": status}}));
    if wrong.status == 429 { reply.header("retry-after", "7") } else { reply }
}

fn read(request: &SeenRequest) -> Result<Asked, Wrong> {
    let body = request.json();
    only(&body, &MEMBERS)?;
    let stream = request.path.contains(":streamGenerateContent");
    if stream && !request.path.contains("alt=sse") {
        return Err(Wrong::new("a stream without alt=sse is a JSON array"));
    }
    let model = request.path.split("/models/").nth(1).and_then(|rest| rest.split(':').next());
    let model = model.ok_or_else(|| Wrong::new("no model in the path"))?.to_owned();
    let mut asked = Asked { model, stream, ..Asked::default() };
    asked.system = body["systemInstruction"]["parts"]
        .as_array()
        .map(|parts| parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"));
    let mut calls = 0;
    for content in need(&body, "contents")?.as_array().into_iter().flatten() {
        let parts =
            need(content, "parts")?.as_array().ok_or_else(|| Wrong::new("parts: must be an array"))?;
        if parts.is_empty() {
            return Err(Wrong::new("parts: must not be empty"));
        }
        match content["role"].as_str() {
            Some("user") => {
                asked.results.clear();
                asked.text.clear();
                for part in parts {
                    read_part(part, &mut asked)?;
                }
                if !asked.results.is_empty() && asked.results.len() != calls {
                    return Err(Wrong::new(
                        "as many functionResponse parts as functionCall parts are needed",
                    ));
                }
            }
            Some("model") => {
                calls = parts.iter().filter(|part| part.get("functionCall").is_some()).count();
            }
            other => return Err(Wrong::new(format!("contents: unknown role {other:?}"))),
        }
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        for function in need(tool, "functionDeclarations")?.as_array().into_iter().flatten() {
            asked.tools.push(need_text(function, "name")?);
        }
    }
    let choice = &body["toolConfig"]["functionCallingConfig"];
    match choice["mode"].as_str() {
        Some("NONE") => asked.choice = Some("none".to_owned()),
        Some("ANY") => asked.forced = choice["allowedFunctionNames"][0].as_str().map(str::to_owned),
        Some("AUTO") | None => {}
        Some(other) => return Err(Wrong::new(format!("mode: unknown value {other}"))),
    }
    asked.schema = body["generationConfig"]["responseMimeType"] == "application/json";
    Ok(asked)
}

fn read_part(part: &Value, asked: &mut Asked) -> Result<(), Wrong> {
    if let Some(text) = part["text"].as_str() {
        text.clone_into(&mut asked.text);
    } else if let Some(blob) = part.get("inlineData") {
        let kind = need_text(blob, "mimeType")?;
        let data = need_text(blob, "data")?;
        if kind.starts_with("image/") {
            asked.image = Some(picture(&kind, &data));
        } else {
            asked.file = Some(kind);
        }
    } else if let Some(file) = part.get("fileData") {
        asked.image = Some(need_text(file, "fileUri")?);
    } else if let Some(response) = part.get("functionResponse") {
        need_text(response, "name")?;
        let value = need(response, "response")?;
        if !value.is_object() {
            return Err(Wrong::new("functionResponse.response: must be an object"));
        }
        let first = value.as_object().and_then(|members| members.values().next());
        asked.results.push(first.and_then(Value::as_str).map_or_else(|| value.to_string(), str::to_owned));
    } else {
        return Err(Wrong::new("parts: unknown part"));
    }
    Ok(())
}

fn usage() -> Value {
    let (fresh, cached, written) = USAGE;
    json!({"promptTokenCount": fresh + cached, "cachedContentTokenCount": cached, "candidatesTokenCount": written,
        "totalTokenCount": fresh + cached + written})
}

fn call((id, name, arguments): &(&str, &str, &str)) -> Value {
    let args: Value = serde_json::from_str(arguments).expect("the calls have JSON arguments");
    json!({"functionCall": {"id": id, "name": name, "args": args}})
}

fn whole(asked: &Asked, said: &Said) -> Value {
    let mut answer =
        json!({"responseId": "gemini-vendor", "modelVersion": asked.model, "usageMetadata": usage()});
    let parts: Vec<Value> = match said {
        Said::Text { thought: false, text } => vec![json!({"text": text})],
        Said::Text { thought: true, text } => {
            vec![
                json!({"text": THOUGHT.0, "thought": true}),
                json!({"text": text, "thoughtSignature": THOUGHT.1}),
            ]
        }
        Said::Calls(calls) => calls.iter().map(call).collect(),
        Said::Refusal => {
            answer["candidates"] = json!([{"index": 0, "finishReason": "SAFETY"}]);
            return answer;
        }
    };
    answer["candidates"] =
        json!([{"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]);
    answer
}

fn stream(asked: &Asked, said: &Said) -> Vec<String> {
    let chunk = |parts: Vec<Value>, last: Option<&str>| {
        let mut candidate = json!({"index": 0, "content": {"role": "model", "parts": parts}});
        if let Some(reason) = last {
            candidate["finishReason"] = reason.into();
        }
        let mut data =
            json!({"candidates": [candidate], "responseId": "gemini-vendor", "modelVersion": asked.model});
        if last.is_some() {
            data["usageMetadata"] = usage();
        }
        event(None, &data)
    };
    let mut events = Vec::new();
    match said {
        Said::Text { thought, text } => {
            if *thought {
                events.extend(
                    words(THOUGHT.0)
                        .iter()
                        .map(|word| chunk(vec![json!({"text": word, "thought": true})], None)),
                );
            }
            events.extend(words(text).iter().map(|word| chunk(vec![json!({"text": word})], None)));
            events.push(chunk(vec![json!({"text": ""})], Some("STOP")));
        }
        Said::Calls(calls) => events.push(chunk(calls.iter().map(call).collect(), Some("STOP"))),
        Said::Refusal => events.push(chunk(vec![json!({"text": ""})], Some("SAFETY"))),
    }
    events
}
