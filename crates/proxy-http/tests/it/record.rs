//! What calls leave behind, seen from the routes.

use http::HeaderValue;

use crate::scripted::{events, json, piece};
use crate::support::{Bench, CHAT, CHAT_STREAM, DELTA, DONE, MESSAGES, USAGE};

const MESSAGE: &str = r#"{"id":"m1","type":"message","role":"assistant","model":"claude-sonnet-4","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"tool_use","id":"t1","name":"look","input":{"at":1}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}"#;

#[tokio::test]
async fn a_turn_of_claude_code_leaves_its_session_and_tool_calls() {
    let bench = Bench::new();
    bench.upstream.will(json(200, MESSAGE));
    let mut request = bench.request("messages", MESSAGES);
    let headers = request.headers_mut();
    headers.insert("user-agent", HeaderValue::from_static("claude-cli/2.1.2 (external, cli)"));
    headers.insert("x-claude-code-session-id", HeaderValue::from_static("s-1"));
    assert_eq!(bench.ask(request).await.status, 200);
    let event = bench.event();
    assert_eq!(
        (event.client_tool.as_deref(), event.client_session.as_deref()),
        (Some("claude_code"), Some("s-1"))
    );
    assert_eq!(event.provider_response_id.as_deref(), Some("m1"));
    let contents = bench.sink.contents.lock().unwrap();
    let [content] = &contents[..] else { panic!("{contents:?}") };
    assert_eq!((content.call_id, content.prompt().as_deref()), (event.id, Some("hello")));
    assert_eq!((content.request.as_deref(), content.response.as_deref()), (Some(MESSAGES), Some(MESSAGE)));
    assert_eq!(content.tool_calls[0].name, "look");
    let arguments: serde_json::Value = serde_json::from_str(&content.tool_calls[0].arguments).unwrap();
    assert_eq!(arguments, serde_json::json!({"at": 1}));
}

#[tokio::test]
async fn a_stream_passes_untouched_and_is_put_together_for_the_record() {
    let bench = Bench::new();
    let halves = DELTA.split_at(90);
    bench.upstream.will(events(vec![piece(halves.0), piece(halves.1), piece(USAGE), piece(DONE)]));
    let body =
        CHAT_STREAM.replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    let answer = bench.ask(bench.request("chat/completions", &body)).await;
    assert_eq!(answer.text(), [DELTA, USAGE, DONE].concat());
    let contents = bench.sink.contents.lock().unwrap();
    assert_eq!(contents.len(), 1);
    assert!(contents[0].response.as_deref().unwrap().contains(r#""content":"Hello there""#));
}

#[tokio::test]
async fn answers_tell_where_their_time_went() {
    let bench = Bench::new();
    bench.upstream.will(json(200, r#"{"id":"c1","choices":[]}"#));
    let answer = bench.chat(CHAT).await;
    let timing = answer.header("server-timing").unwrap();
    for part in ["auth;dur=", "upstream;dur=", "gateway;dur=", "total;dur="] {
        assert!(timing.contains(part), "{timing}");
    }
    let streamed = {
        bench.upstream.will(events(vec![piece(DELTA), piece(DONE)]));
        bench.chat(CHAT_STREAM).await
    };
    assert!(streamed.header("server-timing").unwrap().contains("upstream;dur="), "what is known at its head");
}
