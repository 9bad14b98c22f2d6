//! What each vendor would send for an answer, written from their public documentation and without
//! any of the crate's own writers.

use promptgate_providers::Shape;
use serde_json::{Value, json};

use crate::said::{Call, Said, Why};

/// The five formats that providers answer in.
pub(crate) const PROVIDERS: [Shape; 5] =
    [Shape::ChatCompletions, Shape::Responses, Shape::Messages, Shape::GenerateContent, Shape::CohereChat];

/// A whole answer.
pub(crate) fn whole(shape: Shape, said: &Said) -> String {
    match shape {
        Shape::ChatCompletions => chat(said),
        Shape::Responses => response(said, "completed"),
        Shape::Messages => message(said),
        Shape::GenerateContent => gemini_chunk(&gemini_parts(said, &[&said.text]), said, true),
        _ => cohere(said),
    }
    .to_string()
}

/// A streamed answer. Texts and arguments come in pieces of `size` characters.
pub(crate) fn stream(shape: Shape, said: &Said, size: usize) -> String {
    match shape {
        Shape::ChatCompletions => chat_stream(said, size),
        Shape::Responses => response_stream(said, size),
        Shape::Messages => message_stream(said, size),
        Shape::GenerateContent => gemini_stream(said, size),
        _ => cohere_stream(said, size),
    }
}

fn pieces(text: &str, size: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(size.max(1)).map(|piece| piece.iter().collect()).collect()
}

fn parsed(call: &Call) -> Value {
    serde_json::from_str(&call.arguments).expect("arguments are JSON")
}

fn named(kind: &str, mut data: Value) -> String {
    data["type"] = kind.into();
    format!("event: {kind}\ndata: {data}\n\n")
}

fn bare(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn chat_reason(said: &Said) -> &'static str {
    match said.stop {
        Why::End => "stop",
        Why::MaxTokens => "length",
        Why::Calls => "tool_calls",
    }
}

fn chat_usage(said: &Said) -> Value {
    let usage = said.usage;
    json!({"prompt_tokens": usage.read, "completion_tokens": usage.written, "total_tokens": usage.read + usage.written,
        "prompt_tokens_details": {"cached_tokens": usage.cached}})
}

