//! What the vendors' own clients make of an answer: accumulators as strict as theirs, written
//! without any of the crate's own readers.

use promptgate_providers::Shape;
use serde_json::{Value, json};

use crate::said::{Call, Said, Usage, Why};

/// The three formats that clients ask in.
pub(crate) const CLIENTS: [Shape; 3] = [Shape::ChatCompletions, Shape::Responses, Shape::Messages];

/// What a client reads in a whole answer.
pub(crate) fn whole(shape: Shape, body: &[u8]) -> Said {
    let body: Value = serde_json::from_slice(body).expect("an answer is JSON");
    match shape {
        Shape::Messages => message(&body),
        Shape::Responses => response(&body),
        _ => chat(&body["choices"][0]["message"], &body["choices"][0]["finish_reason"], &body["usage"]),
    }
}

/// What a client's SDK rebuilds from a stream.
pub(crate) fn streamed(shape: Shape, bytes: &[u8]) -> Said {
    let text = std::str::from_utf8(bytes).expect("a stream is UTF-8");
    let events: Vec<_> =
        text.split_terminator("\n\n").filter(|event| !event.starts_with(':')).map(event).collect();
    match shape {
        Shape::Messages => message_stream(&events),
        Shape::Responses => response_stream(&events),
        _ => chat_stream(&events),
    }
}

fn event(event: &str) -> (Option<&str>, &str) {
    let (name, data) = match event.split_once('\n') {
        Some((name, data)) => (Some(name.strip_prefix("event: ").expect("a name")), data),
        None => (None, event),
    };
    (name, data.strip_prefix("data: ").expect("one line of data"))
}

fn parse(data: &str) -> Value {
    serde_json::from_str(data).expect("data is JSON")
}

fn string(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a count")
}

fn chat(message: &Value, reason: &Value, usage: &Value) -> Said {
    assert_eq!(message["role"], "assistant");
    let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| {
        assert_eq!(call["type"], "function");
        let function = &call["function"];
        Call {
            id: string(&call["id"]),
            name: string(&function["name"]),
            arguments: string(&function["arguments"]),
        }
    });
    Said {
        thought: message["reasoning_content"].as_str().unwrap_or_default().to_owned(),
        text: message["content"].as_str().unwrap_or_default().to_owned(),
        calls: calls.collect(),
        stop: match reason.as_str() {
            Some("stop") => Why::End,
            Some("length") => Why::MaxTokens,
            Some("tool_calls") => Why::Calls,
            other => panic!("an unknown reason: {other:?}"),
        },
        usage: Usage {
            read: number(&usage["prompt_tokens"]),
            cached: number(&usage["prompt_tokens_details"]["cached_tokens"]),
            written: number(&usage["completion_tokens"]),
        },
    }
}

fn chat_stream(events: &[(Option<&str>, &str)]) -> Said {
    let (last, chunks) = events.split_last().expect("events");
    assert_eq!(*last, (None, "[DONE]"));
    let mut message = json!({"role": null, "content": "", "reasoning_content": "", "tool_calls": []});
    let (mut reason, mut usage) = (Value::Null, Value::Null);
    for (name, data) in chunks {
        assert_eq!(*name, None);
        let chunk = parse(data);
        assert_eq!((&chunk["object"], &chunk["model"]), (&json!("chat.completion.chunk"), &json!("alias")));
        let Some(choice) = chunk["choices"].get(0) else {
            usage = chunk["usage"].clone();
            continue;
        };
        assert!(reason.is_null(), "nothing comes after the reason");
        assert!(usage.is_null(), "usage comes last");
        let delta = &choice["delta"];
        if let Some(role) = delta.get("role") {
            message["role"] = role.clone();
        }
        for member in ["content", "reasoning_content"] {
            if let Some(more) = delta[member].as_str() {
                message[member] = (string(&message[member]) + more).into();
            }
        }
        for piece in delta["tool_calls"].as_array().into_iter().flatten() {
            let calls = message["tool_calls"].as_array_mut().expect("calls");
            let index = usize::try_from(number(&piece["index"])).expect("small");
            if index == calls.len() {
                calls.push(piece.clone());
            } else {
                assert!(piece.get("id").is_none(), "an id comes once");
                let function = &mut calls[index]["function"];
                function["arguments"] =
                    (string(&function["arguments"]) + &string(&piece["function"]["arguments"])).into();
            }
        }
        reason = choice["finish_reason"].clone();
    }
    chat(&message, &reason, &usage)
}

