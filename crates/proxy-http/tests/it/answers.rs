//! Answers that are there as a whole.

use std::sync::atomic::Ordering;

use axum::body::Body;
use http::Request;
use promptgate_usage::Outcome;

use crate::scripted::{Script, Step, events, json, piece};
use crate::support::{Bench, CHAT, CHAT_STREAM, DONE, MESSAGES};

const COMPLETION: &str = r#"{"id":"c1","object":"chat.completion", "model":"gpt-4o-2024-08-06","unknown":{"a":1.0},
"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],
"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}"#;

#[tokio::test]
async fn an_answer_passes_untouched_and_is_booked_with_its_cost() {
    let bench = Bench::new();
    bench.upstream.will(json(200, COMPLETION));
    let answer = bench.chat(CHAT).await;
    assert_eq!((answer.status, answer.text()), (200, COMPLETION));
    assert_eq!(answer.header("x-promptgate-provider"), Some("main"));
    assert_eq!(answer.header("x-promptgate-model"), Some("gpt-4o"));
    assert_eq!(answer.header("x-promptgate-cost"), Some("0.0035"));
    assert_eq!(answer.header("x-promptgate-attempts"), Some("1"));
    assert_eq!(answer.header("x-promptgate-revision"), Some("7"));
    assert_eq!(answer.header("x-upstream-request-id"), Some("req_upstream"));
    let event = bench.event();
    assert_eq!(answer.header("x-request-id"), Some(event.request_id.as_str()));
    assert_eq!(event.request_id, event.id.to_string());
    assert_eq!((event.tokens.input, event.tokens.output, event.estimated), (1_000, 100, false));
    assert_eq!((event.cost.to_string().as_str(), event.price_basis.as_str()), ("0.0035", "exact"));
    assert_eq!((event.outcome, event.status, event.error_code), (Outcome::Completed, 200, None));
    assert_eq!(event.requested_model.as_deref(), Some("main:gpt-4o"));
    assert!(event.time_to_first_byte_us.is_some() && !event.streamed);
}

