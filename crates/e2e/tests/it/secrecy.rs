//! What passes through is said nowhere.

use promptgate_e2e::{Gateway, Installation};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::json;

#[tokio::test]
async fn neither_keys_nor_content_are_logged() {
    let upstream = ScriptedUpstream::start().await.unwrap();
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_LOG_LEVEL", "debug");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let project = gateway.project().await.unwrap();

    let url = project.url("/v1/chat/completions");
    let body = json!({"model": "up:m", "messages": [{"role": "user", "content": "canary-of-a-prompt"}], "user": "canary-of-a-user"});
    let choices = json!([{"index": 0, "message": {"role": "assistant", "content": "canary-of-an-answer"}}]);
    upstream.enqueue(Reply::json(&json!({"id": "c", "choices": choices})));
    project.client.post(&url, &body).await.unwrap().expect(200).unwrap();
    upstream.enqueue(Reply::status(400).with_json(&json!({"error": {"message": "canary-of-an-error"}})));
    assert_eq!(project.client.post(&url, &body).await.unwrap().status, 400);
    upstream.enqueue(Reply::json_bytes("canary-of-no-json {"));
    project.client.post(&url, &body).await.unwrap();
    project.client.send(http::Method::POST, &url, "{\"model\": canary-of-a-bad-body").await.unwrap();
    gateway.usage(&project, 5).await.unwrap();

    let ended = { gateway }.processes.remove(0).terminate().await.unwrap();
    let said = format!("{}{}", ended.output, ended.errors);
    assert!(said.contains("promptgate::request"), "calls are logged:\n{said}");
    for secret in ["canary-of", &project.token, "key-of-up", promptgate_e2e::ADMIN_KEY] {
        let line = said.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "`{secret}` is logged: {line:?}");
    }
}