fn message(message: &Value) -> Said {
    assert_eq!((&message["type"], &message["role"]), (&json!("message"), &json!("assistant")));
    assert_eq!(message["model"], "alias");
    let mut said = Said::default();
    for block in message["content"].as_array().expect("blocks") {
        match block["type"].as_str() {
            Some("text") => {
                assert_ne!(block["text"], "", "an empty text cannot be sent back");
                said.text += block["text"].as_str().expect("a text");
            }
            Some("thinking") => {
                assert!(block["signature"].is_string());
                said.thought += block["thinking"].as_str().expect("a thought");
            }
            Some("tool_use") => said.calls.push(Call {
                id: string(&block["id"]),
                name: string(&block["name"]),
                arguments: block["input"].to_string(),
            }),
            other => panic!("an unknown block: {other:?}"),
        }
    }
    said.stop = match message["stop_reason"].as_str() {
        Some("end_turn") => Why::End,
        Some("max_tokens") => Why::MaxTokens,
        Some("tool_use") => Why::Calls,
        other => panic!("an unknown reason: {other:?}"),
    };
    let usage = &message["usage"];
    let cached = number(&usage["cache_read_input_tokens"]);
    said.usage = Usage {
        read: number(&usage["input_tokens"]) + number(&usage["cache_creation_input_tokens"]) + cached,
        cached,
        written: number(&usage["output_tokens"]),
    };
    said
}

fn message_stream(events: &[(Option<&str>, &str)]) -> Said {
    let mut snapshot = Value::Null;
    let mut open: Option<String> = None;
    let mut ended = false;
    for (name, data) in events {
        let event = parse(data);
        assert_eq!(event["type"].as_str(), *name, "the name is the type");
        assert!(!ended, "nothing comes after the end");
        let index = event["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        match name.expect("events have names") {
            "message_start" => {
                assert!(snapshot.is_null());
                snapshot = event["message"].clone();
            }
            "ping" => assert!(!snapshot.is_null()),
            "content_block_start" => {
                assert!(open.is_none(), "one block at a time");
                let content = snapshot["content"].as_array_mut().expect("blocks");
                assert_eq!(index, Some(content.len()));
                content.push(event["content_block"].clone());
                open = Some(String::new());
            }
            "content_block_delta" => {
                let content = snapshot["content"].as_array_mut().expect("blocks");
                assert_eq!(index.map(|index| index + 1), Some(content.len()));
                let block = content.last_mut().expect("an open block");
                let delta = &event["delta"];
                match delta["type"].as_str().expect("a type") {
                    "text_delta" => block["text"] = (string(&block["text"]) + &string(&delta["text"])).into(),
                    "thinking_delta" => {
                        block["thinking"] = (string(&block["thinking"]) + &string(&delta["thinking"])).into();
                    }
                    "signature_delta" => block["signature"] = delta["signature"].clone(),
                    "input_json_delta" => {
                        open.as_mut().expect("an open block").push_str(&string(&delta["partial_json"]));
                    }
                    other => panic!("an unknown delta: {other}"),
                }
            }
            "content_block_stop" => {
                let json = open.take().expect("an open block");
                let block = snapshot["content"].as_array_mut().and_then(|content| content.last_mut());
                let block = block.expect("an open block");
                if block["type"] == "tool_use" && !json.is_empty() {
                    block["input"] = parse(&json);
                }
            }
            "message_delta" => {
                assert!(open.is_none());
                snapshot["stop_reason"] = event["delta"]["stop_reason"].clone();
                for (name, value) in event["usage"].as_object().expect("usage") {
                    snapshot["usage"][name] = value.clone();
                }
            }
            "message_stop" => ended = true,
            other => panic!("an unknown event: {other}"),
        }
    }
    assert!(ended);
    message(&snapshot)
}

