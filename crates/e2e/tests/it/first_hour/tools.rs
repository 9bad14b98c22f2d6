//! Row 10: tools, streamed and not, whoever answers.

use promptgate_testkit::upstream::Reply;
use promptgate_testkit::vendor::CALLS;
use serde_json::{Value, json};

use crate::stage::{FORMATS, Stage, and, chat, events, messages};

/// A call as a client has it in the end: id, tool, arguments.
type Call = (String, String, Value);

fn chat_tools() -> Value {
    let tool = |name: &str| {
        json!({"type": "function", "function": {"name": name, "description": "Looks it up.",
            "parameters": {"type": "object", "properties": {}}}})
    };
    json!([tool("get_weather"), tool("get_time")])
}

fn messages_tools() -> Value {
    let tool = |name: &str| json!({"name": name, "description": "Looks it up.", "input_schema": {"type": "object", "properties": {}}});
    json!([tool("get_weather"), tool("get_time")])
}

/// What a client of Chat Completions has: the calls, the text and why it ended.
fn of_chat(answer: &str, streamed: bool) -> (Vec<Call>, String, Value) {
    if !streamed {
        let body: Value = serde_json::from_str(answer).unwrap();
        let choice = &body["choices"][0];
        let message = &choice["message"];
        let calls = message["tool_calls"].as_array().into_iter().flatten();
        let calls = calls.map(|call| {
            assert_eq!(call["type"], "function", "{call}");
            whole(&call["id"], &call["function"]["name"], call["function"]["arguments"].as_str().unwrap())
        });
        let text = message["content"].as_str().unwrap_or_default().to_owned();
        return (calls.collect(), text, choice["finish_reason"].clone());
    }
    let mut calls: Vec<(Value, Value, String)> = Vec::new();
    let (mut text, mut reason) = (String::new(), Value::Null);
    for chunk in events(answer) {
        let choice = &chunk["choices"][0];
        text.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
        for delta in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(delta["index"].as_u64().unwrap()).unwrap();
            if index == calls.len() {
                assert_eq!(delta["type"], "function", "{delta}");
                calls.push((delta["id"].clone(), delta["function"]["name"].clone(), String::new()));
            }
            calls[index].2.push_str(delta["function"]["arguments"].as_str().unwrap_or_default());
        }
        if choice["finish_reason"].is_string() {
            reason = choice["finish_reason"].clone();
        }
    }
    (calls.iter().map(|(id, name, arguments)| whole(id, name, arguments)).collect(), text, reason)
}

/// The same of a client of Anthropic's messages.
fn of_messages(answer: &str, streamed: bool) -> (Vec<Call>, String, Value) {
    let block = |block: &Value, input: Value| {
        let text = |member: &str| block[member].as_str().unwrap().to_owned();
        (text("id"), text("name"), input)
    };
    if !streamed {
        let body: Value = serde_json::from_str(answer).unwrap();
        let blocks = body["content"].as_array().unwrap();
        let calls = blocks.iter().filter(|each| each["type"] == "tool_use");
        let text = blocks.iter().filter_map(|each| each["text"].as_str()).collect();
        return (
            calls.map(|each| block(each, each["input"].clone())).collect(),
            text,
            body["stop_reason"].clone(),
        );
    }
    let mut calls: Vec<(Value, String)> = Vec::new();
    let (mut text, mut reason) = (String::new(), Value::Null);
    for event in events(answer) {
        match event["type"].as_str().unwrap() {
            "content_block_start" if event["content_block"]["type"] == "tool_use" => {
                assert_eq!(event["content_block"]["input"], json!({}), "{event}");
                calls.push((event["content_block"].clone(), String::new()));
            }
            "content_block_delta" => {
                text.push_str(event["delta"]["text"].as_str().unwrap_or_default());
                let piece = event["delta"]["partial_json"].as_str().unwrap_or_default();
                if let Some((_, arguments)) = calls.last_mut() {
                    arguments.push_str(piece);
                }
            }
            "message_delta" => reason = event["delta"]["stop_reason"].clone(),
            _ => {}
        }
    }
    let whole = |arguments: &str| match arguments {
        "" => json!({}),
        _ => serde_json::from_str(arguments).unwrap(),
    };
    (calls.iter().map(|(start, arguments)| block(start, whole(arguments))).collect(), text, reason)
}

