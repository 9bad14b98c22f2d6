//! Requests of one vendor's format, answered by another's.

use std::sync::Arc;

use http::HeaderMap;
use promptgate_providers::{Operation, ProviderKind, Timeouts};
use promptgate_translate::{Block, ChatRequest, Message, Role};

use crate::candidate::Candidate;
use crate::outgoing::Outgoing;
use crate::record::{Record, Spent};
use crate::relay::Presence;
use crate::relay_chat::{ChatCall, ChatReply, relay_chat};
use crate::scripted::{Piece, Scene, Script, provider_at, read};
use crate::settle::settle;

const CLAUDE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-9","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":3}}"#;
const ASK: &str = r#"{"model":"m","top_k":5,"messages":[{"role":"user","content":"hi"}]}"#;
const STREAM: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

fn event(name: &str, data: &str) -> Piece {
    Piece::Text(format!("event: {name}\ndata: {data}\n\n"))
}

fn claude_stream() -> Vec<Piece> {
    let start = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-9","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":1}}}"#;
    let open = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let delta = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}"#;
    let stop = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}"#;
    vec![
        event("message_start", start),
        event("ping", r#"{"type":"ping"}"#),
        event("content_block_start", open),
        event("content_block_delta", delta),
        event("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
        event("message_delta", stop),
        event("message_stop", r#"{"type":"message_stop"}"#),
    ]
}

fn claude() -> Scene {
    Scene::new(vec![provider_at("claude", ProviderKind::Anthropic)], vec![])
}

#[tokio::test]
async fn an_answer_comes_back_in_the_clients_format() {
    let scene = claude();
    scene.upstream.always("claude", Script::json(200, CLAUDE));
    let got = scene.chat(ASK).await;
    assert_eq!(got.status, 200, "{got:?}");
    assert_eq!(got.json()["object"], "chat.completion");
    assert_eq!(got.json()["choices"][0]["message"]["content"], "hello");
    let event = scene.event();
    assert_eq!((event.tokens.input, event.tokens.output, event.estimated), (7, 3, false));
    assert!(event.trace.iter().any(|note| note.contains("translated")), "{:?}", event.trace);
    let sent: serde_json::Value = serde_json::from_slice(&scene.upstream.seen()[0].body).unwrap();
    assert_eq!(sent["messages"][0]["role"], "user");
}

#[tokio::test]
async fn so_does_a_stream() {
    let scene = claude();
    scene.upstream.always("claude", Script::sse(claude_stream()));
    let got = scene.chat(STREAM).await;
    assert_eq!((got.status, got.header("content-type")), (200, "text/event-stream"));
    assert!(got.body.contains(r#""content":"hello""#) && got.body.ends_with("data: [DONE]\n\n"), "{got:?}");
    let event = scene.event();
    assert_eq!((event.tokens.input, event.tokens.output, event.streamed), (7, 3, true));
}

#[tokio::test]
async fn a_stream_whose_end_is_its_last_word_ends_once() {
    let scene = Scene::new(vec![provider_at("gemini", ProviderKind::Google)], vec![]);
    let last = r#"{"candidates":[{"content":{"role":"model","parts":[]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":0,"totalTokenCount":7}}"#;
    scene.upstream.always("gemini", Script::sse([Piece::Text(format!("data: {last}\n\n"))]));
    let got = scene.chat(STREAM).await;
    assert_eq!((got.status, got.body.matches("[DONE]").count()), (200, 1), "{got:?}");
    assert_eq!(got.body.matches("finish_reason\":\"stop").count(), 1, "{got:?}");
    assert_eq!(scene.event().tokens.input, 7);
}

#[tokio::test]
async fn an_error_comes_back_in_the_clients_format_with_its_status() {
    let scene = claude();
    let error =
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens is wrong"}}"#;
    scene.upstream.always("claude", Script::json(400, error));
    let got = scene.chat(ASK).await;
    assert_eq!((got.status, got.json()["error"]["message"].as_str()), (400, Some("max_tokens is wrong")));
    assert_eq!(got.json()["error"]["type"], "invalid_request_error");

    let mut broken = claude_stream();
    broken.truncate(4);
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    broken.push(event("error", overloaded));
    let scene = claude();
    scene.upstream.always("claude", Script::sse(broken));
    let got = scene.chat(STREAM).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.body.matches("\"error\"").count(), 1, "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn another_vendor_takes_over() {
    let providers =
        vec![provider_at("claude", ProviderKind::Anthropic), provider_at("gpt", ProviderKind::OpenAi)];
    let scene = Scene::new(providers, vec![]);
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    scene.upstream.always("claude", Script::json(529, overloaded));
    scene.upstream.always("gpt", Script::said("from gpt"));
    let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let got = read(scene.begin(Operation::Messages, body).await).await;
    assert_eq!((got.status, got.header("x-promptgate-provider")), (200, "gpt"), "{got:?}");
    assert_eq!(got.json()["content"][0]["text"], "from gpt");
    assert_eq!(got.json()["type"], "message");
}

#[tokio::test]
async fn tokens_are_estimated_where_nobody_counts_and_nobody_is_called() {
    let scene = Scene::new(vec![provider_at("gpt", ProviderKind::OpenAi)], vec![]);
    let body = r#"{"model":"m","messages":[{"role":"user","content":"how many tokens are these"}]}"#;
    let got = read(scene.begin(Operation::CountTokens, body).await).await;
    assert_eq!((got.status, got.header("x-promptgate-estimate")), (200, "true"), "{got:?}");
    assert!(got.json()["input_tokens"].as_u64().unwrap() > 0);
    assert!(scene.upstream.seen().is_empty());
    assert_eq!(got.header("x-promptgate-attempts"), "0");
    assert_eq!(scene.event().cost, promptgate_kernel::Money::ZERO);
}

fn chat_call(scene: &Scene, stream: bool) -> ChatCall {
    let snapshot = scene.snapshot.load();
    let provider = snapshot.provider_named("claude").unwrap();
    let candidate = Candidate::new(provider, "claude-9", None);
    let blocks = vec![Block::Text { text: "hi".into(), cache: None }];
    let request = ChatRequest {
        messages: vec![Message { role: Role::User, blocks }],
        stream,
        ..ChatRequest::default()
    };
    ChatCall {
        request: Arc::new(request),
        candidates: vec![candidate],
        timeouts: Timeouts::default(),
        headers: HeaderMap::new(),
        outgoing: Outgoing::default(),
    }
}

#[tokio::test]
async fn a_chat_of_no_vendor_has_an_answer_of_none() {
    let scene = claude();
    scene.upstream.always("claude", Script::json(200, CLAUDE).header("request-id", "req_1"));
    let mut record = scene.record(Operation::ChatCompletions);
    let reply = relay_chat(chat_call(&scene, false), &mut record, &Presence::default()).await;
    let Ok(ChatReply::Whole { answer, spent: Spent::Seen(observed), headers }) = reply else {
        panic!("an answer")
    };
    assert_eq!(headers["x-upstream-request-id"], "req_1");
    assert_eq!(answer.blocks, [Block::Text { text: "hello".into(), cache: None }]);
    assert_eq!(observed.tokens.unwrap().input, 7);
    assert_eq!(record.attempts, 1);
}

#[tokio::test]
async fn a_streamed_chat_tells_what_was_said() {
    let scene = claude();
    scene.upstream.always("claude", Script::sse(claude_stream()));
    let mut record: Box<Record> = scene.record(Operation::ChatCompletions);
    let reply = relay_chat(chat_call(&scene, true), &mut record, &Presence::default()).await;
    let Ok(ChatReply::Stream(relayed, said)) = reply else { panic!("a stream") };
    let got = read(settle(relayed, record)).await;
    assert!(got.body.contains(r#""content":"hello""#), "{got:?}");
    let said = said.await.unwrap();
    assert_eq!((said.summary.text.as_str(), said.is_complete), ("hello", true));
}

#[tokio::test]
async fn a_chat_that_the_provider_refuses_says_so() {
    let scene = claude();
    let error = r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#;
    scene.upstream.always("claude", Script::json(400, error));
    let mut record = scene.record(Operation::ChatCompletions);
    let reply = relay_chat(chat_call(&scene, false), &mut record, &Presence::default()).await;
    let Ok(ChatReply::No(relayed)) = reply else { panic!("a refusal") };
    assert_eq!(relayed.status, 400);
}
