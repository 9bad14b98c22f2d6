//! Rows 15 and 16: Anthropic's messages, whoever answers them, and token counts.

use promptgate_testkit::vendor::THOUGHT;
use serde_json::{Value, json};

use crate::stage::{FORMATS, Stage, and, events, messages};

const BETAS: &str = "interleaved-thinking-2025-05-14,no-such-beta-2031-01-01";

fn dropped(header: Option<&str>) -> Vec<String> {
    header.unwrap_or_default().split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn row_15_betas_that_a_provider_does_not_know_stay_here_and_are_reported() {
    let stage = Stage::with_every_format().await;
    let headers = [("anthropic-version", "2023-06-01"), ("anthropic-beta", BETAS)];
    for (format, ..) in FORMATS {
        let body = messages(&format!("{format}:claude-sonnet-4-5"), "Hello");
        let answer = stage.post_with("/v1/messages", &headers, &body).await;
        answer.expect(200).unwrap();
        let seen = stage.upstream.last_request().unwrap();
        let told = dropped(answer.header("x-promptgate-dropped"));
        let unknown = "anthropic-beta: no-such-beta-2031-01-01".to_owned();
        assert!(told.contains(&unknown), "{format}: {told:?}");
        if format == "messages" {
            assert_eq!(seen.header("anthropic-beta"), Some("interleaved-thinking-2025-05-14"));
            assert_eq!(told.len(), 1, "{told:?}");
        } else {
            assert_eq!(seen.header("anthropic-beta"), None, "{format}");
            assert_eq!(seen.header("anthropic-version"), None, "{format}");
            assert!(
                told.contains(&"anthropic-beta: interleaved-thinking-2025-05-14".to_owned()),
                "{format}: {told:?}"
            );
        }
    }
}

/// A request as Claude Code makes it: hints on every kind of block, thinking, interleaved tools.
fn agents_request(model: &str) -> Value {
    let marker = json!({"type": "ephemeral"});
    json!({
        "model": model, "max_tokens": 4000, "stream": true,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "metadata": {"user_id": "user_1"},
        "system": [{"type": "text", "text": "Be an agent", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tools": [{"name": "get_weather", "description": "Looks it up.", "cache_control": marker,
            "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Weather?", "cache_control": marker}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "I look.", "signature": "c2ln"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}, "cache_control": marker},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny", "cache_control": marker},
            ]},
        ],
    })
}

#[tokio::test]
async fn row_15_an_agents_turn_is_answered_by_everybody_and_hints_are_reported() {
    let stage = Stage::with_every_format().await;
    let asked = agents_request("");
    for (format, ..) in FORMATS {
        let body = and(asked.clone(), &json!({"model": format!("{format}:m-1")}));
        let answer = stage.post("/v1/messages", &body).await;
        assert_eq!(answer.status, 200, "{format}: {}", answer.text());
        let told = events(&answer.text());
        assert_eq!(told[0]["type"], "message_start", "{format}");
        assert_eq!(told.last().unwrap()["type"], "message_stop", "{format}");
        let text: String = told.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
        assert_eq!(text, "Results: sunny", "{format}: {}", answer.text());
        let seen = stage.upstream.last_request().unwrap().json();
        let reported = dropped(answer.header("x-promptgate-dropped"));
        if format == "messages" {
            assert_eq!(seen, and(asked.clone(), &json!({"model": "m-1"})), "everything arrives");
            assert_eq!(answer.header("x-promptgate-dropped"), None);
        } else {
            assert!(!seen.to_string().contains("cache_control"), "{format}: {seen}");
            assert!(reported.contains(&"cache_control".to_owned()), "{format}: {reported:?}");
        }
        let call = stage.recorded(1 + FORMATS.iter().position(|(name, ..)| *name == format).unwrap()).await;
        let expected = if format == "messages" { Vec::new() } else { reported };
        assert_eq!(call["dropped"], json!(expected), "{format}: {call}");
    }
}

#[tokio::test]
async fn row_15_each_hint_that_is_left_out_is_named() {
    let stage = Stage::with(&[("main", "openai", "/v1")]).await;
    let body = and(agents_request("main:gpt-4o"), &json!({"top_k": 40, "stream": false}));
    let answer = stage.post("/v1/messages", &body).await;
    answer.expect(200).unwrap();
    let told = dropped(answer.header("x-promptgate-dropped"));
    for hint in ["cache_control", "thinking", "top_k"] {
        assert!(told.iter().any(|name| name.contains(hint)), "no {hint} in {told:?}");
    }
    assert_eq!(stage.recorded(1).await["dropped"], json!(told));
}

#[tokio::test]
async fn row_15_thinking_keeps_its_signature_and_comes_first() {
    let stage = Stage::with_every_format().await;
    for (format, ..) in FORMATS {
        let body = and(
            messages(&format!("{format}:m-1"), "[think] Hello"),
            &json!({"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}),
        );
        let answer = stage.post("/v1/messages", &body).await.expect(200).unwrap();
        let blocks = answer["content"].as_array().unwrap();
        assert_eq!(blocks[0]["type"], "thinking", "{format}: {answer}");
        assert_eq!(blocks[0]["thinking"], THOUGHT.0, "{format}: {answer}");
        assert_eq!(blocks[1]["type"], "text", "{format}: {answer}");
        if format == "messages" {
            assert_eq!(blocks[0]["signature"], THOUGHT.1, "{answer}");
        }
        let streamed = stage.post("/v1/messages", &and(body, &json!({"stream": true}))).await;
        let told = events(&streamed.text());
        let thoughts: String = told.iter().filter_map(|event| event["delta"]["thinking"].as_str()).collect();
        assert_eq!(thoughts, THOUGHT.0, "{format}: {}", streamed.text());
    }
}

#[tokio::test]
async fn row_16_tokens_are_counted_exactly_or_by_a_labelled_estimate_and_for_nothing() {
    let stage = Stage::with_every_format().await;
    let body = |format: &str| {
        let mut body = agents_request(&format!("{format}:m-1"));
        for member in ["max_tokens", "stream", "metadata"] {
            body.as_object_mut().unwrap().remove(member);
        }
        body
    };
    for (calls, (format, ..)) in FORMATS.iter().enumerate() {
        let before = stage.upstream.counts().requests;
        let answer = stage.post("/v1/messages/count_tokens", &body(format)).await;
        let counted = answer.expect(200).unwrap()["input_tokens"].as_u64().unwrap();
        if *format == "messages" {
            assert_eq!(counted, 42, "what the provider says");
            assert_eq!(answer.header("x-promptgate-estimate"), None);
            assert_eq!(stage.upstream.last_request().unwrap().path, "/v1/messages/count_tokens");
        } else {
            assert!((10..1000).contains(&counted), "{format}: {counted}");
            assert_eq!(answer.header("x-promptgate-estimate"), Some("true"), "{format}");
            assert_eq!(stage.upstream.counts().requests, before, "{format}: nobody generates anything");
        }
        let call = stage.recorded(calls + 1).await;
        assert_eq!(call["operation"], "count_tokens", "{call}");
        assert_eq!(
            (&call["costUsd"], &call["tokens"]["total"]),
            (&json!(0.0), &json!(0)),
            "{format}: {call}"
        );
    }
}
