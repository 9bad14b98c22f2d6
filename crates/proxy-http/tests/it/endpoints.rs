//! AI endpoints behind their routes.

use async_trait::async_trait;
use axum::body::Body;
use http::{Method, Request};
use promptgate_endpoints::{
    AiSession, Append, CacheKey, CachedAnswer, Catalogue, Endpoint, Named, NewEndpoint, SessionMessage,
    TurnRecord,
};
use promptgate_gateway::{Configuration, EndpointMemory};
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{
    AiSessionId, CredentialId, EndpointId, ProjectId, ProviderId, RepositoryError, TemplateId, Timestamp,
};
use promptgate_projects::{NewProject, Project, ProjectEnv, ProjectName, ProjectType};
use promptgate_tokens::Scope;
use serde_json::{Value, json};

use crate::scripted::{events, json as answers, piece};
use crate::support::{Answer, Bench, DELTA, DONE, USAGE};

/// Keeps nothing: conversations are not to be had, and every cached answer is missed.
pub(crate) struct NoMemory;

fn away<T>() -> Result<T, RepositoryError> {
    Err(RepositoryError::Unavailable { source: "there is none".into() })
}

#[async_trait]
impl EndpointMemory for NoMemory {
    async fn session(
        &self,
        _: AiSessionId,
    ) -> Result<Option<(AiSession, Vec<SessionMessage>)>, RepositoryError> {
        away()
    }

    async fn begin(&self, _: &AiSession, _: &TurnRecord) -> Result<(), RepositoryError> {
        away()
    }

    async fn append(&self, _: AiSessionId, _: &TurnRecord, _: u32) -> Result<Append, RepositoryError> {
        away()
    }

    async fn forget(&self, _: AiSessionId) -> Result<(), RepositoryError> {
        away()
    }

    async fn cached(&self, _: &CacheKey, _: Timestamp) -> Result<Option<CachedAnswer>, RepositoryError> {
        away()
    }

    async fn keep(&self, _: &CachedAnswer) -> Result<(), RepositoryError> {
        away()
    }
}

/// Knows every id.
struct Everything;

impl Catalogue for Everything {
    fn has_template(&self, _: TemplateId) -> bool {
        true
    }

    fn has_provider(&self, _: ProviderId) -> bool {
        true
    }

    fn provider_of(&self, _: CredentialId) -> Option<ProviderId> {
        None
    }

    fn template_named(&self, _: &str) -> Named {
        Named::One
    }

    fn credential_named(&self, _: &str) -> Named {
        Named::One
    }
}

struct Gatehouse {
    bench: Bench,
    project: ProjectId,
    token: String,
}