fn whole(id: &Value, name: &Value, arguments: &str) -> Call {
    let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| panic!("no JSON: {arguments}"));
    (id.as_str().unwrap().to_owned(), name.as_str().unwrap().to_owned(), arguments)
}

fn expected(names: &[&str]) -> Vec<Call> {
    let wanted = CALLS.iter().filter(|(_, name, _)| names.contains(name));
    wanted.map(|(id, name, arguments)| whole(&json!(id), &json!(name), arguments)).collect()
}

const BOTH: &[&str] = &["get_weather", "get_time"];

#[tokio::test]
async fn row_10_tools_are_called_alike_whoever_answers_an_openai_client() {
    let stage = Stage::with_every_format().await;
    let named = json!({"type": "function", "function": {"name": "get_time"}});
    for (format, ..) in FORMATS {
        for (choice, names) in [
            (Value::Null, BOTH),
            (json!("auto"), BOTH),
            (json!("required"), BOTH),
            (json!("none"), &[]),
            (named.clone(), &["get_time"]),
        ] {
            for stream in [false, true] {
                let what = format!("{format}, {choice}, streamed: {stream}");
                let mut body = and(
                    chat(&format!("{format}:m-1"), "Weather and time?"),
                    &json!({"tools": chat_tools(), "stream": stream}),
                );
                if !choice.is_null() {
                    body["tool_choice"] = choice.clone();
                }
                let answer = stage.post("/v1/chat/completions", &body).await;
                assert_eq!(answer.status, 200, "{what}: {}", answer.text());
                let (calls, text, reason) = of_chat(&answer.text(), stream);
                assert_eq!(calls, expected(names), "{what}: {}", answer.text());
                assert_eq!(reason, if names.is_empty() { "stop" } else { "tool_calls" }, "{what}");
                assert_eq!(text.starts_with("Hello from"), names.is_empty(), "{what}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn row_10_tools_are_called_alike_whoever_answers_an_anthropic_client() {
    let stage = Stage::with_every_format().await;
    for (format, ..) in FORMATS {
        for (choice, names) in [
            (json!({"type": "auto"}), BOTH),
            (json!({"type": "any"}), BOTH),
            (json!({"type": "none"}), &[]),
            (json!({"type": "tool", "name": "get_time"}), &["get_time"]),
        ] {
            for stream in [false, true] {
                let what = format!("{format}, {choice}, streamed: {stream}");
                let body = and(
                    messages(&format!("{format}:m-1"), "Weather and time?"),
                    &json!({"tools": messages_tools(), "tool_choice": choice, "stream": stream}),
                );
                let answer = stage.post("/v1/messages", &body).await;
                assert_eq!(answer.status, 200, "{what}: {}", answer.text());
                let (calls, text, reason) = of_messages(&answer.text(), stream);
                assert_eq!(calls, expected(names), "{what}: {}", answer.text());
                assert_eq!(reason, if names.is_empty() { "end_turn" } else { "tool_use" }, "{what}");
                assert_eq!(text.starts_with("Hello from"), names.is_empty(), "{what}: {text}");
            }
        }
    }
}

/// The ids that a client got lead back to the calls, on every way through another format.
#[tokio::test]
async fn row_10_results_find_their_calls() {
    let stage = Stage::with_every_format().await;
    for (format, ..) in FORMATS {
        let model = format!("{format}:m-1");
        let calls: Vec<_> = CALLS
            .iter()
            .map(|(id, name, arguments)| {
                json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
            })
            .collect();
        let result =
            |at: usize, text: &str| json!({"role": "tool", "tool_call_id": CALLS[at].0, "content": text});
        let body = json!({"model": model, "tools": chat_tools(), "messages": [
            {"role": "user", "content": "Weather and time?"},
            {"role": "assistant", "content": null, "tool_calls": calls},
            result(0, "sunny"), result(1, "noon"),
        ]});
        let answer = stage.post("/v1/chat/completions", &body).await.expect(200).unwrap();
        assert_eq!(answer["choices"][0]["message"]["content"], "Results: sunny, noon", "{format}: {answer}");

        let uses: Vec<_> = CALLS
            .iter()
            .map(|(id, name, arguments)| {
                let input: Value = serde_json::from_str(arguments).unwrap();
                json!({"type": "tool_use", "id": id, "name": name, "input": input})
            })
            .collect();
        let result = |at: usize, text: &str| json!({"type": "tool_result", "tool_use_id": CALLS[at].0, "content": text});
        let body = json!({"model": model, "max_tokens": 99, "tools": messages_tools(), "messages": [
            {"role": "user", "content": "Weather and time?"},
            {"role": "assistant", "content": uses},
            {"role": "user", "content": [result(0, "sunny"), result(1, "noon")]},
        ]});
        let answer = stage.post("/v1/messages", &body).await.expect(200).unwrap();
        assert_eq!(answer["content"][0]["text"], "Results: sunny, noon", "{format}: {answer}");
    }
}

#[tokio::test]
async fn row_10_a_call_without_arguments_has_an_empty_object() {
    let stage = Stage::with_every_format().await;
    let openai = |arguments: Value| {
        let call = json!({"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": arguments}});
        json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0,
            "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null, "tool_calls": [call]}}]})
    };
    let chunk = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let call = json!({"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": ""}});
    let streamed = [
        chunk(json!({"role": "assistant", "content": null, "tool_calls": [call]}), Value::Null),
        chunk(json!({}), json!("tool_calls")),
        "data: [DONE]\n\n".to_owned(),
    ];
    let asked = |model: &str, stream: bool| {
        and(messages(model, "Time?"), &json!({"tools": messages_tools(), "stream": stream}))
    };
    let alone = vec![("call_1".to_owned(), "get_time".to_owned(), json!({}))];
    for reply in [Reply::json(&openai(json!(""))), Reply::json(&openai(json!("{}")))] {
        stage.upstream.enqueue(reply);
        let answer = stage.post("/v1/messages", &asked("chat-completions:m-1", false)).await;
        assert_eq!(of_messages(&answer.text(), false).0, alone, "{}", answer.text());
    }
    stage.upstream.enqueue(Reply::sse(streamed));
    let answer = stage.post("/v1/messages", &asked("chat-completions:m-1", true)).await;
    assert_eq!(of_messages(&answer.text(), true).0, alone, "{}", answer.text());

    let block = json!({"type": "tool_use", "id": "call_1", "name": "get_time", "input": {}});
    let message = |content: Value, reason: Value| {
        json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
            "stop_reason": reason, "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1}})
    };
    let named = |name: &str, mut data: Value| {
        data["type"] = name.into();
        format!("event: {name}\ndata: {data}\n\n")
    };
    stage.upstream.enqueue(Reply::json(&message(json!([block]), json!("tool_use"))));
    let asked =
        |stream: bool| and(chat("messages:m-1", "Time?"), &json!({"tools": chat_tools(), "stream": stream}));
    let answer = stage.post("/v1/chat/completions", &asked(false)).await;
    assert_eq!(of_chat(&answer.text(), false).0, alone, "{}", answer.text());
    stage.upstream.enqueue(Reply::sse([
        named("message_start", json!({"message": message(json!([]), Value::Null)})),
        named("content_block_start", json!({"index": 0, "content_block": block})),
        named("content_block_stop", json!({"index": 0})),
        named("message_delta", json!({"delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 9}})),
        named("message_stop", json!({})),
    ]));
    let answer = stage.post("/v1/chat/completions", &asked(true)).await;
    assert_eq!(of_chat(&answer.text(), true).0, alone, "{}", answer.text());
}
