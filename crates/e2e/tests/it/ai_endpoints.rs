//! AI endpoints, item by item of the community contract's acceptance checklist (section 59).

mod answers;
mod conversations;
mod refusals;
mod targets;
mod versions;

use std::time::Duration;

use http::Method;
use promptgate_e2e::{Gateway, Installation, Project, Response, eventually};
use promptgate_testkit::upstream::ScriptedUpstream;
use promptgate_testkit::vendor;
use serde_json::{Value, json};

/// A gateway with the providers `corp` (openai), `spare` (`openai_compatible`) and `claude` (anthropic),
/// and an `ai_gateway` project.
struct House {
    _installation: Installation,
    gateway: Gateway,
    project: Project,
    /// Behind `corp` and `claude`.
    upstream: ScriptedUpstream,
    /// Behind `spare`.
    spare: ScriptedUpstream,
    corp: String,
    spare_id: String,
    claude: String,
}

impl House {
    async fn new() -> Self {
        let [upstream, spare] =
            [ScriptedUpstream::start().await.unwrap(), ScriptedUpstream::start().await.unwrap()];
        upstream.handle(vendor::answer);
        spare.handle(vendor::answer);
        let installation = Installation::embedded().unwrap();
        let gateway = Gateway::run_all(&installation).await.unwrap();
        let v1 = |upstream: &ScriptedUpstream| format!("{}/v1", upstream.url());
        let corp = gateway.provider("corp", "openai", &v1(&upstream)).await.unwrap();
        let spare_id = gateway.provider("spare", "openai_compatible", &v1(&spare)).await.unwrap();
        let claude = gateway.provider("claude", "anthropic", &upstream.url()).await.unwrap();
        let project = gateway.project_of("ai_gateway").await.unwrap();
        Self { _installation: installation, gateway, project, upstream, spare, corp, spare_id, claude }
    }

    fn endpoints(&self) -> String {
        format!("/projects/{}/endpoints", self.project.id)
    }

    /// Creates an endpoint of `corp`, with more members or others, and waits until it is known; its id.
    async fn endpoint(&self, slug: &str, more: Value) -> String {
        let mut body =
            json!({"name": slug, "slug": slug, "providerId": self.corp, "providerModel": "gpt-4o"});
        for (member, value) in more.as_object().unwrap() {
            body[member] = value.clone();
        }
        let created = self.admin(Method::POST, &self.endpoints(), &body).await.expect(201).unwrap();
        self.gateway.caught_up().await.unwrap();
        created["id"].as_str().unwrap().to_owned()
    }

    async fn admin(&self, method: Method, path: &str, body: &Value) -> Response {
        self.gateway.admin(method, path, body).await.unwrap()
    }

    /// A change of the control plane, in force when this returns.
    async fn change(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.admin(method, path, body).await;
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text());
        self.gateway.caught_up().await.unwrap();
        answer.json()
    }

    async fn call(&self, slug: &str, body: Value) -> Response {
        self.project.client.post(&self.project.url(&format!("/{slug}")), &body).await.unwrap()
    }

    async fn say(&self, slug: &str, text: &str) -> Response {
        self.call(slug, json!({"message": text})).await
    }

    /// The full record of the call that was answered, or repeated, under a request id.
    async fn record(&self, request_id: &str) -> Value {
        let found = eventually("the record of the call", Duration::from_secs(30), || async {
            let events = self.gateway.usage_now(&self.project).await.ok()?;
            events.into_iter().find(|event| event["requestId"] == request_id)
        });
        let found = found.await.unwrap();
        let path = format!("/calls/{}", found["id"].as_str().unwrap());
        self.admin(Method::GET, &path, &Value::Null).await.expect(200).unwrap()
    }

    /// The full record of a call.
    async fn record_of(&self, answer: &Response) -> Value {
        self.record(answer.header("x-request-id").unwrap()).await
    }
}
