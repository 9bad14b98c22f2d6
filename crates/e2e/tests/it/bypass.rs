//! Ways around what the gateway looks at: none of them leads anywhere.

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use promptgate_testkit::vendor;
use serde_json::{Value, json};

struct Native {
    _installation: Installation,
    gateway: Gateway,
    project: Project,
    upstream: ScriptedUpstream,
}

impl Native {
    async fn new() -> Self {
        let upstream = ScriptedUpstream::start().await.unwrap();
        upstream.handle(vendor::answer);
        let installation = Installation::embedded().unwrap();
        let gateway = Gateway::run_all(&installation).await.unwrap();
        gateway.provider("corp", "openai", &format!("{}/v1", upstream.url())).await.unwrap();
        gateway.provider("claude", "anthropic", &upstream.url()).await.unwrap();
        gateway.provider("llama", "ollama", &format!("{}/v1", upstream.url())).await.unwrap();
        let project = gateway.project().await.unwrap();
        Self { _installation: installation, gateway, project, upstream }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.proxy)
    }
}

const CHAT: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}"#;
const MESSAGES: &str =
    r#"{"model":"claude-x","max_tokens":9,"messages":[{"role":"user","content":"Hello"}]}"#;

#[tokio::test]
async fn the_listed_paths_answer() {
    let native = Native::new().await;
    let client = &native.project.client;
    for (path, body) in [
        ("/corp/v1/chat/completions", CHAT),
        ("/corp/v1/responses", r#"{"model":"gpt-4o","input":"Hello"}"#),
        ("/corp/v1/embeddings", r#"{"model":"text-embedding-3-small","input":"Hello"}"#),
        ("/llama/v1/chat/completions", CHAT),
        ("/claude/v1/messages", MESSAGES),
        (
            "/claude/v1/messages/count_tokens",
            r#"{"model":"claude-x","messages":[{"role":"user","content":"Hello"}]}"#,
        ),
    ] {
        let answer = client.send(Method::POST, &native.url(path), body).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    // Newest first; the last one is the set-up's list of models.
    let events = native.gateway.usage(&native.project, 7).await.unwrap();
    let operations: Vec<_> = events.iter().map(|event| event["operation"].as_str().unwrap()).collect();
    let each =
        ["count_tokens", "messages", "chat_completions", "embeddings", "responses", "chat_completions"];
    assert_eq!(operations[..6], each, "each is on record");
}

#[tokio::test]
async fn other_methods_and_other_paths_reach_no_provider() {
    let native = Native::new().await;
    let client = &native.project.client;
    for path in [
        "/corp/v1/chat/completions",
        "/corp/v1/responses",
        "/corp/v1/embeddings",
        "/llama/v1/chat/completions",
        "/claude/v1/messages",
    ] {
        for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::GET] {
            let body = if method == Method::GET { "" } else { CHAT };
            let answer = client.send(method.clone(), &native.url(path), body).await.unwrap();
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text());
            assert!(answer.header("allow").is_some_and(|allow| allow.contains("POST")), "{method} {path}");
        }
    }
    for path in [
        "/corp/v1/responses/",
        "/corp/v1/responses//",
        "/corp/v1/chat/completions/",
        "/corp//v1/chat/completions",
        "/corp/v1/chat%2fcompletions",
        "/corp/v1/../v1/chat/completions",
        "/corp/v1/Chat/Completions",
        "/corp/v1/completions",
        "/corp/v1/audio/speech",
        "/corp/v1/images/generations",
        "/corp/v1/files",
        "/corp/v1/batches",
        "/corp/v1/responses/resp_1/unknown",
        "/corp/chat/completions",
        "/llama/v1/responses",
        "/llama/api/chat",
        "/claude/v1/complete",
        "/claude/v1/messages/",
        "/claude/v1/messages/batches",
        "/nobody/v1/chat/completions",
    ] {
        for body in [CHAT, MESSAGES] {
            let answer = client.send(Method::POST, &native.url(path), body).await.unwrap();
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            assert!(answer.json()["error"].is_object() || answer.json()["error"].is_string(), "{path}");
        }
    }
    assert_eq!(native.upstream.counts().requests, 0);
}

#[tokio::test]
async fn a_model_that_may_be_read_in_two_ways_is_refused() {
    let native = Native::new().await;
    for body in [
        r#"{"model":"gpt-4o","model":"gpt-5","messages":[]}"#,
        r#"{"model":"gpt-4o","Model":"gpt-5","messages":[]}"#,
        r#"{"MODEL":"gpt-5","messages":[]}"#,
        r#"{"model":"gpt-4o","mod\u0065l":"gpt-5","messages":[]}"#,
        "{",
        "[]",
        "",
    ] {
        let answer = native
            .project
            .client
            .send(Method::POST, &native.url("/corp/v1/chat/completions"), body)
            .await
            .unwrap();
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert!(answer.json()["error"]["message"].is_string(), "{body}");
    }
    assert_eq!(native.upstream.counts().requests, 0);
}

#[tokio::test]
async fn a_list_of_models_that_cannot_be_read_is_not_passed_on() {
    let native = Native::new().await;
    native.upstream.otherwise(
        Reply::status(200)
            .header("content-encoding", "gzip")
            .with_body("application/json", vec![0x1f, 0x8b, 0x08, 0x00]),
    );
    let client = native.project.client.clone().header("accept-encoding", "gzip, br");
    let answer = client.get(&native.url("/corp/v1/models")).await.unwrap();
    let told = answer.expect(502).unwrap();
    assert!(told["error"]["message"].is_string(), "{told}");
    let seen = native.upstream.last_request().unwrap();
    assert!(seen.header("accept-encoding").is_none_or(|accepted| accepted == "identity"), "{seen:?}");
}

#[tokio::test]
async fn the_vendors_see_no_more_than_they_need() {
    let native = Native::new().await;
    let client = native
        .project
        .client
        .clone()
        .header("cookie", "session=canary-cookie")
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-real-ip", "203.0.113.9")
        .header("x-api-key", "canary-key");
    client
        .send(Method::POST, &native.url("/corp/v1/chat/completions"), CHAT)
        .await
        .unwrap()
        .expect(200)
        .unwrap();
    let seen = native.upstream.last_request().unwrap();
    let shown = format!("{:?}", seen.headers);
    assert!(!shown.contains("canary") && !shown.contains("203.0.113.9"), "{shown}");
    assert!(!shown.contains(&native.project.token), "{shown}");
    assert_eq!(seen.header("authorization"), Some("Bearer key-of-corp"));
}

#[tokio::test]
async fn strangers_are_refused_in_the_shape_of_the_family() {
    let native = Native::new().await;
    for (path, body) in [("/corp/v1/chat/completions", CHAT), ("/claude/v1/messages", MESSAGES)] {
        let answer = Client::new().send(Method::POST, &native.url(path), body).await.unwrap();
        let body = answer.expect(401).unwrap();
        assert!(body["error"]["message"].is_string() && body["error"]["type"].is_string(), "{body}");
    }
    assert_eq!(native.upstream.counts().requests, 0);
}

#[tokio::test]
async fn models_are_told_as_the_vendor_tells_them_and_nothing_else_is() {
    let native = Native::new().await;
    native.upstream.handle(|request| {
        if request.path.starts_with("/v1/models") {
            let row = json!({"id": "gpt-4o", "object": "model", "created": 7, "owned_by": "vendor"});
            return Reply::json(&json!({"object": "list", "data": [row], "account": "canary"}));
        }
        vendor::answer(request)
    });
    let client = &native.project.client;
    let listed = client.get(&native.url("/corp/v1/models")).await.unwrap().expect(200).unwrap();
    assert_eq!((&listed["data"][0]["id"], &listed["data"][0]["created"]), (&json!("gpt-4o"), &json!(7)));
    assert!(!listed.to_string().contains("canary"), "{listed}");
    let one = client.get(&native.url("/corp/v1/models/gpt-4o")).await.unwrap().expect(200).unwrap();
    assert_eq!(one["id"], "gpt-4o");
    client.get(&native.url("/corp/v1/models/gpt-9")).await.unwrap().expect(404).unwrap();

    // The operator and the token see it, too, where they look for it.
    let found = native.gateway.admin(Method::GET, "/providers/model-catalog", &Value::Null).await.unwrap();
    let found = found.expect(200).unwrap();
    let corp = found
        .as_array()
        .unwrap()
        .iter()
        .find(|offer| offer["name"] == "corp")
        .unwrap_or_else(|| panic!("{found}"));
    assert_eq!(corp["models"], json!(["gpt-4o"]), "{corp}");
    let help = client.get(&format!("{}/api/v1/me/help/setup", native.gateway.api)).await.unwrap();
    let help = help.expect(200).unwrap();
    let corp = help["providers"].as_array().unwrap().iter().find(|offer| offer["name"] == "corp").unwrap();
    assert_eq!((&corp["routePrefix"], &corp["models"]), (&json!("/corp/v1"), &json!(["gpt-4o"])), "{corp}");
}
