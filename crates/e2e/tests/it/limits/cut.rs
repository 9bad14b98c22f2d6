//! Streams that grow beyond what their limits have room for, in every client's words and from every kind of provider.

use promptgate_e2e::eventually;
use promptgate_testkit::upstream::{Reply, SeenRequest};
use serde_json::{Value, json};

use super::{Fleet, PATIENCE};

fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// Four hundred words, whatever was asked for, in the format of the path.
fn endless(seen: &SeenRequest) -> Reply {
    let words = |begin: Vec<String>, word: String| {
        Reply::sse(begin.into_iter().chain((0..400).map(move |_| word.clone())))
    };
    if seen.path.contains("streamGenerateContent") {
        let content = json!({"role": "model", "parts": [{"text": "word"}]});
        let usage = json!({"promptTokenCount": 7, "cachedContentTokenCount": 2, "totalTokenCount": 7});
        let word = json!({"candidates": [{"content": content, "index": 0}], "usageMetadata": usage});
        return words(vec![], format!("data: {word}\r\n\r\n"));
    }
    if seen.path.ends_with("/messages") {
        let message = json!({"id": "m1", "type": "message", "role": "assistant", "content": [], "model": "m",
            "stop_reason": null, "usage": {"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 1}});
        let block =
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
        let delta = json!({"type": "text_delta", "text": "word"});
        let begin = vec![
            event("message_start", &json!({"type": "message_start", "message": message})),
            event("content_block_start", &block),
        ];
        let word = json!({"type": "content_block_delta", "index": 0, "delta": delta});
        return words(begin, event("content_block_delta", &word));
    }
    if seen.path.ends_with("/responses") {
        let response = json!({"id": "resp_1", "object": "response", "status": "in_progress", "output": [], "usage": null});
        let item = json!({"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []});
        let part = json!({"type": "output_text", "text": "", "annotations": []});
        let begin = vec![
            event("response.created", &json!({"type": "response.created", "response": response})),
            event(
                "response.output_item.added",
                &json!({"type": "response.output_item.added", "output_index": 0, "item": item}),
            ),
            event(
                "response.content_part.added",
                &json!({"type": "response.content_part.added", "item_id": "msg_1", "output_index": 0,
                    "content_index": 0, "part": part}),
            ),
        ];
        let word = json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0,
            "content_index": 0, "delta": "word"});
        return words(begin, event("response.output_text.delta", &word));
    }
    let choice = json!({"index": 0, "delta": {"content": "word"}, "finish_reason": null});
    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]});
    words(vec![], format!("data: {chunk}\n\n"))
}

/// Why a stream ended, and how many tokens it says that were read and written.
fn end(path: &str, got: &str) -> (String, [u64; 2]) {
    let events: Vec<&str> = got.trim_end().split("\n\n").collect();
    let data = |event: &&str| serde_json::from_str::<Value>(event.split_once("data: ")?.1).ok();
    let all: Vec<Value> = events.iter().filter_map(data).collect();
    let last = all.last().unwrap();
    let (reason, usage) = match path {
        "/v1/messages" => {
            assert_eq!(last["type"], "message_stop", "{got}");
            let delta = &all[all.len() - 2];
            (&delta["delta"]["stop_reason"], &delta["usage"])
        }
        "/v1/responses" => {
            assert_eq!(last["type"], "response.incomplete", "{got}");
            (&last["response"]["incomplete_details"]["reason"], &last["response"]["usage"])
        }
        _ => {
            assert_eq!(events.last(), Some(&"data: [DONE]"), "{got}");
            (&all[all.len() - 2]["choices"][0]["finish_reason"], &last["usage"])
        }
    };
    let sum = |names: &[&str]| names.iter().filter_map(|name| usage[*name].as_u64()).sum();
    let read =
        sum(&["prompt_tokens", "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]);
    (reason.as_str().unwrap_or_default().to_owned(), [read, sum(&["completion_tokens", "output_tokens"])])
}

#[tokio::test]
async fn limits_end_streams_in_their_clients_words_with_what_is_charged() {
    let fleet = Fleet::embedded().await;
    fleet.upstream.handle(endless);
    for (name, kind, version) in
        [("claude", "anthropic", ""), ("gem", "google", "/v1beta"), ("open", "openai", "/v1")]
    {
        let url = format!("{}{version}", fleet.upstream.url());
        fleet.gateway.provider(name, kind, &url).await.unwrap();
    }
    fleet.gateway.caught_up().await.unwrap();
    let said = json!([{"role": "user", "content": "Hi"}]);
    let asks = [
        (
            "/v1/chat/completions",
            json!({"max_tokens": 30, "stream_options": {"include_usage": true}, "messages": said}),
            "length",
        ),
        ("/v1/messages", json!({"max_tokens": 30, "messages": said}), "max_tokens"),
        ("/v1/responses", json!({"max_output_tokens": 30, "input": said}), "max_output_tokens"),
    ];
    for limits in [json!({"dailyTokenCap": 100}), json!({"tokenRateLimitPerMinute": 100})] {
        for provider in ["up", "claude", "gem", "open"] {
            for (path, ask, reason) in &asks {
                let (client, token) = fleet.token_and_id(limits.clone()).await;
                let mut body = ask.clone();
                (body["model"], body["stream"]) = (json!(format!("{provider}:m")), json!(true));
                let got =
                    client.stream(&fleet.url(0, path), &body).await.unwrap().whole().await.unwrap().text();
                let (why, told) = end(path, &got);
                assert_eq!(&why, reason, "{path} of {provider}: {got}");
                let recorded = || async {
                    let events = fleet.gateway.usage_now(&fleet.project).await.ok()?;
                    events.into_iter().find(|event| event["tokenId"] == token.as_str())
                };
                let event = eventually("the call's record", PATIENCE, recorded).await.unwrap();
                let count = |names: &[&str]| {
                    names.iter().filter_map(|name| event["tokens"][*name].as_u64()).sum::<u64>()
                };
                let read = count(&["input", "cacheRead", "cacheWrite5m", "cacheWrite1h", "audioInput"]);
                let charged = [read, count(&["output", "reasoning", "audioOutput"])];
                assert_eq!(told, charged, "{path} of {provider}: {event}");
                assert!(
                    charged[1] >= 30 && charged.iter().sum::<u64>() <= 100,
                    "{path} of {provider}: {event}"
                );
                assert_eq!((&event["status"], &event["outcome"]), (&json!(200), &json!("completed")));
            }
        }
    }
}
