//! `Idempotency-Key` on the routes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderValue, Method, Request};
use promptgate_usage::Outcome;
use tokio::sync::Semaphore;

use crate::scripted::{Step, events, json, piece};
use crate::support::{Answer, Bench, CHAT, CHAT_STREAM, DELTA, DONE, USAGE, next_piece};

const COMPLETION: &str = r#"{"id":"c1","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
const MESSAGE: &str = r#"{"id":"m1","type":"message","role":"assistant","model":"claude-sonnet-4","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#;
const MESSAGES: &str =
    r#"{"model":"claude-sonnet-4","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}"#;

/// The same request as often as it is asked for.
struct Sender {
    token: String,
    path: &'static str,
    body: &'static str,
}

impl Sender {
    fn new(bench: &Bench, path: &'static str, body: &'static str) -> Self {
        Self { token: bench.token(bench.wrapper), path, body }
    }

    fn request(&self, bench: &Bench) -> Request<Body> {
        let mut request = bench.by(&self.token, Method::POST, self.path, self.body);
        request.headers_mut().insert("idempotency-key", HeaderValue::from_static("order-7"));
        request
    }
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("x-promptgate-idempotent-replay") == Some("true")
}

#[tokio::test]
async fn every_surface_answers_a_repetition_from_the_outcome() {
    for (path, body, script) in [
        ("{p}/v1/chat/completions", CHAT, json(200, COMPLETION)),
        ("/main/v1/chat/completions", CHAT, json(200, COMPLETION)),
        ("/claude/v1/messages", MESSAGES, json(200, MESSAGE)),
        (
            "/main/v1/conversations",
            r#"{"metadata":{}}"#,
            json(200, r#"{"id":"conv_1","object":"conversation"}"#),
        ),
    ] {
        let bench = Bench::new();
        bench.upstream.will(script);
        let sender = Sender::new(&bench, path, body);
        let first = bench.ask(sender.request(&bench)).await;
        let again = bench.ask(sender.request(&bench)).await;
        assert_eq!((first.status, &first.body), (200, &again.body), "{path}: {}", first.text());
        assert!(!is_replay(&first) && is_replay(&again), "{path}");
        for name in
            ["content-type", "x-promptgate-provider", "x-promptgate-attempts", "x-upstream-request-id"]
        {
            assert_eq!(first.header(name), again.header(name), "{path}: {name}");
        }
        assert_eq!((bench.upstream.requests().len(), bench.events().len()), (1, 1), "{path}");
        assert!(!bench.upstream.requests()[0].headers.contains_key("idempotency-key"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_left_finds_the_outcome_when_it_comes_back() {
    let bench = Bench::new();
    let gate = Arc::new(Semaphore::new(0));
    bench.upstream.will(events(vec![piece(DELTA), Step::Wait(Arc::clone(&gate)), piece(USAGE), piece(DONE)]));
    let sender = Sender::new(&bench, "{p}/v1/chat/completions", CHAT_STREAM);
    let mut body = bench.send(sender.request(&bench)).await.into_body();
    assert!(next_piece(&mut body).await.unwrap().contains("Hello there"));
    drop(body);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.upstream.open(), 1, "the call goes on");
    gate.add_permits(1);
    let again = bench.ask(sender.request(&bench)).await;
    assert!(is_replay(&again) && again.text().contains("Hello there") && again.text().ends_with(DONE));
    assert_eq!((bench.event().outcome, bench.upstream.requests().len()), (Outcome::Completed, 1));
}

#[tokio::test]
async fn lists_have_no_outcome() {
    let bench = Bench::new();
    let mut request = bench.at(Method::GET, "{p}/v1/models", "");
    request.headers_mut().insert("idempotency-key", HeaderValue::from_static("two words"));
    let answer = bench.ask(request).await;
    assert_eq!((answer.status, is_replay(&answer)), (200, false));
}
