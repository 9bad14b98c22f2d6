//! Row 4: errors in the shape of the protocol, with the right status.

use http::Method;
use promptgate_e2e::{Client, Installation, Response};
use serde_json::{Value, json};

use crate::stage::{Stage, and, chat, messages, response};

const OPENAI: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/embeddings"];
const ANTHROPIC: [&str; 2] = ["/v1/messages", "/v1/messages/count_tokens"];

fn body(path: &str, model: &str) -> Value {
    match path {
        "/v1/chat/completions" => chat(model, "Hello"),
        "/v1/embeddings" | "/v1/responses" => response(model, "Hello"),
        _ => messages(model, "Hello"),
    }
}

fn is_openai(answer: &Response, status: u16, what: &str) -> Value {
    let body = answer.expect(status).unwrap_or_else(|error| panic!("{what}: {error}"));
    let error = &body["error"];
    for member in ["message", "type", "param", "code"] {
        assert!(error.get(member).is_some(), "{what}: no `{member}` in {body}");
    }
    assert!(error["message"].is_string() && error["type"].is_string(), "{what}: {body}");
    assert!(answer.header("x-request-id").is_some(), "{what}");
    error["code"].clone()
}

fn is_anthropic(answer: &Response, status: u16, kind: &str, what: &str) {
    let body = answer.expect(status).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!(kind)), "{what}: {body}");
    assert!(body["error"]["message"].is_string() && body["request_id"].is_string(), "{what}: {body}");
    assert!(answer.header("request-id").is_some(), "{what}");
}

#[tokio::test]
async fn row_04_errors_have_the_shape_and_status_of_the_protocol() {
    let installation =
        Installation::embedded().unwrap().set("PROMPTGATE_PROXY_MAX_BUFFERED_REQUEST_BYTES", "8000000");
    let stage = Stage::on(installation, &[("up", "openai_compatible", "/v1")]).await;
    let wrong_key = Client::new().bearer(&format!("pg_live_{}", "0".repeat(49)));
    let large = |path: &str| and(body(path, "up:m"), &json!({"user": "x".repeat(10_000_000)})).to_string();
    let client = &stage.project.client;
    for path in OPENAI.into_iter().chain(ANTHROPIC) {
        let url = stage.project.url(path);
        let fine = body(path, "up:m").to_string();
        let cases = [
            ("bad key", wrong_key.clone(), fine, 401, "authentication_error", ""),
            (
                "unknown model",
                client.clone(),
                body(path, "nobody-has-it").to_string(),
                404,
                "not_found_error",
                "model_not_found",
            ),
            (
                "bad JSON",
                client.clone(),
                "{\"model\": ".to_owned(),
                400,
                "invalid_request_error",
                "invalid_json",
            ),
            ("no object", client.clone(), "[]".to_owned(), 400, "invalid_request_error", ""),
            ("no model", client.clone(), "{}".to_owned(), 400, "invalid_request_error", ""),
            ("10 MB", client.clone(), large(path), 413, "request_too_large", "request_body_too_large"),
        ];
        for (what, client, body, status, kind, code) in cases {
            let what = format!("{what} on {path}");
            let answer = client.send(Method::POST, &url, body).await.unwrap();
            if ANTHROPIC.contains(&path) {
                is_anthropic(&answer, status, kind, &what);
            } else {
                let told = is_openai(&answer, status, &what);
                assert!(code.is_empty() || told == code, "{what}: {told}");
            }
        }
    }
    assert_eq!(stage.upstream.counts().requests, 0);
}

#[tokio::test]
async fn row_04_the_providers_own_errors_come_in_the_clients_shape() {
    let stage = Stage::with_every_format().await;
    for format in ["chat-completions", "responses", "messages", "generate-content", "cohere-chat"] {
        let model = format!("{format}:m-1");
        for path in ["/v1/chat/completions", "/v1/responses", "/v1/messages"] {
            let asked = match path {
                "/v1/chat/completions" => chat(&model, "[wrong]"),
                "/v1/responses" => response(&model, "[wrong]"),
                _ => messages(&model, "[wrong]"),
            };
            for stream in [false, true] {
                let what = format!("{path} answered by {format}, streamed: {stream}");
                let answer = stage.post(path, &and(asked.clone(), &json!({"stream": stream}))).await;
                if path == "/v1/messages" {
                    is_anthropic(&answer, 400, "invalid_request_error", &what);
                } else {
                    is_openai(&answer, 400, &what);
                }
                assert!(answer.text().contains("this cannot be answered"), "{what}: {}", answer.text());
            }
        }
    }
}
