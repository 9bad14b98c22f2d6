//! Requests in OpenAI's two formats.

use promptgate_providers::{Capabilities, Feature, Modality, Shape};
use promptgate_translate::{Outgoing, Target, Untranslatable, read_request, write_request};
use serde_json::{Value, json};

use crate::able::able;

/// What a client's request becomes for a model.
fn send(
    client: Shape,
    body: &Value,
    provider: Shape,
    capabilities: &Capabilities,
) -> Result<(Value, Vec<String>), Untranslatable> {
    let request = read_request(client, body.to_string().as_bytes())?;
    let target = Target { model: "real", capabilities, stream: request.stream };
    let Outgoing { body, dropped } = write_request(provider, &request, &target)?;
    Ok((serde_json::from_slice(&body).expect("what is sent is JSON"), dropped))
}

/// A model that knows neither parameters nor features.
fn plain() -> Capabilities {
    Capabilities { shapes: vec![Shape::ChatCompletions, Shape::Responses], ..Capabilities::default() }
}

fn with(features: &[Feature], modalities: &[Modality]) -> Capabilities {
    Capabilities {
        features: features.iter().copied().collect(),
        modalities: modalities.iter().copied().collect(),
        ..plain()
    }
}

fn say(content: &Value) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": content}]})
}

#[test]
fn a_chat_becomes_items() {
    let body = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [
                {"type": "text", "text": "what is this"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BB=="}}
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"z\":1}"}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"}
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": true}},
        "reasoning_effort": "high",
        "max_completion_tokens": 9,
        "stream": true
    });
    let (sent, dropped) = send(Shape::ChatCompletions, &body, Shape::Responses, &able()).unwrap();
    assert_eq!(dropped, Vec::<String>::new());
    let expected = json!({
        "model": "real",
        "instructions": "be brief",
        "input": [
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "what is this"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BB=="}
            ]},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{\"z\":1}"},
            {"type": "function_call", "call_id": "b", "name": "g", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "1"},
            {"type": "function_call_output", "call_id": "b", "output": "2"}
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": false}],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": true}},
        "reasoning": {"effort": "high"},
        "max_output_tokens": 9,
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "stream": true
    });
    assert_eq!(sent, expected);
}

#[test]
fn items_become_a_chat() {
    let body = json!({
        "model": "m",
        "instructions": "be brief",
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
            ]}
        ],
        "text": {"format": {"type": "json_object"}},
        "stream": true
    });
    let can = with(&[Feature::Tools, Feature::JsonObject, Feature::StreamUsage], &[Modality::Image]);
    let (sent, dropped) = send(Shape::Responses, &body, Shape::ChatCompletions, &can).unwrap();
    assert_eq!(dropped, Vec::<String>::new());
    let expected = json!({
        "model": "real",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "see"},
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
            ]}
        ],
        "response_format": {"type": "json_object"},
        "stream": true,
        "stream_options": {"include_usage": true}
    });
    assert_eq!(sent, expected);
}

