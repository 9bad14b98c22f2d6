//! What callers get.

use promptgate_endpoints::NewEndpoint;
use promptgate_usage::Outcome;
use serde_json::json;

use super::*;
use crate::scripted::{Piece, Script, chunk, done, event, finish};

#[tokio::test]
async fn the_prompt_is_put_around_what_is_said() {
    let house = House::new(NewEndpoint {
        prompt: Some("Be brief.".to_owned()),
        user_prompt_template: Some("Summarise: {{input}}".to_owned()),
        ..of_first()
    });
    house.scene.upstream.always("first", Script::said("Short."));
    let body = json!({"messages": [
        {"role": "user", "content": "before"}, {"role": "assistant", "content": "was"},
        {"role": "user", "content": "now"},
    ], "model": "another", "temperature": 2});
    let got = house.ask(&body).await;
    assert_eq!(got.status, 200, "{}", got.body);
    let sent = house.sent();
    assert_eq!(
        sent["messages"],
        json!([
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "before"},
            {"role": "assistant", "content": "was"}, {"role": "user", "content": "Summarise: now"},
        ])
    );
    assert_eq!(
        (&sent["model"], sent.get("temperature")),
        (&json!("gpt-4o"), None),
        "not the caller's to say"
    );
    let event = house.scene.event();
    assert_eq!(event.endpoint_slug.as_deref(), Some("e"));
    assert_eq!((event.operation.as_str(), event.tokens.total(), event.cache_hit), ("endpoint", 5, false));
}

#[tokio::test]
async fn the_cap_and_the_variables_are_checked_before_anybody_is_asked() {
    let house = House::new(NewEndpoint {
        usage_hard_limit_tokens: Some(10),
        variables: Some(json!([{"name": "age", "type": "int"}])),
        user_prompt_template: Some("Age {{age}}".to_owned()),
        ..of_first()
    });
    let got = house.say(&"x".repeat(41)).await;
    assert_eq!((got.status, &got.json()["code"]), (422, &json!("input_too_large")));
    let text = got.json()["error"].as_str().unwrap().to_owned();
    assert!(text.contains("11") && text.contains("10"), "{text}");
    let got = house.say(r#"{"age":"secret"}"#).await;
    assert_eq!((got.status, &got.json()["code"]), (422, &json!("variable_invalid")));
    assert!(got.body.contains("age") && !got.body.contains("secret"), "{}", got.body);
    assert!(house.scene.upstream.seen().is_empty());
    house.scene.upstream.always("first", Script::said("ok"));
    assert_eq!(house.say(r#"{"age":"41"}"#).await.status, 200);
    assert_eq!(house.sent()["messages"], json!([{"role": "user", "content": "Age 41"}]));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_its_schema_is_502_and_paid_for() {
    let schema = json!({"type": "object", "required": ["n"]});
    let house = House::new(NewEndpoint { output_schema: Some(schema), ..of_first() });
    let upstream = &house.scene.upstream;
    upstream.next("first", Script::said("no json"));
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["code"]), (502, &json!("output_invalid")));
    let event = house.scene.event();
    assert_eq!((event.status, event.outcome, event.tokens.total()), (502, Outcome::UpstreamFailed, 5));
    assert!(!event.estimated);
    upstream.next("first", Script::said(r#"{\"n\":1}"#));
    let got = house.ask(&json!({"message": "hello", "stream": true})).await;
    assert_eq!((got.status, &got.json()["content"]), (200, &json!(r#"{"n":1}"#)), "never a stream");
    let call = r#"{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,
        "tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"city\":\"Rome\"}"}}]},"finish_reason":"tool_calls"}]}"#;
    upstream.next("first", Script::json(200, call));
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let got = house.ask(&json!({"message": "hello", "tools": tools, "tool_choice": "required"})).await;
    assert_eq!(got.status, 200, "{}", got.body);
    let told = got.json();
    assert_eq!((&told["content"], &told["finish_reason"]), (&json!(""), &json!("tool_calls")));
    assert_eq!(told["tool_calls"], json!([{"id": "t1", "name": "f", "arguments": {"city": "Rome"}}]));
    assert_eq!(house.sent()["tool_choice"], "required");
}

fn live() -> NewEndpoint {
    NewEndpoint { streaming_enabled: true, ..of_first() }
}

fn stream_of(text: &str) -> serde_json::Value {
    json!({"message": text, "stream": true})
}

#[tokio::test]
async fn a_stream_that_fails_in_the_middle_says_so_once_and_is_done() {
    let house = House::new(live());
    let upstream_error = event(r#"{"error":{"message":"overloaded","type":"overloaded_error"}}"#);
    for failure in [Piece::Break, upstream_error] {
        house.scene.upstream.next("first", Script::sse([chunk(""), chunk("Once"), failure]));
        let got = house.ask(&stream_of("hello")).await;
        assert_eq!((got.status, got.header("content-type")), (200, "text/event-stream"));
        assert!(got.body.contains("\"content\":\"Once\""), "{}", got.body);
        assert_eq!(got.body.matches("event: error\ndata: {\"ok\":false,").count(), 1, "{}", got.body);
        assert!(got.body.ends_with("\n\ndata: [DONE]\n\n"), "{}", got.body);
        assert_eq!(got.body.matches("[DONE]").count(), 1, "{}", got.body);
        assert_eq!(house.scene.event().outcome, Outcome::UpstreamFailed);
    }
}

#[tokio::test]
async fn a_failure_before_the_stream_is_ordinary_json() {
    let house = House::new(live());
    house.scene.upstream.always("first", Script::json(401, r#"{"error":{"message":"who"}}"#));
    let got = house.ask(&stream_of("hello")).await;
    assert_eq!((got.status, got.header("content-type")), (502, "application/json"));
    assert_eq!(got.json()["code"], "upstream_auth_failed");
}

#[tokio::test]
async fn a_stream_that_nobody_asked_for_is_not_passed_on() {
    let house = House::new(of_first());
    house.scene.upstream.always("first", Script::sse([chunk("x"), finish(), done()]));
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["code"]), (502, &json!("upstream_broken")));
}
