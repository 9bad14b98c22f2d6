//! Rows 1 to 3: streams, clients that leave in the middle, usage at the end.

use std::time::{Duration, Instant};

use promptgate_e2e::Response;
use promptgate_testkit::upstream::{Gate, Reply};
use serde_json::{Value, json};

use crate::stage::{Stage, and, chat, events, messages};

const EVENTS: usize = 50;

fn event(number: usize) -> String {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":\
         [{{\"index\":0,\"delta\":{{\"content\":\"Grüße 😀 {number}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

const DONE: &str = "data: [DONE]\n\n";

/// Where an event is torn apart: nowhere, in the middle of a line, of a character of two bytes, of one
/// of four, and before the blank line.
fn tears(event: &str) -> [Option<usize>; 5] {
    let within = |text: &str| event.find(text).map(|at| at + text.len() - 1);
    [None, within("\"cho"), within("ü"), within("😀"), Some(event.len() - 1)]
}

#[tokio::test]
async fn row_01_each_event_goes_out_before_the_next_one_comes() {
    let stage = Stage::with(&[("up", "openai_compatible", "/v1")]).await;
    let url = stage.project.url("/v1/chat/completions");
    let client = stage.project.client.clone().header("accept-encoding", "gzip, br");
    let body = and(chat("up:m", "Hello"), &json!({"stream": true}));
    for tear in 0..5 {
        let gate = Gate::new();
        let mut reply = Reply::status(200).header("content-type", "text/event-stream; charset=utf-8");
        let mut sent = String::new();
        for number in 0..EVENTS {
            let event = event(number);
            reply = match tears(&event)[tear] {
                None => reply.chunk(event.clone()),
                Some(at) => {
                    let bytes = event.clone().into_bytes();
                    reply.chunk(bytes[..at].to_vec()).chunk(bytes[at..].to_vec())
                }
            };
            reply = reply.wait(&gate);
            sent.push_str(&event);
        }
        sent.push_str(DONE);
        stage.upstream.enqueue(reply.chunk(DONE));

        let mut stream = client.stream(&url, &body).await.unwrap();
        let header = |name: &str| stream.headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(stream.status, 200);
        assert!(header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")));
        assert_eq!(header("cache-control"), Some("no-cache"));
        assert_eq!(header("x-accel-buffering"), Some("no"));
        assert_eq!(header("content-encoding"), None, "a compressed stream is a late stream");
        let mut got = Vec::new();
        for _ in 0..EVENTS {
            got.extend(stream.read_until("\n\n").await.unwrap());
            // Only now does the provider send the next one.
            gate.release();
        }
        got.extend(stream.whole().await.unwrap().body);
        assert_eq!(String::from_utf8(got).unwrap(), sent, "torn apart in way {tear}");
    }
}

#[tokio::test]
async fn row_01_a_translated_stream_is_not_held_back_either() {
    let stage = Stage::with(&[("claude", "anthropic", "")]).await;
    let named = |name: &str, mut data: Value| {
        data["type"] = name.into();
        format!("event: {name}\ndata: {data}\n\n")
    };
    let usage = json!({"input_tokens": 5, "output_tokens": 1});
    let message = json!({"message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage}});
    let block = json!({"index": 0, "content_block": {"type": "text", "text": ""}});
    let gate = Gate::new();
    let mut reply = Reply::sse([named("message_start", message), named("content_block_start", block)]);
    for number in 0..EVENTS {
        let delta = json!({"index": 0, "delta": {"type": "text_delta", "text": format!("é{number};")}});
        reply = reply.chunk(named("content_block_delta", delta)).wait(&gate);
    }
    let end =
        json!({"delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 50}});
    let reply = reply
        .chunk(named("content_block_stop", json!({"index": 0})))
        .chunk(named("message_delta", end))
        .chunk(named("message_stop", json!({})));
    stage.upstream.enqueue(reply);

    let body = and(chat("claude:m", "Hello"), &json!({"stream": true}));
    let mut stream =
        stage.project.client.stream(&stage.project.url("/v1/chat/completions"), &body).await.unwrap();
    let mut got = String::new();
    for number in 0..EVENTS {
        let piece = stream.read_until(&format!("é{number};")).await.unwrap();
        got.push_str(std::str::from_utf8(&piece).unwrap());
        gate.release();
    }
    got.push_str(&stream.whole().await.unwrap().text());
    let text: String =
        events(&got).iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    let expected = (0..EVENTS).map(|number| format!("é{number};")).collect::<Vec<_>>().concat();
    assert_eq!(text, expected);
    assert!(got.ends_with(DONE), "{got}");
}

#[tokio::test]
async fn row_02_a_client_that_leaves_ends_the_call_and_pays_for_what_it_saw() {
    let stage = Stage::with(&[("up", "openai_compatible", "/v1"), ("claude", "anthropic", "")]).await;
    let body = |model: &str| and(chat(model, "Hello"), &json!({"stream": true}));
    let anthropic = |number: usize| {
        let data = match number {
            0 => {
                json!({"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "model": "m",
                "usage": {"input_tokens": 25, "output_tokens": 1}}})
            }
            1 => {
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
            }
            _ => {
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": format!("word {number}")}})
            }
        };
        format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap())
    };
    let cases = [
        ("up:m", (0..5).map(event).collect::<Vec<_>>(), "😀 4\""),
        ("claude:m", (0..7).map(anthropic).collect(), "word 6"),
    ];
    for (calls, (model, sent, fifth)) in cases.into_iter().enumerate() {
        stage.upstream.enqueue(Reply::sse(sent).stall());
        let url = stage.project.url("/v1/chat/completions");
        let mut stream = stage.project.client.stream(&url, &body(model)).await.unwrap();
        stream.read_until(fifth).await.unwrap();
        let left = Instant::now();
        drop(stream);
        let counts = stage.upstream.wait_until(|counts| counts.aborted == calls + 1).await.unwrap();
        assert_eq!(counts.in_flight, 0);
        assert!(left.elapsed() < Duration::from_secs(10), "{:?}", left.elapsed());

        let call = stage.recorded(calls + 1).await;
        assert_eq!(call["outcome"], "caller_cancelled", "{call}");
        assert!(call["tokens"]["input"].as_u64().unwrap() > 0, "{call}");
        assert!(call["tokens"]["output"].as_u64().unwrap() > 0, "{call}");
        assert!(call["costUsd"].as_f64().unwrap() > 0.0, "{call}");
    }
}

fn last_chunk(answer: &Response) -> Value {
    events(&answer.text()).pop().unwrap()
}

fn usage_chunks(answer: &Response) -> usize {
    events(&answer.text()).iter().filter(|chunk| chunk["usage"].is_object()).count()
}

#[tokio::test]
async fn row_03_usage_comes_last_to_those_who_ask_and_is_charged_to_all() {
    let stage = Stage::with_every_format().await;
    let mut calls = 0;
    for format in ["chat-completions", "responses", "messages", "generate-content", "cohere-chat"] {
        for include in [json!({"include_usage": true}), json!({"include_usage": false}), Value::Null] {
            let more = if include.is_null() {
                json!({"stream": true})
            } else {
                json!({"stream": true, "stream_options": include})
            };
            let model = format!("{format}:m-1");
            let answer = stage.post("/v1/chat/completions", &and(chat(&model, "Hello"), &more)).await;
            assert_eq!(answer.status, 200, "{format}: {}", answer.text());
            assert!(answer.text().ends_with(DONE), "{format}: {}", answer.text());
            if include["include_usage"] == true {
                let last = last_chunk(&answer);
                assert_eq!(last["choices"], json!([]), "{format}: {last}");
                let usage = &last["usage"];
                assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(14), &json!(7)));
                assert_eq!(usage["total_tokens"], 21, "{format}: {last}");
                assert_eq!(usage_chunks(&answer), 1, "{format}: {}", answer.text());
            } else {
                assert_eq!(usage_chunks(&answer), 0, "{format}: {}", answer.text());
            }
            calls += 1;
            let call = stage.recorded(calls).await;
            let tokens = &call["tokens"];
            assert_eq!((&tokens["input"], &tokens["cacheRead"]), (&json!(11), &json!(3)), "{format}: {call}");
            assert_eq!(
                (&tokens["output"], &call["estimated"]),
                (&json!(7), &json!(false)),
                "{format}: {call}"
            );
            assert!(call["costUsd"].as_f64().unwrap() > 0.0, "{format}: {call}");
        }
    }
}

#[tokio::test]
async fn row_03_usage_that_rides_on_the_last_choice_is_charged_too() {
    let stage = Stage::with(&[("up", "openai_compatible", "/v1")]).await;
    let last = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {"content": "!"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 31, "completion_tokens": 17, "total_tokens": 48}});
    let sent = format!("{}data: {last}\n\n{DONE}", event(0));
    let asked = json!({"stream": true, "stream_options": {"include_usage": true}});
    for (calls, more) in [json!({"stream": true}), asked].into_iter().enumerate() {
        stage.upstream.enqueue(Reply::sse([sent.clone()]));
        let answer = stage.post("/v1/chat/completions", &and(chat("up:m", "Hello"), &more)).await;
        assert_eq!(answer.text(), sent, "nothing of an answer is lost");
        let call = stage.recorded(calls + 1).await;
        let tokens = &call["tokens"];
        assert_eq!((&tokens["input"], &tokens["output"]), (&json!(31), &json!(17)), "{call}");
    }
}

#[tokio::test]
async fn row_03_anthropics_clients_always_get_it() {
    let stage = Stage::with_every_format().await;
    for (calls, format) in
        ["chat-completions", "responses", "messages", "generate-content", "cohere-chat"].iter().enumerate()
    {
        let body = and(messages(&format!("{format}:m-1"), "Hello"), &json!({"stream": true}));
        let answer = stage.post("/v1/messages", &body).await;
        let told = events(&answer.text());
        let delta = told.iter().find(|event| event["type"] == "message_delta").unwrap();
        assert_eq!(delta["usage"]["output_tokens"], 7, "{format}: {}", answer.text());
        let start = &told[0]["message"]["usage"];
        // Those who tell at the end tell it in the last event.
        let input = if start["input_tokens"] == 11 { start } else { &delta["usage"] };
        assert_eq!(input["input_tokens"], 11, "{format}: {}", answer.text());
        assert_eq!(input["cache_read_input_tokens"], 3, "{format}: {}", answer.text());
        assert_eq!(stage.recorded(calls + 1).await["tokens"]["total"], 21, "{format}");
    }
}
