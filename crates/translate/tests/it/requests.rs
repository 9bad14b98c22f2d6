//! Conversations over all pairs of formats: ids, JSON, texts and pictures arrive as they were said,
//! in their order.

use promptgate_providers::Shape;
use promptgate_translate::{Target, read_request, write_request};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::able::able;
use crate::clients::CLIENTS;
use crate::said::{arguments, text};
use crate::vendors::PROVIDERS;

/// A piece of a conversation.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    System(String),
    User(String),
    /// A picture that the user shows: its type and base64.
    Picture(&'static str, String),
    Assistant(String),
    Call {
        id: String,
        name: String,
        arguments: String,
    },
    Result {
        id: String,
        text: String,
    },
}

/// A round: what the user says and shows, what the model says and calls, and the results.
fn round() -> impl Strategy<Value = Vec<Piece>> {
    let pictures = vec(prop_oneof![Just("image/png"), Just("image/jpeg")], 0..2);
    let calls = vec(("[a-z]{1,6}", arguments(), text()), 0..4);
    let id = "[a-zA-Z0-9]{4,8}";
    (text(), pictures, text(), calls, id).prop_map(|(asked, pictures, said, calls, id)| {
        let mut round = vec![Piece::User(asked)];
        round.extend(pictures.into_iter().map(|kind| Piece::Picture(kind, "iVBORw0KGgo=".to_owned())));
        round.push(Piece::Assistant(said));
        let id = |number: usize| format!("call_{id}_{number}");
        round.extend(calls.iter().enumerate().map(|(number, (name, arguments, _))| Piece::Call {
            id: id(number),
            name: name.clone(),
            arguments: arguments.clone(),
        }));
        let results = calls.into_iter().enumerate();
        round.extend(results.map(|(number, (_, _, text))| Piece::Result { id: id(number), text }));
        round
    })
}

fn conversation() -> impl Strategy<Value = Vec<Piece>> {
    (proptest::option::of(text()), vec(round(), 0..3), text()).prop_map(|(system, rounds, last)| {
        let mut pieces: Vec<_> = system.map(Piece::System).into_iter().collect();
        pieces.extend(rounds.into_iter().flatten());
        pieces.push(Piece::User(last));
        pieces
    })
}

/// The request of a client.
fn asked(shape: Shape, pieces: &[Piece]) -> Value {
    match shape {
        Shape::Messages => asked_as_messages(pieces),
        Shape::Responses => {
            let input: Vec<_> = pieces.iter().map(response_item).collect();
            json!({"model": "alias", "input": input})
        }
        _ => asked_as_chat(pieces),
    }
}

fn asked_as_chat(pieces: &[Piece]) -> Value {
    let mut messages: Vec<Value> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::System(text) => messages.push(json!({"role": "system", "content": text})),
            Piece::User(text) => {
                messages.push(json!({"role": "user", "content": [{"type": "text", "text": text}]}));
            }
            Piece::Picture(kind, data) => {
                let url = format!("data:{kind};base64,{data}");
                let content = messages.last_mut().and_then(|message| message["content"].as_array_mut());
                let part = json!({"type": "image_url", "image_url": {"url": url}});
                content.expect("pictures follow texts").push(part);
            }
            Piece::Assistant(text) => messages.push(json!({"role": "assistant", "content": text})),
            Piece::Call { id, name, arguments } => {
                let message = messages.last_mut().expect("calls follow texts");
                let call =
                    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
                match message["tool_calls"].as_array_mut() {
                    Some(calls) => calls.push(call),
                    None => message["tool_calls"] = json!([call]),
                }
            }
            Piece::Result { id, text } => {
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": text}));
            }
        }
    }
    json!({"model": "alias", "messages": messages})
}

fn response_item(piece: &Piece) -> Value {
    match piece {
        Piece::System(text) => json!({"role": "developer", "content": text}),
        Piece::User(text) => json!({"role": "user", "content": [{"type": "input_text", "text": text}]}),
        Piece::Picture(kind, data) => {
            let url = format!("data:{kind};base64,{data}");
            json!({"role": "user", "content": [{"type": "input_image", "image_url": url}]})
        }
        Piece::Assistant(text) => {
            json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
        }
        Piece::Call { id, name, arguments } => {
            json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
        }
        Piece::Result { id, text } => json!({"type": "function_call_output", "call_id": id, "output": text}),
    }
}

