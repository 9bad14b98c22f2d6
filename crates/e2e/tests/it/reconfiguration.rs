//! What changes of the configuration do to calls under way and to those that come after.

use std::fs;
use std::path::Path;
use std::time::Duration;

use http::Method;
use promptgate_e2e::{Installation, eventually};
use promptgate_testkit::upstream::{Gate, Reply};
use serde_json::{Value, json};

use crate::stage::{Stage, and, chat, messages};

const WORD: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"},\"finish_reason\":null}]}\n\n";

async fn admin(stage: &Stage, method: Method, path: &str, body: Value) -> Value {
    let answer = stage.gateway.admin(method, path, &body).await.unwrap();
    assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text());
    answer.json()
}

async fn providers(stage: &Stage) -> Vec<(String, String)> {
    let listed = admin(stage, Method::GET, "/providers?pageSize=100", Value::Null).await;
    let text = |item: &Value, member: &str| item[member].as_str().unwrap().to_owned();
    listed["items"].as_array().unwrap().iter().map(|item| (text(item, "name"), text(item, "id"))).collect()
}

/// A stream is the business of the configuration that it began under.
#[tokio::test]
async fn a_stream_outlives_changes_of_its_provider_and_new_calls_see_them() {
    let stage = Stage::with(&[("up", "openai_compatible", "/v1")]).await;
    let (_, id) = providers(&stage).await.into_iter().find(|(name, _)| name == "up").unwrap();
    let gate = Gate::new();
    let changes = [
        (Method::PATCH, json!({"config": {"idleTimeoutMs": 1}})),
        (Method::PATCH, json!({"enabled": false})),
        (Method::DELETE, Value::Null),
    ];
    let mut reply = Reply::sse([WORD]);
    for _ in &changes {
        reply = reply.wait(&gate).chunk(WORD);
    }
    stage.upstream.enqueue(reply.wait(&gate).chunk("data: [DONE]\n\n"));
    let body = and(chat("up:m", "Hello"), &json!({"stream": true}));
    let url = stage.project.url("/v1/chat/completions");
    let mut stream = stage.project.client.stream(&url, &body).await.unwrap();
    stream.read_until("word").await.unwrap();
    for (method, body) in changes {
        admin(&stage, method, &format!("/providers/{id}"), body).await;
        stage.gateway.caught_up().await.unwrap();
        gate.release();
        stream.read_until("word").await.unwrap();
    }
    gate.release();
    let rest = stream.whole().await.unwrap().text();
    assert!(rest.ends_with("data: [DONE]\n\n") && !rest.contains("error"), "{rest}");
    let refused = stage.post("/v1/chat/completions", &chat("up:m", "Hello")).await;
    assert_eq!(refused.status, 404, "{}", refused.text());
    let call = stage.recorded(2).await;
    assert_eq!((&call["outcome"], &call["status"]), (&json!("refused"), &json!(404)), "{call}");
}

#[tokio::test]
async fn without_any_provider_calls_are_503_and_the_first_new_one_serves() {
    let stage = Stage::with(&[]).await;
    for (_, id) in providers(&stage).await {
        admin(&stage, Method::PATCH, &format!("/providers/{id}"), json!({"enabled": false})).await;
    }
    stage.gateway.caught_up().await.unwrap();
    for (path, body) in
        [("/v1/chat/completions", chat("gpt-4o", "Hello")), ("/v1/messages", messages("gpt-4o", "Hello"))]
    {
        let answer = stage.post(path, &body).await.expect(503).unwrap();
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    let listed = stage.get("/v1/models").await.expect(200).unwrap();
    assert_eq!(listed["data"], json!([]), "the process lives, and has nothing to offer");

    stage.gateway.provider("main", "openai", &format!("{}/v1", stage.upstream.url())).await.unwrap();
    stage.gateway.caught_up().await.unwrap();
    stage.post("/v1/chat/completions", &chat("gpt-4o", "Hello")).await.expect(200).unwrap();
}

/// What models can do is the operator's to say, without a restart; what cannot be read changes nothing.
#[tokio::test]
async fn the_table_of_capabilities_is_read_anew_on_a_signal() {
    const BETA: &str = "of-tomorrow-2031-01-01";
    let installation = Installation::embedded().unwrap();
    let file = installation.path().join("capabilities.json");
    let installation = installation.set("PROMPTGATE_CAPABILITIES_FILE", &file.to_string_lossy());
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../providers/data/capabilities.json");
    let own = fs::read_to_string(own).unwrap();
    let mut table: Value = serde_json::from_str(&own).unwrap();
    table["kinds"]["anthropic"]["can"]["betas"].as_array_mut().unwrap().push(BETA.into());
    fs::write(&file, own).unwrap();
    let stage = Stage::on(installation, &[("claude", "anthropic", "")]).await;
    let named = providers(&stage).await;
    let (_, id) = named.iter().find(|(name, _)| name == "claude").unwrap();
    let reached = async || {
        let headers = [("anthropic-version", "2023-06-01"), ("anthropic-beta", BETA)];
        let answer = stage.post_with("/v1/messages", &headers, &messages("claude:m", "Hello")).await;
        answer.expect(200).unwrap();
        let seen = stage.upstream.last_request().unwrap().header("anthropic-beta").is_some();
        assert_eq!(answer.header("x-promptgate-dropped").is_none(), seen, "it arrives or is reported");
        let path = format!("/providers/{id}/capabilities?model=m");
        let shown = stage.gateway.admin(Method::GET, &path, &Value::Null).await.unwrap().expect(200).unwrap();
        let betas = shown["betas"].as_array().unwrap();
        assert_eq!(betas.contains(&json!(BETA)), seen, "the API goes by the same table: {shown}");
        seen
    };
    let read_anew = async |text: &str, said: &str| {
        fs::write(&file, text).unwrap();
        stage.gateway.process().signal("HUP").unwrap();
        eventually(said, Duration::from_secs(30), || async {
            stage.gateway.process().said().contains(said).then_some(())
        })
        .await
        .unwrap();
    };
    assert!(!reached().await);
    read_anew(&table.to_string(), "the configuration: read anew").await;
    assert!(reached().await);
    read_anew("{}", "the table of capabilities: could not be read anew").await;
    assert!(reached().await, "the last good one counts");
}
