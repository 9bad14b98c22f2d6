//! Row 11: pictures and documents.

use promptgate_testkit::upstream::{ScriptedUpstream, SeenRequest};
use serde_json::{Value, json};

use crate::stage::{FORMATS, Stage, messages, response};

const PICTURE: &str = "iVBORw0KGgo=";
const DOCUMENT: &str = "JVBERi0xLjQ=";
const ADDRESS: &str = "https://pictures.example/cat.png";

/// Who takes what, apart from the client's own format, in which everything passes.
fn takes(format: &str, part: &str) -> bool {
    match format {
        "messages" => true,
        "generate-content" => part != "address",
        "chat-completions" | "responses" => part != "document",
        _ => false,
    }
}

fn of_chat(part: &str) -> Value {
    match part {
        "address" => json!({"type": "image_url", "image_url": {"url": ADDRESS, "detail": "low"}}),
        "picture" => {
            json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PICTURE}"), "detail": "high"}})
        }
        _ => {
            let data = format!("data:application/pdf;base64,{DOCUMENT}");
            json!({"type": "file", "file": {"filename": "paper.pdf", "file_data": data}})
        }
    }
}

fn of_messages(part: &str) -> Value {
    match part {
        "address" => json!({"type": "image", "source": {"type": "url", "url": ADDRESS}}),
        "picture" => {
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}})
        }
        _ => {
            json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": DOCUMENT}})
        }
    }
}

fn of_responses(part: &str) -> Value {
    match part {
        "address" => json!({"type": "input_image", "image_url": ADDRESS, "detail": "low"}),
        "picture" => {
            json!({"type": "input_image", "image_url": format!("data:image/png;base64,{PICTURE}"), "detail": "auto"})
        }
        _ => {
            json!({"type": "input_file", "filename": "paper.pdf", "file_data": format!("data:application/pdf;base64,{DOCUMENT}")})
        }
    }
}

fn seen(part: &str) -> String {
    match part {
        "address" => format!("Image: {ADDRESS}"),
        "picture" => format!("Image: image/png of {} characters", PICTURE.len()),
        _ => "File: application/pdf".to_owned(),
    }
}

#[tokio::test]
async fn row_11_parts_arrive_or_are_refused_by_name() {
    let stage = Stage::with_every_format().await;
    let mut asked = 0;
    for (format, ..) in FORMATS {
        let model = format!("{format}:m-1");
        for part in ["address", "picture", "document"] {
            let with = |text: Value, part: Value| json!([{"role": "user", "content": [text, part]}]);
            let text = json!({"type": "text", "text": "What is it?"});
            let input = json!({"type": "input_text", "text": "What is it?"});
            let cases = [
                (
                    "chat-completions",
                    "/v1/chat/completions",
                    json!({"model": model, "messages": with(text.clone(), of_chat(part))}),
                ),
                (
                    "responses",
                    "/v1/responses",
                    json!({"model": model, "input": with(input, of_responses(part))}),
                ),
                (
                    "messages",
                    "/v1/messages",
                    json!({"model": model, "max_tokens": 99, "messages": with(text, of_messages(part))}),
                ),
            ];
            for (own, path, body) in cases {
                let what = format!("{part} on {path} for {format}");
                let answer = stage.post(path, &body).await;
                let told = answer.text();
                if own == format || takes(format, part) {
                    assert_eq!(answer.status, 200, "{what}: {told}");
                    assert!(told.contains(&seen(part)), "{what}: {told}");
                    asked += 1;
                } else {
                    let body = answer.expect(400).unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert_eq!(body["error"]["code"], "unsupported_by_provider", "{what}: {told}");
                    let kind = if part == "document" { "file" } else { "image" };
                    let message = body["error"]["message"].as_str().unwrap();
                    assert!(message.contains(kind) && message.contains("m-1"), "{what}: {told}");
                    assert!(!told.contains(PICTURE) && !told.contains(DOCUMENT), "{what}: {told}");
                }
                assert_eq!(stage.upstream.counts().requests, asked, "{what}");
            }
        }
    }
}

/// Addresses are for the provider to fetch, never for the gateway: not even to find out what is there.
#[tokio::test]
async fn row_11_nothing_is_fetched() {
    let stage = Stage::with_every_format().await;
    let private = ScriptedUpstream::start().await.unwrap();
    for (format, ..) in FORMATS {
        let url = format!("{}/latest/meta-data", private.url());
        let model = format!("{format}:m-1");
        let image = json!({"type": "image_url", "image_url": {"url": url}});
        let chat = json!({"model": model, "messages": [{"role": "user", "content": [image]}]});
        stage.post("/v1/chat/completions", &chat).await;
        for source in ["image", "document"] {
            let mut body = messages(&model, "");
            let block = json!({"type": source, "source": {"type": "url", "url": url}});
            body["messages"][0]["content"] = json!([{"type": "text", "text": "What is it?"}, block]);
            stage.post("/v1/messages", &body).await;
        }
        for part in
            [json!({"type": "input_image", "image_url": url}), json!({"type": "input_file", "file_url": url})]
        {
            let mut body = response(&model, "");
            body["input"] = json!([{"role": "user", "content": [part]}]);
            stage.post("/v1/responses", &body).await;
        }
    }
    // Of each kind of part, at least the client's own format passes the address on.
    let asked = stage.upstream.requests();
    let address = |request: &SeenRequest| String::from_utf8_lossy(&request.body).contains(&private.url());
    let passed = asked.iter().filter(|request| address(request)).count();
    assert!(passed >= 5 && passed == asked.len(), "{passed} of {}", asked.len());
    assert_eq!(private.counts().connections_ever, 0);
}