fn asked_as_messages(pieces: &[Piece]) -> Value {
    let mut body = json!({"model": "alias", "max_tokens": 100, "messages": []});
    let mut messages: Vec<Value> = Vec::new();
    for piece in pieces {
        let (role, block) = match piece {
            Piece::System(text) => {
                body["system"] = text.as_str().into();
                continue;
            }
            Piece::User(text) => ("user", json!({"type": "text", "text": text})),
            Piece::Picture(kind, data) => {
                let source = json!({"type": "base64", "media_type": kind, "data": data});
                ("user", json!({"type": "image", "source": source}))
            }
            Piece::Assistant(text) => ("assistant", json!({"type": "text", "text": text})),
            Piece::Call { id, name, arguments } => {
                let input: Value = serde_json::from_str(arguments).expect("arguments are JSON");
                ("assistant", json!({"type": "tool_use", "id": id, "name": name, "input": input}))
            }
            Piece::Result { id, text } => {
                ("user", json!({"type": "tool_result", "tool_use_id": id, "content": text}))
            }
        };
        match messages.last_mut().filter(|message| message["role"] == role) {
            Some(message) => message["content"].as_array_mut().expect("blocks").push(block),
            None => messages.push(json!({"role": role, "content": [block]})),
        }
    }
    body["messages"] = messages.into();
    body
}

/// What a provider reads in a request.
fn heard(shape: Shape, body: &Value) -> Vec<Piece> {
    match shape {
        Shape::Messages => heard_by_anthropic(body),
        Shape::GenerateContent => heard_by_gemini(body),
        Shape::Responses => heard_by_responses(body),
        _ => body["messages"].as_array().expect("messages").iter().flat_map(heard_in_chat).collect(),
    }
}

fn string(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn picture(url: &str) -> Piece {
    let (kind, data) =
        url.strip_prefix("data:").and_then(|url| url.split_once(";base64,")).expect("a data URL");
    picture_of(kind, data)
}

fn picture_of(kind: &str, data: &str) -> Piece {
    let kind = if kind == "image/png" { "image/png" } else { "image/jpeg" };
    Piece::Picture(kind, data.to_owned())
}

/// Chat Completions and Cohere.
fn heard_in_chat(message: &Value) -> Vec<Piece> {
    let wrap: fn(String) -> Piece = match message["role"].as_str() {
        Some("system" | "developer") => Piece::System,
        Some("user") => Piece::User,
        Some("assistant") => Piece::Assistant,
        Some("tool") => {
            let text = match &message["content"] {
                Value::String(text) => text.clone(),
                content => string(&content[0]["text"]),
            };
            return vec![Piece::Result { id: string(&message["tool_call_id"]), text }];
        }
        other => panic!("an unknown role: {other:?}"),
    };
    let mut pieces: Vec<_> = match &message["content"] {
        Value::String(text) => vec![wrap(text.clone())],
        content => content
            .as_array()
            .into_iter()
            .flatten()
            .map(|part| match part["type"].as_str() {
                Some("text") => wrap(string(&part["text"])),
                Some("image_url") => picture(part["image_url"]["url"].as_str().expect("an address")),
                other => panic!("an unknown part: {other:?}"),
            })
            .collect(),
    };
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let function = &call["function"];
        pieces.push(Piece::Call {
            id: string(&call["id"]),
            name: string(&function["name"]),
            arguments: string(&function["arguments"]),
        });
    }
    pieces
}