const SAID: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06",
    "choices":[{"index":0,"message":{"role":"assistant","content":"Short."},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

impl Gatehouse {
    fn new() -> Self {
        let mut bench = Bench::new();
        let project = ProjectId::mint(&TestClock::at_millis(5), &SeededEntropy::new(77));
        bench.reconfigure(|configuration| configuration.projects.push(gateway_project(project)));
        let token = bench.token(project);
        let mut house = Self { bench, project, token };
        house.endpoint("summarise", |_| {});
        house
    }

    /// Another endpoint of the provider `main`.
    fn endpoint(&mut self, slug: &str, change: impl FnOnce(&mut NewEndpoint)) -> EndpointId {
        let seed = slug.bytes().fold(3, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let id = EndpointId::mint(&TestClock::at_millis(6), &SeededEntropy::new(seed));
        let project = self.project;
        self.bench.reconfigure(|configuration| {
            let mut new = NewEndpoint {
                name: slug.to_owned(),
                slug: Some(slug.to_owned()),
                provider_id: Some(provider(configuration, "main")),
                provider_model: Some("gpt-4o".to_owned()),
                ..NewEndpoint::default()
            };
            change(&mut new);
            let saved = Endpoint::create(id, project, new, &Everything, None, Timestamp::default()).unwrap();
            configuration.endpoints.push(saved.endpoint);
        });
        id
    }

    fn request(&self, token: &str, method: Method, path: &str, body: &Value) -> Request<Body> {
        self.bench.by(token, method, &format!("/api/{}/{path}", self.project), &body.to_string())
    }

    async fn ask(&self, path: &str, body: &Value) -> Answer {
        self.bench.ask(self.request(&self.token, Method::POST, path, body)).await
    }
}

fn gateway_project(id: ProjectId) -> Project {
    let new = NewProject {
        name: ProjectName::parse("Prompts").unwrap(),
        kind: ProjectType::AiGateway,
        env: ProjectEnv::default(),
        default_provider: None,
        record_bodies: None,
        limits: promptgate_kernel::LimitSet::default(),
        metadata: serde_json::Map::new(),
        active: true,
    };
    Project::create(id, new, Timestamp::default()).unwrap()
}

fn provider(configuration: &Configuration, name: &str) -> ProviderId {
    configuration.providers.iter().find(|provider| provider.name.as_str() == name).unwrap().id
}

#[tokio::test]
async fn both_routes_give_the_same_flat_answer() {
    let house = Gatehouse::new();
    for (path, body) in [
        ("summarise", json!({"message": "hello"})),
        (
            "chat/completions",
            json!({"endpoint": "summarise", "messages": [{"role": "user", "content": "hello"}]}),
        ),
    ] {
        house.bench.upstream.will(answers(200, SAID));
        let answer = house.ask(path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let request_id = answer.header("x-request-id").unwrap();
        assert_eq!(
            answer.json(),
            json!({
                "ok": true, "id": "chatcmpl-1", "model": "gpt-4o-2024-08-06", "content": "Short.",
                "finish_reason": "stop", "tool_calls": null,
                "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
                "meta": {"request_id": request_id},
            })
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("x-promptgate-cache"), Some("off"));
        let sent: Value =
            serde_json::from_slice(&house.bench.upstream.requests().pop().unwrap().body).unwrap();
        assert_eq!(sent["messages"], json!([{"role": "user", "content": "hello"}]));
    }
    let events = house.bench.events();
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.endpoint_slug.as_deref() == Some("summarise")));
}

#[tokio::test]
async fn who_may_not_is_told_why_in_the_flat_shape() {
    let mut house = Gatehouse::new();
    let other = house.endpoint("other", |_| {});
    house.endpoint("off", |new| new.is_active = Some(false));
    let bench = &house.bench;
    let message = json!({"message": "hello"});
    let limited = bench.token_with(house.project, |token| token.endpoint_ids = vec![other]);
    let no_scope =
        bench.token_with(house.project, |token| token.scopes = [Scope::Models].into_iter().collect());
    let foreign = bench.token(bench.wrapper);
    let rows = [
        ("pg_live_bad", "summarise", &message, 401, "malformed_token"),
        (no_scope.as_str(), "summarise", &message, 403, "missing_scope"),
        (foreign.as_str(), "summarise", &message, 403, "foreign_project"),
        (limited.as_str(), "summarise", &message, 403, "endpoint_not_allowed"),
        (limited.as_str(), "missing", &message, 404, "endpoint_not_found"),
        (house.token.as_str(), "missing", &message, 404, "endpoint_not_found"),
        (house.token.as_str(), "off", &message, 404, "endpoint_not_found"),
        (house.token.as_str(), "Summarise", &message, 404, "endpoint_not_found"),
        (house.token.as_str(), "mcp", &message, 404, "route_not_found"),
        (house.token.as_str(), "chat", &message, 404, "route_not_found"),
        (house.token.as_str(), "summarise/more", &message, 404, "route_not_found"),
        (house.token.as_str(), "chat/completions", &message, 400, "invalid_field"),
        (house.token.as_str(), "summarise", &json!({"other": 1}), 422, "input_invalid"),
        (house.token.as_str(), "summarise", &json!({"message": 7}), 400, "invalid_field"),
        (house.token.as_str(), "v1/chat/completions", &message, 400, "invalid_project_type"),
    ];
    for (token, path, body, status, code) in rows {
        let answer = bench.ask(house.request(token, Method::POST, path, body)).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let told = answer.json();
        if path.starts_with("v1") {
            assert_eq!(told["error"]["code"], code);
            continue;
        }
        assert_eq!((&told["ok"], &told["code"]), (&json!(false), &json!(code)), "{path}");
        let text = told["error"].as_str().unwrap();
        assert!(code != "endpoint_not_found" || text.contains(&format!("`{path}`")), "{text}");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        for path in ["summarise", "missing", "chat/completions"] {
            let answer = bench.ask(house.request(&house.token, method.clone(), path, &json!({}))).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method} {path}");
            assert_eq!(answer.json()["ok"], false);
        }
    }
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_wrapper_project_is_pointed_to_its_own_path() {
    let house = Gatehouse::new();
    let bench = &house.bench;
    for path in ["{p}/summarise", "{p}/chat/completions"] {
        let body = r#"{"endpoint":"summarise","message":"x"}"#;
        let answer = bench.ask(bench.at(Method::POST, path, body)).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["code"]), (400, &json!("invalid_project_type")));
        assert!(told["error"].as_str().unwrap().contains("/v1/chat/completions"), "{told}");
    }
}

#[tokio::test]
async fn a_stream_has_the_shape_and_the_headers_of_the_contract() {
    let mut house = Gatehouse::new();
    house.endpoint("live", |new| new.streaming_enabled = true);
    let body = json!({"message": "hello", "stream": true});
    house.bench.upstream.will(events(vec![piece(DELTA), piece(USAGE), piece(DONE)]));
    let answer = house.ask("live", &body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    let text = answer.text();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let mut said = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && *line != "data: [DONE]") {
        let chunk: Value = serde_json::from_str(line.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(chunk["choices"][0]["index"], 0);
        said += chunk["choices"][0]["delta"]["content"].as_str().unwrap();
    }
    assert_eq!(said, "Hello there");
    let event = house.bench.event();
    assert_eq!((event.streamed, event.tokens.total()), (true, 11));

    // Where streams are off, the wish is passed over in silence.
    house.bench.upstream.will(answers(200, SAID));
    let answer = house.ask("summarise", &body).await;
    assert_eq!((answer.status, answer.json()["content"].as_str()), (200, Some("Short.")));
}

#[tokio::test]
async fn conversations_need_what_they_are_kept_in_and_the_cache_does_not() {
    let mut house = Gatehouse::new();
    house.endpoint("talk", |new| new.sessions_enabled = true);
    house.endpoint("cached", |new| {
        new.cache_enabled = true;
        new.cache_ttl_seconds = Some(60);
    });
    let session = "018f4e6e-0000-7000-8000-000000000001";
    let answer = house.ask("talk", &json!({"message": "hello", "session_id": session})).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("sessions_unavailable")));
    assert!(house.bench.upstream.requests().is_empty());
    house.bench.upstream.will(answers(200, SAID));
    let answer = house.ask("cached", &json!({"message": "hello"})).await;
    assert_eq!((answer.status, answer.header("x-promptgate-cache")), (200, Some("miss")));
}
