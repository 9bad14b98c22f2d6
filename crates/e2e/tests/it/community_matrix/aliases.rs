//! Item 18: a project's own names for models, and what they preset.

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Stage, and, chat, messages, response};

/// `fast` is a name for a model; `embed:fast` one with a colon; `pirate` and `strict` preset something,
/// the latter at Anthropic's.
async fn stage() -> Stage {
    let stage = Stage::with(&[]).await;
    let gateway = &stage.gateway;
    let url = stage.upstream.url();
    let up = gateway.provider("up", "openai_compatible", &format!("{url}/v1")).await.unwrap();
    let claude = gateway.provider("claude", "anthropic", &url).await.unwrap();
    let preset = json!({"description": "Speaks like one", "systemPrompt": "Arr", "temperature": 0.5, "topP": 0.25,
        "maxTokens": 99});
    for alias in [
        json!({"name": "fast", "providerId": up, "model": "m-fast"}),
        json!({"name": "embed:fast", "providerId": up, "model": "e-fast"}),
        and(json!({"name": "pirate", "providerId": up, "model": "m-pirate"}), &preset),
        json!({"name": "strict", "providerId": claude, "model": "claude-x", "systemPrompt": "Be strict"}),
    ] {
        let path = format!("/projects/{}/aliases", stage.project.id);
        gateway.admin(Method::POST, &path, &alias).await.unwrap().expect(201).unwrap();
    }
    gateway.caught_up().await.unwrap();
    stage
}

#[tokio::test]
async fn item_18_an_alias_is_reached_by_both_its_forms_and_answers_with_the_models_name() {
    let stage = stage().await;
    for (name, model) in [
        ("fast", "m-fast"),
        ("promptgate:fast", "m-fast"),
        ("embed:fast", "e-fast"),
        ("promptgate:embed:fast", "e-fast"),
        ("up:m-direct", "m-direct"),
        ("up:org/m:free", "org/m:free"),
        ("claude/claude-x", "claude-x"),
    ] {
        let answer = stage.post("/v1/chat/completions", &chat(name, "Hello")).await;
        let body = answer.expect(200).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(body["model"], model, "{name}: the model that answered, never the alias");
        assert_eq!(answer.header("x-promptgate-model"), Some(model));
        let answer = stage.post("/v1/messages", &messages(name, "Hello")).await.expect(200).unwrap();
        assert_eq!(answer["model"], model, "{name}");
        let answer = stage.post("/v1/responses", &response(name, "Hello")).await.expect(200).unwrap();
        assert_eq!(answer["model"], model, "{name}");
    }
    let vectors = stage.post("/v1/embeddings", &response("embed:fast", "Hello")).await.expect(200).unwrap();
    assert_eq!(vectors["model"], "e-fast");
    for name in ["promptgate:nobody", "nobody", "promptgate:", "promptgate:up:m"] {
        let answer = stage.post("/v1/chat/completions", &chat(name, "Hello")).await.expect(404).unwrap();
        assert_eq!(answer["error"]["code"], "model_not_found", "{name}: {answer}");
    }
    let elsewhere = stage.gateway.project().await.unwrap();
    let answer = elsewhere.chat("fast").await.unwrap();
    assert_eq!(answer.status, 404, "another project's alias: {}", answer.text());
}

fn seen(stage: &Stage) -> Value {
    stage.upstream.last_request().unwrap().json()
}

#[tokio::test]
async fn item_18_a_preset_fills_in_what_the_client_left_out_and_nothing_else() {
    let stage = stage().await;
    stage.post("/v1/chat/completions", &chat("pirate", "Hello")).await.expect(200).unwrap();
    let asked = seen(&stage);
    assert_eq!(
        asked["messages"],
        json!([{"role": "system", "content": "Arr"}, {"role": "user", "content": "Hello"}])
    );
    assert_eq!((&asked["temperature"], &asked["top_p"]), (&json!(0.5), &json!(0.25)), "{asked}");
    assert_eq!(asked["max_tokens"], 99, "{asked}");

    let own = json!({"temperature": 0, "top_p": 1, "max_tokens": 7});
    stage
        .post("/v1/chat/completions", &and(chat("promptgate:pirate", "Hello"), &own))
        .await
        .expect(200)
        .unwrap();
    let asked = seen(&stage);
    for member in ["temperature", "top_p", "max_tokens"] {
        assert_eq!(asked[member], own[member], "the client's value wins: {asked}");
    }

    // Never two system messages.
    for role in ["system", "developer"] {
        let mut body = chat("pirate", "Hello");
        body["messages"] = json!([{"role": role, "content": "Mine"}, {"role": "user", "content": "Hello"}]);
        stage.post("/v1/chat/completions", &body).await.expect(200).unwrap();
        assert_eq!(seen(&stage)["messages"], body["messages"], "{role}");
    }
}

