//! A coding agent's conversation of twenty turns, through the gateway and directly: both ends see the
//! same bytes.

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream, SeenRequest, split_every};
use serde_json::{Value, json};

const TURNS: usize = 20;
const BETAS: &str =
    "interleaved-thinking-2025-05-14,claude-code-20250219,fine-grained-tool-streaming-2025-05-14";

/// The model's side: thinks, writes and calls two tools in odd turns, answers in even ones. From the
/// second turn on most of the prompt comes from the cache.
fn model(request: &SeenRequest) -> Reply {
    let body = request.json();
    let turn = body["messages"].as_array().map_or(0, Vec::len) / 2;
    let event = |name: &str, data: Value| format!("event: {name}\ndata: {data}\n\n");
    let signature = format!("sig/{turn}+{}==", "Aa0".repeat(40));
    let cached = if turn == 0 { 0 } else { 900 + turn };
    let usage = json!({"input_tokens": 12, "cache_creation_input_tokens": 40, "cache_read_input_tokens": cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 30}, "output_tokens": 1});
    let mut stream = event(
        "message_start",
        json!({"type": "message_start", "message": {
        "id": format!("msg_{turn}"), "type": "message", "role": "assistant", "model": body["model"], "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage}}),
    );
    stream.push_str("event: ping\ndata: {\"type\": \"ping\"}\n\n");
    let mut block = |index: usize, begin: Value, deltas: &[Value]| {
        stream.push_str(&event(
            "content_block_start",
            json!({"type": "content_block_start", "index": index, "content_block": begin}),
        ));
        for delta in deltas {
            stream.push_str(&event(
                "content_block_delta",
                json!({"type": "content_block_delta", "index": index, "delta": delta}),
            ));
        }
        stream.push_str(&event("content_block_stop", json!({"type": "content_block_stop", "index": index})));
    };
    block(
        0,
        json!({"type": "thinking", "thinking": "", "signature": ""}),
        &[
            json!({"type": "thinking_delta", "thinking": format!("Turn {turn}: é 😀 ")}),
            json!({"type": "thinking_delta", "thinking": "\"quoted\"\n"}),
            json!({"type": "signature_delta", "signature": signature}),
        ],
    );
    block(1, json!({"type": "redacted_thinking", "data": "opaque=="}), &[]);
    block(2, json!({"type": "text", "text": ""}), &[json!({"type": "text_delta", "text": "I look."})]);
    let calls = turn.is_multiple_of(2);
    if calls {
        for index in [3, 4] {
            let begin = json!({"type": "tool_use", "id": format!("toolu_{turn}_{index}"), "name": "Read", "input": {}});
            block(
                index,
                begin,
                &[
                    json!({"type": "input_json_delta", "partial_json": ""}),
                    json!({"type": "input_json_delta", "partial_json": "{\"path\": \"C:\\"}),
                    json!({"type": "input_json_delta", "partial_json": "\\x\", \"n\": 1.0}"}),
                ],
            );
        }
    }
    let reason = if calls { "tool_use" } else { "end_turn" };
    stream.push_str(&event(
        "message_delta",
        json!({"type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": null}, "usage": {"output_tokens": 77}}),
    ));
    stream.push_str(&event("message_stop", json!({"type": "message_stop"})));
    split_every(stream, 113 + turn)
        .into_iter()
        .fold(Reply::status(200).header("content-type", "text/event-stream; charset=utf-8"), Reply::chunk)
}

/// The agent's side: the request of a turn, spelled as no serialiser of ours would.
fn request(turn: usize, history: &str) -> String {
    format!(
        "{{ \"model\" : \"claude-sonnet-4-5\",\"max_tokens\":32000, \"stream\": true,\n \
         \"thinking\":{{\"type\":\"enabled\",\"budget_tokens\":1.6e4}}, \"temperature\":1.0,\n \
         \"system\":[{{\"type\":\"text\",\"text\":\"You are an agent. \\u00e9\\/\",\"cache_control\":{{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}}}],\n \
         \"tools\":[{{\"name\":\"Read\",\"description\":\"Reads.\",\"input_schema\":{{\"type\":\"object\",\"z\":1,\"a\":2}},\"cache_control\":{{\"type\":\"ephemeral\"}}}}],\n \
         \"metadata\":{{\"user_id\":\"user_1\"}}, \"future_field\":{{\"turn\":{turn}.50}},\n \"messages\":[{history}] }}"
    )
}

/// What the agent adds after an answer: the answer as it was, and the results or the next question.
fn grown(history: &str, turn: usize) -> String {
    let signature = format!("sig/{turn}+{}==", "Aa0".repeat(40));
    let thought = format!(
        "{{\"type\":\"thinking\",\"thinking\":\"Turn {turn}: \\u00e9 😀 \\\"quoted\\\"\\n\",\"signature\":\"{signature}\"}},\
         {{\"type\":\"redacted_thinking\",\"data\":\"opaque==\"}},{{\"type\":\"text\",\"text\":\"I look.\"}}"
    );
    let marker = "\"cache_control\":{\"type\":\"ephemeral\"}";
    if turn.is_multiple_of(2) {
        let calls: Vec<_> = [3, 4].map(|index| format!(
            "{{\"type\":\"tool_use\",\"id\":\"toolu_{turn}_{index}\",\"name\":\"Read\",\"input\":{{\"path\": \"C:\\\\x\", \"n\": 1.0}}}}"
        )).into();
        let results: Vec<_> = [3, 4].map(|index| format!(
            "{{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_{turn}_{index}\",\"content\":[{{\"type\":\"text\",\"text\":\"ok\"}}],{marker}}}"
        )).into();
        format!(
            "{history},{{\"role\":\"assistant\",\"content\":[{thought},{}]}},{{\"role\":\"user\",\"content\":[{}]}}",
            calls.join(","),
            results.join(","),
        )
    } else {
        format!(
            "{history},{{\"role\":\"assistant\",\"content\":[{thought}]}},\
             {{\"role\":\"user\",\"content\":[{{\"type\":\"text\",\"text\":\"And {turn}?\",{marker}}}]}}"
        )
    }
}

async fn converse(client: &Client, url: &str) -> Vec<(u16, String, String)> {
    let client = client.clone().header("anthropic-version", "2023-06-01").header("anthropic-beta", BETAS);
    let mut history = "{\"role\":\"user\",\"content\":\"Begin\"}".to_owned();
    let mut seen = Vec::new();
    for turn in 0..TURNS {
        let answer = client.send(Method::POST, url, request(turn, &history)).await.unwrap();
        let kind = answer.header("content-type").unwrap_or_default().to_owned();
        seen.push((answer.status.as_u16(), kind, answer.text()));
        history = grown(&history, turn);
    }
    seen
}

#[tokio::test]
async fn twenty_turns_are_the_same_bytes_as_without_a_gateway() {
    let upstream = ScriptedUpstream::start().await.unwrap();
    upstream.handle(model);
    let direct = converse(&Client::new(), &format!("{}/v1/messages", upstream.url())).await;

    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    gateway.provider("claude", "anthropic", &upstream.url()).await.unwrap();
    let project = gateway.project().await.unwrap();
    let through = converse(&project.client, &project.url("/v1/messages")).await;

    for (turn, (direct, through)) in direct.iter().zip(&through).enumerate() {
        assert_eq!(direct.0, through.0, "turn {turn}");
        assert_eq!(direct.2, through.2, "turn {turn}");
        assert!(through.1.starts_with("text/event-stream"), "turn {turn}: {}", through.1);
    }
    let requests = upstream.requests();
    assert_eq!(requests.len(), 2 * TURNS);
    for turn in 0..TURNS {
        let (direct, through) = (&requests[turn], &requests[TURNS + turn]);
        assert_eq!(direct.body, through.body, "turn {turn}");
        assert_eq!(direct.path, through.path);
        for name in ["anthropic-version", "anthropic-beta", "content-type"] {
            assert_eq!(direct.header(name), through.header(name), "turn {turn}: {name}");
        }
        assert_eq!(through.header("x-api-key"), Some("key-of-claude"));
    }

    let events = gateway.usage(&project, TURNS + 1).await.unwrap();
    let calls: Vec<_> = events.iter().filter(|event| event["operation"] == "messages").collect();
    assert_eq!(calls.len(), TURNS);
    // Newest first: all but the very first turn read from the cache.
    for (age, call) in calls.iter().enumerate() {
        let turn = TURNS - 1 - age;
        let read = if turn == 0 { 0 } else { 900 + turn };
        assert_eq!(call["tokens"]["cacheRead"], read, "turn {turn}: {call}");
        assert_eq!(call["tokens"]["total"], 12 + 40 + read + 77, "turn {turn}: {call}");
    }
}