#[tokio::test]
async fn the_provider_gets_its_credential_and_nothing_of_the_clients() {
    let bench = Bench::new();
    bench.upstream.will(json(200, COMPLETION));
    let mut request = bench.request("chat/completions", CHAT);
    for (name, value) in [
        ("cookie", "session=1"),
        ("x-api-key", "canary"),
        ("x-forwarded-for", "1.2.3.4"),
        ("accept-encoding", "gzip"),
        ("user-agent", "sdk/1"),
        ("openai-beta", "assistants=v2"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-request-id", "mine-1"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = bench.ask(request).await;
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    let sent = bench.upstream.requests().remove(0);
    assert_eq!(sent.url, "http://main.test/v1/chat/completions");
    assert_eq!(sent.body, CHAT.replace("main:gpt-4o", "gpt-4o"));
    assert!(sent.headers["authorization"].is_sensitive());
    let mut headers: Vec<String> =
        sent.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    headers.sort();
    assert_eq!(
        headers,
        [
            "accept-encoding: identity",
            "authorization: Bearer sk-main",
            "content-type: application/json",
            "openai-beta: assistants=v2",
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "user-agent: sdk/1",
            "x-request-id: mine-1",
        ]
    );
    assert_eq!(bench.event().request_id, "mine-1");
}

#[tokio::test]
async fn anthropic_gets_its_key_and_a_version_and_answers_untouched() {
    let bench = Bench::new();
    let message = r#"{"id":"m1","type":"message","content":[{"type":"thinking","thinking":"x","signature":"s=="}],
        "usage":{"input_tokens":3,"cache_read_input_tokens":40,"output_tokens":5}}"#;
    bench.upstream.will(json(200, message));
    let answer = bench.ask(bench.request("messages", MESSAGES)).await;
    assert_eq!((answer.status, answer.text()), (200, message));
    assert_eq!(answer.header("request-id"), answer.header("x-request-id"));
    let sent = bench.upstream.requests().remove(0);
    assert_eq!(sent.url, "http://claude.test/v1/messages");
    assert_eq!(sent.headers["x-api-key"], "sk-claude");
    assert_eq!(sent.headers["anthropic-version"], "2023-06-01");
    assert!(!sent.headers.contains_key("authorization"));
    let tokens = bench.event().tokens;
    assert_eq!((tokens.input, tokens.cache_read, tokens.output), (3, 40, 5));
}

#[tokio::test]
async fn an_answer_without_usage_is_estimated_and_says_so() {
    let bench = Bench::new();
    bench.upstream.will(json(200, r#"{"choices":[{"message":{"content":"12345678"}}]}"#));
    bench.chat(CHAT).await;
    let event = bench.event();
    assert!(event.estimated && event.tokens.input > 0);
    assert_eq!(event.tokens.output, 2);
    assert!(event.cost.as_nanos() > 0);
}

#[tokio::test]
async fn usage_nobody_can_have_is_not_believed() {
    for usage in [
        r#"{"prompt_tokens":0,"completion_tokens":0}"#,
        r#"{"prompt_tokens":99999999999,"completion_tokens":1}"#,
    ] {
        let bench = Bench::new();
        let body = format!(r#"{{"choices":[{{"message":{{"content":"12345678"}}}}],"usage":{usage}}}"#);
        bench.upstream.will(json(200, &body));
        bench.chat(CHAT).await;
        let event = bench.event();
        assert!(event.estimated && event.tokens.total() < 100, "{usage}");
    }
}

#[tokio::test]
async fn an_answer_in_pieces_is_joined() {
    let bench = Bench::new();
    let steps = COMPLETION.as_bytes().chunks(7).map(|chunk| Step::Piece(chunk.to_vec().into())).collect();
    bench.upstream.will(Script::Answer {
        status: 200,
        headers: vec![("content-type", "application/json")],
        steps,
    });
    assert_eq!(bench.chat(CHAT).await.text(), COMPLETION);
    assert_eq!(bench.event().tokens.total(), 1_100);
}

#[tokio::test]
async fn a_provider_that_answers_a_stream_with_json_is_understood() {
    let bench = Bench::new();
    bench.upstream.will(json(200, COMPLETION));
    let answer = bench.chat(CHAT_STREAM).await;
    assert_eq!((answer.text(), answer.header("content-type")), (COMPLETION, Some("application/json")));
    let event = bench.event();
    assert_eq!((event.tokens.total(), event.streamed), (1_100, false));
}

#[tokio::test]
async fn a_provider_that_streams_unasked_is_understood() {
    let bench = Bench::new();
    bench.upstream.will(events(vec![
        piece(crate::support::DELTA),
        piece(crate::support::USAGE),
        piece(DONE),
    ]));
    let answer = bench.chat(CHAT).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let event = bench.event();
    assert_eq!((event.tokens.total(), event.streamed), (11, true));
}

#[tokio::test]
async fn echo_speaks_every_shape() {
    let bench = Bench::new();
    let chat = r#"{"model":"echo:echo","messages":[{"role":"user","content":"ping"}]}"#;
    let said = bench.chat(chat).await.json();
    assert_eq!(said["choices"][0]["message"]["content"], "ping");
    let messages = r#"{"model":"echo:echo","max_tokens":9,"messages":[{"role":"user","content":"ping"}]}"#;
    let said = bench.ask(bench.request("messages", messages)).await.json();
    assert_eq!(said["content"][0]["text"], "ping");
    let embeddings = r#"{"model":"echo:echo","input":"ping"}"#;
    let said = bench.ask(bench.request("embeddings", embeddings)).await.json();
    assert!(said["data"][0]["embedding"].is_array());
    let streamed = bench.chat(&chat.replace("{\"model\"", "{\"stream\":true,\"model\"")).await;
    assert!(streamed.text().ends_with(DONE) && !streamed.text().contains("\"usage\":{"));
    let events = bench.events();
    assert_eq!(events.len(), 4);
    for event in events {
        assert_eq!((event.outcome, event.estimated), (Outcome::Completed, false), "{}", event.operation);
        assert!(event.tokens.total() > 0);
    }
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_sink_that_fails_fails_no_call() {
    let bench = Bench::new();
    bench.sink.full.store(true, Ordering::SeqCst);
    bench.upstream.will(json(200, COMPLETION));
    assert_eq!(bench.chat(CHAT).await.status, 200);
}

#[tokio::test]
async fn the_list_of_models_has_the_shape_of_who_asks() {
    let bench = Bench::new();
    let request = |version: Option<&str>| {
        let mut request = Request::get(format!("/api/{}/v1/models", bench.wrapper))
            .header("x-api-key", bench.token(bench.wrapper));
        if let Some(version) = version {
            request = request.header("anthropic-version", version);
        }
        request.body(Body::empty()).unwrap()
    };
    let openai = bench.ask(request(None)).await.json();
    let ids: Vec<&str> =
        openai["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"main:gpt-4o") && ids.contains(&"main:*") && ids.contains(&"echo:echo"));
    assert!(!ids.iter().any(|id| id.starts_with("off:")), "{ids:?}");
    let first = &openai["data"][0];
    assert_eq!((&openai["object"], &first["owned_by"]), (&"list".into(), &"promptgate-alias".into()));
    let anthropic = bench.ask(request(Some("2023-06-01"))).await.json();
    assert_eq!(anthropic["data"][0]["type"], "model");
    let booked = bench.events();
    assert_eq!(booked.len(), 2);
    assert_eq!((booked[0].operation.as_str(), booked[0].outcome), ("models", Outcome::Completed));
}