#[tokio::test]
async fn item_18_a_preset_counts_in_every_shape_and_through_translation() {
    let stage = stage().await;
    let text = |answer: &Value| answer.to_string();
    // Clients of other shapes, answered by Chat Completions.
    let answer = stage.post("/v1/messages", &messages("pirate", "Hello")).await.expect(200).unwrap();
    assert!(text(&answer).contains("(Arr): Hello"), "{answer}");
    assert_eq!((&seen(&stage)["temperature"], &seen(&stage)["max_tokens"]), (&json!(0.5), &json!(500)));
    let answer = stage.post("/v1/responses", &response("pirate", "Hello")).await.expect(200).unwrap();
    assert!(text(&answer).contains("(Arr): Hello"), "{answer}");
    assert_eq!(seen(&stage)["max_tokens"], 99);
    let own = json!({"instructions": "Mine"});
    let answer =
        stage.post("/v1/responses", &and(response("pirate", "Hello"), &own)).await.expect(200).unwrap();
    assert!(text(&answer).contains("(Mine): Hello"), "{answer}");

    // Anthropic's own shape, and others answered by it.
    let answer = stage.post("/v1/messages", &messages("strict", "Hello")).await.expect(200).unwrap();
    assert!(text(&answer).contains("messages (Be strict): Hello"), "{answer}");
    let own = json!({"system": "Mine"});
    let answer =
        stage.post("/v1/messages", &and(messages("strict", "Hello"), &own)).await.expect(200).unwrap();
    assert!(text(&answer).contains("messages (Mine): Hello"), "{answer}");
    let answer = stage.post("/v1/chat/completions", &chat("strict", "Hello")).await.expect(200).unwrap();
    assert!(text(&answer).contains("messages (Be strict): Hello"), "{answer}");
}

#[tokio::test]
async fn item_18_the_list_of_models_shows_aliases_with_what_they_stand_for() {
    let stage = stage().await;
    let list = stage.get("/v1/models").await.expect(200).unwrap();
    let row = |id: &str| {
        let rows = list["data"].as_array().unwrap();
        let row = rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no {id} in {list}"));
        let mut row = row.clone();
        assert!(row["created"].is_i64(), "{row}");
        row.as_object_mut().unwrap().remove("created");
        row
    };
    let resolved = json!({"provider": "up", "model": "m-fast"});
    assert_eq!(
        row("promptgate:fast"),
        json!({"id": "promptgate:fast", "alias": "fast", "object": "model", "owned_by": "promptgate-alias",
            "provider": "up", "provider_model": "m-fast", "is_alias": true, "is_preset": false, "resolved": resolved})
    );
    let resolved = json!({"provider": "up", "model": "m-pirate"});
    let preset = json!({"system_prompt": "Arr", "temperature": 0.5, "top_p": 0.25, "max_tokens": 99});
    assert_eq!(
        row("promptgate:pirate"),
        json!({"id": "promptgate:pirate", "alias": "pirate", "object": "model", "owned_by": "promptgate-alias",
            "provider": "up", "provider_model": "m-pirate", "is_alias": true, "is_preset": true,
            "resolved": resolved, "description": "Speaks like one", "preset": preset})
    );
    let strict = row("promptgate:strict");
    assert_eq!(strict["preset"], json!({"system_prompt": "Be strict"}), "only the set members: {strict}");
    for provider in ["up", "claude", "echo"] {
        let id = format!("{provider}:*");
        assert_eq!(row(&id), json!({"id": id, "object": "model", "owned_by": provider, "is_alias": false}));
    }
}