fn response(response: &Value) -> Said {
    assert_eq!((&response["object"], &response["model"]), (&json!("response"), &json!("alias")));
    let mut said = Said::default();
    for item in response["output"].as_array().expect("items") {
        match item["type"].as_str() {
            Some("reasoning") => {
                for part in item["summary"].as_array().expect("a summary") {
                    said.thought += part["text"].as_str().expect("a text");
                }
            }
            Some("message") => {
                for part in item["content"].as_array().expect("parts") {
                    assert_eq!(part["type"], "output_text");
                    said.text += part["text"].as_str().expect("a text");
                }
            }
            Some("function_call") => said.calls.push(Call {
                id: string(&item["call_id"]),
                name: string(&item["name"]),
                arguments: string(&item["arguments"]),
            }),
            other => panic!("an unknown item: {other:?}"),
        }
    }
    said.stop = match response["status"].as_str() {
        Some("completed") if said.calls.is_empty() => Why::End,
        Some("completed") => Why::Calls,
        Some("incomplete") => Why::MaxTokens,
        other => panic!("an unknown status: {other:?}"),
    };
    let usage = &response["usage"];
    said.usage = Usage {
        read: number(&usage["input_tokens"]),
        cached: number(&usage["input_tokens_details"]["cached_tokens"]),
        written: number(&usage["output_tokens"]),
    };
    said
}

fn response_stream(events: &[(Option<&str>, &str)]) -> Said {
    let mut items: Vec<Value> = Vec::new();
    let mut last = Value::Null;
    for (position, (name, data)) in events.iter().enumerate() {
        let event = parse(data);
        assert_eq!(event["type"].as_str(), *name, "the name is the type");
        assert_eq!(event["sequence_number"], position, "events are numbered");
        assert!(last.is_null(), "nothing comes after the end");
        let index = event["output_index"].as_u64().and_then(|index| usize::try_from(index).ok());
        let at = |items: &[Value]| {
            let index = index.expect("an index");
            assert_eq!(items[index]["id"], event["item_id"]);
            index
        };
        match name.expect("events have names") {
            "response.created" => assert_eq!(position, 0),
            "response.in_progress" => assert_eq!(position, 1),
            "response.output_item.added" => {
                assert_eq!(index, Some(items.len()));
                items.push(event["item"].clone());
            }
            "response.content_part.added" => {
                let index = at(&items);
                items[index]["content"].as_array_mut().expect("parts").push(event["part"].clone());
            }
            "response.reasoning_summary_part.added" => {
                let index = at(&items);
                items[index]["summary"].as_array_mut().expect("parts").push(event["part"].clone());
            }
            "response.output_text.delta" => {
                let index = at(&items);
                let text = &mut items[index]["content"][0]["text"];
                *text = (string(text) + &string(&event["delta"])).into();
            }
            "response.reasoning_summary_text.delta" => {
                let index = at(&items);
                let text = &mut items[index]["summary"][0]["text"];
                *text = (string(text) + &string(&event["delta"])).into();
            }
            "response.function_call_arguments.delta" => {
                let index = at(&items);
                let text = &mut items[index]["arguments"];
                *text = (string(text) + &string(&event["delta"])).into();
            }
            "response.output_text.done" => assert_eq!(items[at(&items)]["content"][0]["text"], event["text"]),
            "response.reasoning_summary_text.done" => {
                assert_eq!(items[at(&items)]["summary"][0]["text"], event["text"]);
            }
            "response.function_call_arguments.done" => {
                assert_eq!(items[at(&items)]["arguments"], event["arguments"]);
            }
            "response.content_part.done" | "response.reasoning_summary_part.done" => {
                at(&items);
            }
            "response.output_item.done" => {
                let index = index.expect("an index");
                for member in ["id", "content", "summary", "arguments", "call_id", "name"] {
                    assert_eq!(items[index][member], event["item"][member], "{member}");
                }
                items[index] = event["item"].clone();
            }
            "response.completed" | "response.incomplete" => last = event["response"].clone(),
            other => panic!("an unknown event: {other}"),
        }
    }
    assert_eq!(last["output"], Value::from(items), "the end repeats what was streamed");
    response(&last)
}