fn heard_by_responses(body: &Value) -> Vec<Piece> {
    let mut pieces: Vec<_> =
        body["instructions"].as_str().map(|text| Piece::System(text.to_owned())).into_iter().collect();
    if let Some(text) = body["input"].as_str() {
        pieces.push(Piece::User(text.to_owned()));
    }
    for item in body["input"].as_array().into_iter().flatten() {
        match item["type"].as_str() {
            Some("function_call") => pieces.push(Piece::Call {
                id: string(&item["call_id"]),
                name: string(&item["name"]),
                arguments: string(&item["arguments"]),
            }),
            Some("function_call_output") => {
                pieces.push(Piece::Result { id: string(&item["call_id"]), text: string(&item["output"]) });
            }
            Some("message") | None => {
                let wrap: fn(String) -> Piece = match item["role"].as_str() {
                    Some("system" | "developer") => Piece::System,
                    Some("user") => Piece::User,
                    _ => Piece::Assistant,
                };
                if let Some(text) = item["content"].as_str() {
                    pieces.push(wrap(text.to_owned()));
                }
                for part in item["content"].as_array().into_iter().flatten() {
                    pieces.push(match part["type"].as_str() {
                        Some("input_text" | "output_text") => wrap(string(&part["text"])),
                        Some("input_image") => picture(part["image_url"].as_str().expect("an address")),
                        other => panic!("an unknown part: {other:?}"),
                    });
                }
            }
            other => panic!("an unknown item: {other:?}"),
        }
    }
    pieces
}

fn heard_by_anthropic(body: &Value) -> Vec<Piece> {
    let mut pieces: Vec<_> =
        body["system"].as_str().map(|text| Piece::System(text.to_owned())).into_iter().collect();
    for (position, message) in body["messages"].as_array().expect("messages").iter().enumerate() {
        let expected = if position % 2 == 0 { "user" } else { "assistant" };
        assert_eq!(message["role"], expected, "the roles alternate");
        let wrap: fn(String) -> Piece = if expected == "user" { Piece::User } else { Piece::Assistant };
        if let Some(text) = message["content"].as_str() {
            pieces.push(wrap(text.to_owned()));
        }
        for block in message["content"].as_array().into_iter().flatten() {
            pieces.push(match block["type"].as_str() {
                Some("text") => wrap(string(&block["text"])),
                Some("image") => {
                    let source = &block["source"];
                    picture_of(&string(&source["media_type"]), &string(&source["data"]))
                }
                Some("tool_use") => Piece::Call {
                    id: string(&block["id"]),
                    name: string(&block["name"]),
                    arguments: block["input"].to_string(),
                },
                Some("tool_result") => {
                    Piece::Result { id: string(&block["tool_use_id"]), text: string(&block["content"]) }
                }
                other => panic!("an unknown block: {other:?}"),
            });
        }
    }
    pieces
}

fn heard_by_gemini(body: &Value) -> Vec<Piece> {
    let instructions = body["systemInstruction"]["parts"].as_array();
    let mut pieces: Vec<_> =
        instructions.into_iter().flatten().map(|part| Piece::System(string(&part["text"]))).collect();
    for (position, content) in body["contents"].as_array().expect("contents").iter().enumerate() {
        let expected = if position % 2 == 0 { "user" } else { "model" };
        assert_eq!(content["role"], expected, "the roles alternate");
        for part in content["parts"].as_array().expect("parts") {
            pieces.push(if let Some(call) = part.get("functionCall") {
                let arguments = call["args"].to_string();
                Piece::Call { id: string(&call["id"]), name: string(&call["name"]), arguments }
            } else if let Some(response) = part.get("functionResponse") {
                Piece::Result { id: string(&response["id"]), text: string(&response["response"]["output"]) }
            } else if let Some(data) = part.get("inlineData") {
                picture_of(&string(&data["mimeType"]), &string(&data["data"]))
            } else if expected == "user" {
                Piece::User(string(&part["text"]))
            } else {
                Piece::Assistant(string(&part["text"]))
            });
        }
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn conversations_arrive(said in conversation()) {
        let capabilities = able();
        for client in CLIENTS {
            let body = asked(client, &said).to_string();
            let request = read_request(client, body.as_bytes()).unwrap();
            for provider in PROVIDERS {
                let target = Target { model: "m", capabilities: &capabilities, stream: false };
                let sent = write_request(provider, &request, &target).unwrap();
                prop_assert_eq!(&sent.dropped, &Vec::<String>::new());
                let sent: Value = serde_json::from_slice(&sent.body).unwrap();
                prop_assert_eq!(heard(provider, &sent), said.clone(), "{} to {}", client, provider);
            }
        }
    }
}