fn chat(said: &Said) -> Value {
    let mut message = json!({"role": "assistant", "content": null});
    if !said.text.is_empty() {
        message["content"] = said.text.as_str().into();
    }
    if !said.thought.is_empty() {
        message["reasoning_content"] = said.thought.as_str().into();
    }
    if !said.calls.is_empty() {
        message["tool_calls"] = said
            .calls
            .iter()
            .map(|call| {
                json!({"id": call.id, "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments}})
            })
            .collect();
    }
    json!({"id": "answer", "object": "chat.completion", "created": 1, "model": "m", "usage": chat_usage(said),
        "choices": [{"index": 0, "message": message, "finish_reason": chat_reason(said)}]})
}

/// Parallel calls come interleaved, a piece of each in turn.
fn chat_stream(said: &Said, size: usize) -> String {
    let chunk = |delta: Value, reason: Value| {
        bare(&json!({"id": "answer", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}))
    };
    let mut out = chunk(json!({"role": "assistant", "content": ""}), Value::Null);
    for piece in pieces(&said.thought, size) {
        out += &chunk(json!({"reasoning_content": piece}), Value::Null);
    }
    for piece in pieces(&said.text, size) {
        out += &chunk(json!({"content": piece}), Value::Null);
    }
    for (index, call) in said.calls.iter().enumerate() {
        let begun = json!({"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}});
        out += &chunk(json!({"tool_calls": [begun]}), Value::Null);
    }
    let split: Vec<_> = said.calls.iter().map(|call| pieces(&call.arguments, size)).collect();
    let longest = split.iter().map(Vec::len).max().unwrap_or(0);
    for turn in 0..longest {
        for (index, pieces) in split.iter().enumerate() {
            if let Some(piece) = pieces.get(turn) {
                let more = json!({"index": index, "function": {"arguments": piece}});
                out += &chunk(json!({"tool_calls": [more]}), Value::Null);
            }
        }
    }
    out += &chunk(json!({}), chat_reason(said).into());
    out += &bare(
        &json!({"id": "answer", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
        "usage": chat_usage(said)}),
    );
    out + "data: [DONE]\n\n"
}

fn response_items(said: &Said) -> Vec<Value> {
    let mut items = Vec::new();
    if !said.thought.is_empty() {
        items.push(json!({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": said.thought}]}));
    }
    if !said.text.is_empty() {
        items.push(json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": said.text, "annotations": []}]}));
    }
    for (number, call) in said.calls.iter().enumerate() {
        items.push(json!({"id": format!("fc_{number}"), "type": "function_call", "status": "completed",
            "call_id": call.id, "name": call.name, "arguments": call.arguments}));
    }
    items
}

fn response(said: &Said, status: &str) -> Value {
    let usage = said.usage;
    let cut = said.stop == Why::MaxTokens && status == "completed";
    let mut response = json!({"id": "resp_answer", "object": "response", "created_at": 1, "model": "m", "output": [],
        "status": if cut { "incomplete" } else { status }, "error": null, "incomplete_details": null, "usage": null});
    if cut {
        response["incomplete_details"] = json!({"reason": "max_output_tokens"});
    }
    if status == "completed" {
        response["output"] = response_items(said).into();
        response["usage"] = json!({"input_tokens": usage.read, "output_tokens": usage.written,
            "total_tokens": usage.read + usage.written, "input_tokens_details": {"cached_tokens": usage.cached},
            "output_tokens_details": {"reasoning_tokens": 0}});
    }
    response
}

fn response_stream(said: &Said, size: usize) -> String {
    let begun = response(said, "in_progress");
    let mut out = named("response.created", json!({"response": begun}));
    out += &named("response.in_progress", json!({"response": begun}));
    for (index, item) in response_items(said).iter().enumerate() {
        let id = &item["id"];
        let mut empty = item.clone();
        match item["type"].as_str().expect("items have types") {
            "reasoning" => {
                empty["summary"] = json!([]);
                out += &named("response.output_item.added", json!({"output_index": index, "item": empty}));
                let place = |mut data: Value| {
                    data["item_id"] = id.clone();
                    data["output_index"] = index.into();
                    data["summary_index"] = 0.into();
                    data
                };
                let part = json!({"type": "summary_text", "text": ""});
                out += &named("response.reasoning_summary_part.added", place(json!({"part": part})));
                for piece in pieces(&said.thought, size) {
                    out += &named("response.reasoning_summary_text.delta", place(json!({"delta": piece})));
                }
                out += &named("response.reasoning_summary_text.done", place(json!({"text": said.thought})));
                out += &named(
                    "response.reasoning_summary_part.done",
                    place(json!({"part": item["summary"][0]})),
                );
            }
            "message" => {
                empty["content"] = json!([]);
                out += &named("response.output_item.added", json!({"output_index": index, "item": empty}));
                let place = |mut data: Value| {
                    data["item_id"] = id.clone();
                    data["output_index"] = index.into();
                    data["content_index"] = 0.into();
                    data
                };
                let part = json!({"type": "output_text", "text": "", "annotations": []});
                out += &named("response.content_part.added", place(json!({"part": part})));
                for piece in pieces(&said.text, size) {
                    out += &named("response.output_text.delta", place(json!({"delta": piece})));
                }
                out += &named("response.output_text.done", place(json!({"text": said.text})));
                out += &named("response.content_part.done", place(json!({"part": item["content"][0]})));
            }
            _ => {
                empty["arguments"] = "".into();
                out += &named("response.output_item.added", json!({"output_index": index, "item": empty}));
                let arguments = item["arguments"].as_str().expect("calls have arguments");
                for piece in pieces(arguments, size) {
                    out += &named(
                        "response.function_call_arguments.delta",
                        json!({"item_id": id, "output_index": index, "delta": piece}),
                    );
                }
                out += &named(
                    "response.function_call_arguments.done",
                    json!({"item_id": id, "output_index": index, "arguments": arguments}),
                );
            }
        }
        out += &named("response.output_item.done", json!({"output_index": index, "item": item}));
    }
    let kind = if said.stop == Why::MaxTokens { "response.incomplete" } else { "response.completed" };
    out + &named(kind, json!({"response": response(said, "completed")}))
}

fn message_usage(said: &Said) -> Value {
    let usage = said.usage;
    json!({"input_tokens": usage.read - usage.cached, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached, "output_tokens": usage.written})
}

fn message_reason(said: &Said) -> &'static str {
    match said.stop {
        Why::End => "end_turn",
        Why::MaxTokens => "max_tokens",
        Why::Calls => "tool_use",
    }
}

fn message_blocks(said: &Said) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !said.thought.is_empty() {
        blocks.push(json!({"type": "thinking", "thinking": said.thought, "signature": "c2ln"}));
    }
    if !said.text.is_empty() {
        blocks.push(json!({"type": "text", "text": said.text}));
    }
    for call in &said.calls {
        blocks.push(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": parsed(call)}));
    }
    blocks
}

fn message(said: &Said) -> Value {
    json!({"id": "answer", "type": "message", "role": "assistant", "model": "m", "content": message_blocks(said),
        "stop_reason": message_reason(said), "stop_sequence": null, "usage": message_usage(said)})
}

fn message_stream(said: &Said, size: usize) -> String {
    let mut begun = message(said);
    begun["content"] = json!([]);
    begun["stop_reason"] = Value::Null;
    begun["usage"]["output_tokens"] = 1.into();
    let mut out = named("message_start", json!({"message": begun}));
    out += &named("ping", json!({}));
    for (index, block) in message_blocks(said).iter().enumerate() {
        let (empty, kind, member, text) = match block["type"].as_str().expect("blocks have types") {
            "thinking" => {
                let empty = json!({"type": "thinking", "thinking": "", "signature": ""});
                (empty, "thinking_delta", "thinking", said.thought.clone())
            }
            "text" => (json!({"type": "text", "text": ""}), "text_delta", "text", said.text.clone()),
            _ => {
                let mut empty = block.clone();
                empty["input"] = json!({});
                (empty, "input_json_delta", "partial_json", block["input"].to_string())
            }
        };
        out += &named("content_block_start", json!({"index": index, "content_block": empty}));
        for piece in pieces(&text, size) {
            let mut delta = json!({"type": kind});
            delta[member] = piece.into();
            out += &named("content_block_delta", json!({"index": index, "delta": delta}));
        }
        if kind == "thinking_delta" {
            let delta = json!({"type": "signature_delta", "signature": "c2ln"});
            out += &named("content_block_delta", json!({"index": index, "delta": delta}));
        }
        out += &named("content_block_stop", json!({"index": index}));
    }
    out += &named(
        "message_delta",
        json!({"delta": {"stop_reason": message_reason(said), "stop_sequence": null},
            "usage": {"output_tokens": said.usage.written}}),
    );
    out + &named("message_stop", json!({}))
}

fn gemini_parts(said: &Said, texts: &[&str]) -> Vec<Value> {
    let mut parts = Vec::new();
    if !said.thought.is_empty() {
        parts.push(json!({"text": said.thought, "thought": true}));
    }
    parts.extend(texts.iter().filter(|text| !text.is_empty()).map(|text| json!({"text": text})));
    for call in &said.calls {
        parts.push(json!({"functionCall": {"id": call.id, "name": call.name, "args": parsed(call)}}));
    }
    parts
}

fn gemini_chunk(parts: &[Value], said: &Said, last: bool) -> Value {
    let usage = said.usage;
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    let mut told = json!({"promptTokenCount": usage.read, "cachedContentTokenCount": usage.cached});
    if last {
        candidate["finishReason"] = if said.stop == Why::MaxTokens { "MAX_TOKENS" } else { "STOP" }.into();
        told["candidatesTokenCount"] = usage.written.into();
    }
    json!({"candidates": [candidate], "usageMetadata": told, "modelVersion": "m", "responseId": "answer"})
}

/// Several parts may stand in one event, and all calls do.
fn gemini_stream(said: &Said, size: usize) -> String {
    let mut out = String::new();
    for piece in pieces(&said.thought, size) {
        out += &bare(&gemini_chunk(&[json!({"text": piece, "thought": true})], said, false));
    }
    let texts = pieces(&said.text, size);
    for pair in texts.chunks(2) {
        let parts: Vec<_> = pair.iter().map(|piece| json!({"text": piece})).collect();
        out += &bare(&gemini_chunk(&parts, said, false));
    }
    let calls = Said { thought: String::new(), ..said.clone() };
    out + &bare(&gemini_chunk(&gemini_parts(&calls, &[]), said, true))
}

fn cohere_usage(said: &Said) -> Value {
    let usage = said.usage;
    let tokens = json!({"input_tokens": usage.read, "output_tokens": usage.written});
    json!({"billed_units": tokens, "tokens": tokens, "cached_tokens": usage.cached})
}

fn cohere_reason(said: &Said) -> &'static str {
    match said.stop {
        Why::End => "COMPLETE",
        Why::MaxTokens => "MAX_TOKENS",
        Why::Calls => "TOOL_CALL",
    }
}

fn cohere(said: &Said) -> Value {
    let mut content = Vec::new();
    if !said.thought.is_empty() {
        content.push(json!({"type": "thinking", "thinking": said.thought}));
    }
    if !said.text.is_empty() {
        content.push(json!({"type": "text", "text": said.text}));
    }
    let calls: Vec<_> = said
        .calls
        .iter()
        .map(|call| {
            json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
        })
        .collect();
    json!({"id": "answer", "finish_reason": cohere_reason(said), "usage": cohere_usage(said),
        "message": {"role": "assistant", "content": content, "tool_calls": calls}})
}

fn cohere_stream(said: &Said, size: usize) -> String {
    let delta = |message: Value| json!({"message": message});
    let mut out = named(
        "message-start",
        json!({"id": "answer", "delta": delta(json!({"role": "assistant", "content": []}))}),
    );
    let contents = [("thinking", &said.thought), ("text", &said.text)];
    for (index, (kind, text)) in contents.iter().filter(|(_, text)| !text.is_empty()).enumerate() {
        let empty = json!({"type": kind, *kind: ""});
        out += &named("content-start", json!({"index": index, "delta": delta(json!({"content": empty}))}));
        for piece in pieces(text, size) {
            let content = json!({*kind: piece});
            out +=
                &named("content-delta", json!({"index": index, "delta": delta(json!({"content": content}))}));
        }
        out += &named("content-end", json!({"index": index}));
    }
    for (index, call) in said.calls.iter().enumerate() {
        let begun =
            json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}});
        out +=
            &named("tool-call-start", json!({"index": index, "delta": delta(json!({"tool_calls": begun}))}));
        for piece in pieces(&call.arguments, size) {
            let more = json!({"function": {"arguments": piece}});
            out += &named(
                "tool-call-delta",
                json!({"index": index, "delta": delta(json!({"tool_calls": more}))}),
            );
        }
        out += &named("tool-call-end", json!({"index": index}));
    }
    out + &named(
        "message-end",
        json!({"id": "answer", "delta": {"finish_reason": cohere_reason(said), "usage": cohere_usage(said)}}),
    )
}
