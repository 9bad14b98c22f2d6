//! What must not change arrives byte for byte, in both directions.

use promptgate_e2e::{Client, Gateway, Installation, Project};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream, split_every};

async fn set_up(kind: &str, base: &str) -> (Installation, Gateway, Project, ScriptedUpstream) {
    let upstream = ScriptedUpstream::start().await.unwrap();
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    gateway.provider("up", kind, &format!("{}{base}", upstream.url())).await.unwrap();
    let project = gateway.project().await.unwrap();
    (installation, gateway, project, upstream)
}

/// Odd on purpose: order, white space, spelling of numbers and escapes, unknown fields, nested
/// `model`s that are none of ours.
const CHAT: &str = r#" { "vendor_extension" : {"deep":[1.0,1e2,-0.0,"\u00e9\/"], "model":"not mine"},
  "messages":[{"role":"user","content":[{"type":"text","text":"Grüße \ud83d\ude00","cache_control":{"type":"ephemeral"}}]}],
  "model"	: "up:some-model" ,"seed":12345678901234567890,"logit_bias":{"50256":-100}, "stream":STREAM }"#;

const CHAT_ANSWER: &str = r#"{"id":"chatcmpl-1" , "object":"chat.completion","created":1700000000,"model":"some-model",
 "choices":[{"index":0,"message":{"role":"assistant","content":"Hé\u0021","vendor":{"x":1.50}},"finish_reason":"stop"}],
 "usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18},"unknown_field":[null,1e-7]}"#;

const CHAT_STREAM: &str = concat!(
    ": a comment\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüße 😀\"}}],\"x\":1.0}\r\n\r\n",
    "event: vendor\ndata: {\"anything\":\ndata: true}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\n",
    "data: [DONE]\n\n",
);

#[tokio::test]
async fn a_chat_completion_keeps_its_bytes_but_for_the_model() {
    let (_installation, gateway, project, upstream) = set_up("openai_compatible", "/v1").await;
    upstream.enqueue(Reply::json_bytes(CHAT_ANSWER).header("x-vendor", "kept"));
    let sent = CHAT.replace("STREAM", "false");
    let url = project.url("/v1/chat/completions");
    let answer = project.client.send(http::Method::POST, &url, sent.clone()).await.unwrap();

    assert_eq!((answer.status.as_u16(), answer.text()), (200, CHAT_ANSWER.to_owned()));
    let seen = upstream.request(1).await.unwrap();
    assert_eq!(seen.path, "/v1/chat/completions");
    assert_eq!(seen.header("authorization"), Some("Bearer key-of-up"));
    assert_eq!(String::from_utf8(seen.body.to_vec()).unwrap(), sent.replace("up:some-model", "some-model"));

    let events = gateway.usage(&project, 2).await.unwrap();
    assert_eq!(events.len(), 2, "the call, and the list of models that the set-up asked for");
    assert_eq!((&events[0]["estimated"], &events[0]["tokens"]["total"]), (&false.into(), &18.into()));
}

#[tokio::test]
async fn a_stream_keeps_its_bytes_wherever_it_is_split() {
    let (_installation, _gateway, project, upstream) = set_up("openai_compatible", "/v1").await;
    let url = project.url("/v1/chat/completions");
    let asked = CHAT.replace("STREAM", "true, \"stream_options\":{\"include_usage\":true}");
    for size in [1, 2, 3, 7, 64, 10_000] {
        upstream.enqueue(Reply::sse(split_every(CHAT_STREAM, size)));
        let answer = project.client.send(http::Method::POST, &url, asked.clone()).await.unwrap();
        assert_eq!(answer.text(), CHAT_STREAM, "in pieces of {size}");
    }
    let seen = upstream.request(1).await.unwrap();
    assert_eq!(seen.body, asked.replace("up:some-model", "some-model"));
}

#[tokio::test]
async fn usage_that_the_client_did_not_ask_for_is_counted_and_hidden() {
    let (_installation, gateway, project, upstream) = set_up("openai_compatible", "/v1").await;
    let url = project.url("/v1/chat/completions");
    let hidden: String =
        CHAT_STREAM.split_inclusive("\n\n").filter(|event| !event.contains("\"choices\":[],")).collect();
    let sizes = [1, 5, 10_000];
    for size in sizes {
        upstream.enqueue(Reply::sse(split_every(CHAT_STREAM, size)));
        let sent = CHAT.replace("STREAM", "true");
        let answer = project.client.send(http::Method::POST, &url, sent).await.unwrap();
        assert_eq!(answer.text(), hidden, "in pieces of {size}");
    }
    let seen = upstream.request(1).await.unwrap();
    assert_eq!(seen.json()["stream_options"]["include_usage"], true);

    let events = gateway.usage(&project, 1 + sizes.len()).await.unwrap();
    for event in &events[..sizes.len()] {
        assert_eq!((&event["estimated"], &event["streamed"]), (&false.into(), &true.into()), "{event}");
        assert_eq!(event["tokens"]["input"], 11, "{event}");
        assert_eq!(event["tokens"]["output"], 7, "{event}");
    }
}

const MESSAGES: &str = r#"{"model":"up/claude-x", "max_tokens": 64,"stream":STREAM,"thinking":{"type":"enabled","budget_tokens":1024},
 "system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral","ttl":"1h"}}],
 "messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"…","signature":"EqoBCkgIAxABGAIiQL8+/abc=="},
 {"type":"redacted_thinking","data":"b3BhcXVl"}]},{"role":"user","content":"go on"}],"new_field_of_2027":{"a":[1.10]}}"#;

const MESSAGES_STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":3,\"cache_read_input_tokens\":100,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Überlegt …\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds/+==\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":15}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

#[tokio::test]
async fn messages_keep_signatures_and_cache_control() {
    let (_installation, gateway, project, upstream) = set_up("anthropic", "").await;
    let url = project.url("/v1/messages");
    let client = Client::new()
        .header("x-api-key", &project.token)
        .header("anthropic-version", "2023-06-01")
        .header("anthropic-beta", "interleaved-thinking-2025-05-14,new-beta-2027-01-01");
    let sent = MESSAGES.replace("STREAM", "true");
    let sizes = [1, 3, 10_000];
    for size in sizes {
        upstream.enqueue(Reply::sse(split_every(MESSAGES_STREAM, size)));
        let answer = client.send(http::Method::POST, &url, sent.clone()).await.unwrap();
        assert_eq!(answer.text(), MESSAGES_STREAM, "in pieces of {size}");
        let dropped = answer.header("x-promptgate-dropped");
        assert_eq!(dropped, Some("anthropic-beta: new-beta-2027-01-01"), "nobody knows it");
    }
    let seen = upstream.request(1).await.unwrap();
    assert_eq!(seen.path, "/v1/messages");
    assert_eq!(String::from_utf8(seen.body.to_vec()).unwrap(), sent.replace("up/claude-x", "claude-x"));
    assert_eq!(seen.header("x-api-key"), Some("key-of-up"));
    assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(seen.header("anthropic-beta"), Some("interleaved-thinking-2025-05-14"));
    let token_leaves = seen.headers.iter().any(|(_, value)| value.as_bytes() == project.token.as_bytes());
    assert!(!token_leaves, "the client's token goes upstream");

    let events = gateway.usage(&project, 1 + sizes.len()).await.unwrap();
    let tokens = &events[0]["tokens"];
    assert_eq!((&tokens["input"], &tokens["output"]), (&25.into(), &15.into()), "{tokens}");
}