#[test]
fn hints_are_left_out_and_reported() {
    let body = json!({
        "model": "m",
        "messages": [{"role": "user", "name": "ann", "content": [
            {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
        ]}],
        "temperature": 0.5, "top_k": 3, "seed": 1, "logit_bias": {"1": 1}, "user": "u", "max_tokens": 5,
        "reasoning_effort": "low", "parallel_tool_calls": false, "store": true,
        "tools": [{"type": "function", "function": {"name": "f", "strict": true, "defer": true}}]
    });
    for provider in [Shape::ChatCompletions, Shape::Responses] {
        let (sent, mut dropped) =
            send(Shape::ChatCompletions, &body, provider, &with(&[Feature::Tools], &[])).unwrap();
        dropped.sort();
        let expected = [
            "cache_control",
            "logit_bias",
            "max_output",
            "messages.name",
            "parallel_tool_calls",
            "reasoning_effort",
            "seed",
            "store",
            "temperature",
            "tools.function.defer",
            "tools.strict",
            "top_k",
            "user",
        ];
        assert_eq!(dropped, expected, "{provider}");
        assert!(!sent.to_string().contains("cache_control"));
    }
}

#[test]
fn what_would_change_the_answer_is_refused_by_name() {
    let image = say(&json!([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]));
    let inline = say(&json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]));
    let file = say(&json!([{"type": "file", "file": {"file_id": "file-1"}}]));
    let audio = say(&json!([{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]));
    let and = |member: &str, value: Value| {
        let mut body = say(&json!("hi"));
        body[member] = value;
        body
    };
    let schema = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {}}});
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    for (body, field) in [
        (image, "image"),
        (inline, "image"),
        (file, "file"),
        (audio, "audio"),
        (and("response_format", json!({"type": "json_object"})), "response_format"),
        (and("response_format", schema), "response_format"),
        (and("tools", tools), "tools"),
        (and("stop", json!("x")), "stop"),
        (and("n", json!(2)), "n"),
        (and("logprobs", json!(true)), "logprobs"),
        (and("modalities", json!(["audio"])), "modalities"),
    ] {
        for provider in [Shape::ChatCompletions, Shape::Responses] {
            let error = send(Shape::ChatCompletions, &body, provider, &plain()).unwrap_err();
            assert_eq!((error.code, error.field.as_deref()), ("unsupported_by_provider", Some(field)));
        }
    }
    let stop = send(Shape::ChatCompletions, &and("stop", json!("x")), Shape::Responses, &able()).unwrap_err();
    assert_eq!(stop.field.as_deref(), Some("stop"));
    let previous = json!({"model": "m", "input": "hi", "previous_response_id": "resp_1"});
    let previous = send(Shape::Responses, &previous, Shape::ChatCompletions, &able()).unwrap_err();
    assert_eq!(previous.field.as_deref(), Some("previous_response_id"));
}

#[test]
fn thinking_is_switched_off_only_where_that_can_be_said() {
    let off =
        json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "none"});
    for provider in [Shape::ChatCompletions, Shape::Responses] {
        let (sent, dropped) = send(Shape::ChatCompletions, &off, provider, &able()).unwrap();
        assert_eq!(dropped, Vec::<String>::new());
        assert!(sent.to_string().contains("\"none\""), "{sent}");
        let mut always = able();
        always.features.remove(&Feature::ReasoningOff);
        let (sent, dropped) = send(Shape::ChatCompletions, &off, provider, &always).unwrap();
        assert_eq!(dropped, ["reasoning_effort"]);
        assert!(!sent.to_string().contains("\"none\""), "{sent}");
    }
}

#[test]
fn only_its_own_thoughts_go_back_to_a_vendor() {
    let body = |signature: &str| {
        json!({"model": "m", "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "so", "reasoning_content": "hm", "reasoning_details": [
                {"type": "reasoning.text", "text": "hm", "signature": signature, "index": 0}
            ]},
            {"role": "user", "content": "go on"}
        ]})
    };
    let (own, dropped) =
        send(Shape::ChatCompletions, &body("openai:gAAA"), Shape::Responses, &able()).unwrap();
    assert_eq!(dropped, Vec::<String>::new());
    assert_eq!(own["input"][1]["encrypted_content"], "gAAA");
    let (foreign, dropped) =
        send(Shape::ChatCompletions, &body("anthropic:EqQB"), Shape::Responses, &able()).unwrap();
    assert_eq!(dropped, ["thinking"]);
    assert!(!foreign.to_string().contains("EqQB"));
    let (words, _) =
        send(Shape::ChatCompletions, &body("anthropic:EqQB"), Shape::ChatCompletions, &able()).unwrap();
    assert_eq!(words["messages"][1]["reasoning_content"], "hm");
    assert_eq!(words["messages"][1].get("reasoning_details"), None);
}
