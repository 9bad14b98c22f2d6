//! Requests and answers of Cohere's format.

use promptgate_providers::{ProviderKind, Shape};
use promptgate_translate::{Block, Stop, cohere};
use promptgate_usage::TokenCounts;
use serde_json::json;

use crate::support::Provider;

fn cohere_of(model: &'static str) -> Provider {
    Provider::new(Shape::CohereChat, ProviderKind::Cohere, model)
}

#[test]
fn a_conversation_of_messages_becomes_coheres() {
    let (sent, dropped) = cohere_of("command-a-03-2025")
        .translate(
            Shape::Messages,
            r#"{"model":"x","max_tokens":100,"system":"be brief","stop_sequences":["END"],"top_k":3,"top_p":0.9,"temperature":0.5,
                "messages":[{"role":"user","content":"what?"},
                {"role":"assistant","content":[{"type":"text","text":"let me see"},
                    {"type":"tool_use","id":"toolu_1","name":"f","input":{"b": 1.0}}]},
                {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","is_error":true,"content":"one"},
                    {"type":"text","text":"and?"},{"type":"document","source":{"type":"text","media_type":"text/plain","data":"doc"}}]}],
                "tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},
                "output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}}"#,
        )
        .unwrap();
    let expected = json!({
        "model": "command-a-03-2025", "stream": false, "max_tokens": 100, "stop_sequences": ["END"], "k": 3, "p": 0.9,
        "temperature": 0.5,
        "messages": [
            {"role": "system", "content": "be brief"}, {"role": "user", "content": "what?"},
            {"role": "assistant", "content": "let me see", "tool_calls": [
                {"id": "toolu_1", "type": "function", "function": {"name": "f", "arguments": "{\"b\": 1.0}"}}]},
            {"role": "tool", "tool_call_id": "toolu_1", "content": "one"},
            {"role": "user", "content": [{"type": "text", "text": "and?"}, {"type": "text", "text": "doc"}]}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
        "tool_choice": "REQUIRED",
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
    });
    assert_eq!(sent, expected);
    assert_eq!(dropped, ["is_error"]);
}

#[test]
fn a_temperature_that_is_too_high_is_lowered_and_reported() {
    let body =
        r#"{"model":"x","temperature":1.5,"seed":7,"user":"u","messages":[{"role":"user","content":"q"}]}"#;
    let (sent, dropped) = cohere_of("command-a-03-2025").translate(Shape::ChatCompletions, body).unwrap();
    assert_eq!((&sent["temperature"], &sent["seed"]), (&json!(1), &json!(7)));
    assert_eq!(dropped, ["temperature", "user"]);
}

#[test]
fn thinking_is_asked_for_where_the_model_thinks() {
    let body = r#"{"model":"x","reasoning_effort":"low","messages":[{"role":"user","content":"q"}]}"#;
    let sent = cohere_of("command-a-reasoning-08-2025").sends(Shape::ChatCompletions, body);
    assert_eq!(sent["thinking"], json!({"type": "enabled", "token_budget": 4096}));
    let (sent, dropped) = cohere_of("command-a-03-2025").translate(Shape::ChatCompletions, body).unwrap();
    assert_eq!((sent.get("thinking"), dropped), (None, vec!["reasoning".to_owned()]));
    let none = body.replace("low", "none");
    let sent = cohere_of("command-a-reasoning-08-2025").sends(Shape::ChatCompletions, &none);
    assert_eq!(sent["thinking"], json!({"type": "disabled"}));
}

#[test]
fn images_go_to_models_that_see() {
    let body = r#"{"model":"x","messages":[{"role":"user","content":[{"type":"text","text":"what?"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}}]}]}"#;
    let sent = cohere_of("command-a-vision-07-2025").sends(Shape::ChatCompletions, body);
    let image =
        json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}});
    assert_eq!(sent["messages"][0]["content"][1], image);
    assert_eq!(cohere_of("command-a-03-2025").refuses(Shape::ChatCompletions, body), "image");
}

#[test]
fn an_answer_is_read_whole() {
    let answer = cohere::read_answer(
        br#"{"id":"c1","finish_reason":"TOOL_CALL","message":{"role":"assistant","tool_plan":"I will look.",
            "content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"hi"}],
            "tool_calls":[{"id":"f_1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}]},
            "usage":{"billed_units":{"input_tokens":10,"output_tokens":4.0},"tokens":{"input_tokens":700,"output_tokens":9},"cached_tokens":6}}"#,
    )
    .unwrap();
    let thought = |text: &str| Block::Thinking { text: text.to_owned(), signature: None };
    assert_eq!(answer.blocks[..2], [thought("I will look."), thought("hm")]);
    assert!(matches!(&answer.blocks[3], Block::ToolCall { arguments, .. } if arguments == "{\"a\": 1}"));
    assert_eq!(answer.stop, Stop::ToolUse);
    let usage = TokenCounts { input: 4, cache_read: 6, output: 4, ..TokenCounts::default() };
    assert_eq!(answer.usage, Some(usage));
    assert!(cohere::read_answer(b"{}").is_err());
}

#[test]
fn finish_reasons_are_mapped() {
    for (reason, stop) in [
        ("COMPLETE", Stop::End),
        ("MAX_TOKENS", Stop::MaxTokens),
        ("STOP_SEQUENCE", Stop::Sequence(None)),
        ("TOOL_CALL", Stop::ToolUse),
        ("ERROR", Stop::Error),
        ("TIMEOUT", Stop::Error),
    ] {
        let body = format!(r#"{{"finish_reason":"{reason}","message":{{}}}}"#);
        assert_eq!(cohere::read_answer(body.as_bytes()).unwrap().stop, stop);
    }
}

#[test]
fn errors_are_read() {
    let error = cohere::read_error(br#"{"id":"x","message":"invalid api token"}"#).unwrap();
    assert_eq!(error.message, "invalid api token");
    assert_eq!(cohere::read_error(b"[]"), None);
}
