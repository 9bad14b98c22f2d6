//! Row 12: JSON mode and strict schemas, native where the provider has them, else refused by name.

use promptgate_testkit::vendor::STRUCTURED;
use serde_json::{Value, json};

use crate::stage::{FORMATS, Stage, and, chat, messages, response};

fn schema() -> Value {
    json!({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"], "additionalProperties": false})
}

/// Where a request asks for JSON, in the format of whoever was asked.
fn wish(format: &str, body: &Value) -> Value {
    match format {
        "responses" => body["text"]["format"].clone(),
        "messages" => body["output_config"]["format"].clone(),
        "generate-content" => body["generationConfig"]["responseMimeType"].clone(),
        _ => body["response_format"].clone(),
    }
}

/// The schema in the same place.
fn wished_schema(format: &str, body: &Value) -> Value {
    let format_of = wish(format, body);
    match format {
        "chat-completions" => format_of["json_schema"]["schema"].clone(),
        "generate-content" => {
            let generation = &body["generationConfig"];
            generation
                .get("responseJsonSchema")
                .or(generation.get("responseSchema"))
                .cloned()
                .unwrap_or_default()
        }
        "cohere-chat" => {
            format_of.get("schema").or(format_of.get("json_schema")).cloned().unwrap_or_default()
        }
        _ => format_of["schema"].clone(),
    }
}

#[tokio::test]
async fn row_12_a_schema_reaches_the_provider_or_is_refused_by_name() {
    let stage = Stage::with_every_format().await;
    for (format, ..) in FORMATS {
        let model = format!("{format}:m-1");
        let schema = schema();
        let strict = json!({"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": true}});
        let text =
            json!({"format": {"type": "json_schema", "name": "person", "schema": schema, "strict": true}});
        let config = json!({"format": {"type": "json_schema", "schema": schema}});
        for (path, body) in [
            ("/v1/chat/completions", and(chat(&model, "Who?"), &json!({"response_format": strict}))),
            ("/v1/responses", and(response(&model, "Who?"), &json!({"text": text}))),
            ("/v1/messages", and(messages(&model, "Who?"), &json!({"output_config": config}))),
        ] {
            let what = format!("{path} for {format}");
            let answer = stage.post(path, &body).await;
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());
            let escaped = Value::from(STRUCTURED).to_string();
            assert!(answer.text().contains(&escaped), "{what}: {}", answer.text());
            let asked = stage.upstream.last_request().unwrap().json();
            let properties = wished_schema(format, &asked)["properties"].clone();
            assert_eq!(
                properties["age"]["type"].as_str().map(str::to_lowercase).as_deref(),
                Some("integer"),
                "{what}: {asked}"
            );
        }
    }
}

#[tokio::test]
async fn row_12_json_mode_is_native_or_refused() {
    let stage = Stage::with_every_format().await;
    let mut asked = 0;
    for (format, ..) in FORMATS {
        let model = format!("{format}:m-1");
        for (path, body) in [
            (
                "/v1/chat/completions",
                and(chat(&model, "JSON?"), &json!({"response_format": {"type": "json_object"}})),
            ),
            (
                "/v1/responses",
                and(response(&model, "JSON?"), &json!({"text": {"format": {"type": "json_object"}}})),
            ),
        ] {
            let what = format!("{path} for {format}");
            let answer = stage.post(path, &body).await;
            // Anthropic has schemas, but no JSON mode.
            if format == "messages" {
                let body = answer.expect(400).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(body["error"]["code"], "unsupported_by_provider", "{what}: {body}");
                assert!(body["error"]["param"].is_string(), "{what}: {body}");
            } else {
                assert_eq!(answer.status, 200, "{what}: {}", answer.text());
                asked += 1;
                let seen = stage.upstream.last_request().unwrap().json();
                assert!(wish(format, &seen).to_string().contains("json"), "{what}: {seen}");
            }
            assert_eq!(stage.upstream.counts().requests, asked, "{what}");
        }
    }
}

#[tokio::test]
async fn row_12_a_model_that_cannot_keep_a_schema_is_not_asked() {
    let stage = Stage::with_every_format().await;
    let strict =
        json!({"type": "json_schema", "json_schema": {"name": "person", "schema": schema(), "strict": true}});
    let body = and(chat("messages:claude-3-5-haiku-latest", "Who?"), &json!({"response_format": strict}));
    let answer = stage.post("/v1/chat/completions", &body).await.expect(400).unwrap();
    assert_eq!(answer["error"]["code"], "unsupported_by_provider", "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("claude-3-5-haiku-latest"), "{answer}");
    assert_eq!(stage.upstream.counts().requests, 0, "never silently without it");
}
