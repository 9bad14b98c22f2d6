//! What most tests begin with: a gateway in one process, a project, and a scripted provider.

use promptgate_e2e::{Client, Gateway, Installation, Project, Response};
use promptgate_testkit::upstream::ScriptedUpstream;
use promptgate_testkit::vendor;
use serde_json::{Value, json};

/// The wire formats of chats: the name of the provider that speaks it, the provider's kind, and where
/// its API begins. The fake vendor names the format in its answers.
pub(crate) const FORMATS: [(&str, &str, &str); 5] = [
    ("chat-completions", "openai_compatible", "/v1"),
    ("responses", "openai_compatible", "/v1"),
    ("messages", "anthropic", ""),
    ("generate-content", "google", "/v1beta"),
    ("cohere-chat", "cohere", ""),
];

/// A gateway with a project and a provider's service, which is a fake vendor until told otherwise.
pub(crate) struct Stage {
    _installation: Installation,
    pub(crate) gateway: Gateway,
    pub(crate) project: Project,
    pub(crate) upstream: ScriptedUpstream,
}

impl Stage {
    /// With providers, each by name, kind and where its API begins.
    pub(crate) async fn with(providers: &[(&str, &str, &str)]) -> Self {
        Self::on(Installation::embedded().unwrap(), providers).await
    }

    /// With a provider for every wire format.
    pub(crate) async fn with_every_format() -> Self {
        Self::with(&FORMATS).await
    }

    /// The same in an installation with settings of its own.
    pub(crate) async fn on(installation: Installation, providers: &[(&str, &str, &str)]) -> Self {
        let upstream = ScriptedUpstream::start().await.unwrap();
        upstream.handle(vendor::answer);
        let gateway = Gateway::run_all(&installation).await.unwrap();
        for (name, kind, path) in providers {
            let only_responses = *name == "responses";
            let config = if only_responses { json!({"shapes": ["responses"]}) } else { json!({}) };
            let more = json!({"config": config});
            let base = format!("{}{path}", upstream.url());
            gateway.provider_with(name, kind, &base, &more).await.unwrap();
        }
        let project = gateway.project().await.unwrap();
        Self { _installation: installation, gateway, project, upstream }
    }

    /// Calls a route of the project; the whole answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.project.client.post(&self.project.url(path), body).await.unwrap()
    }

    /// Calls a route of the project with headers more than usual; the whole answer.
    pub(crate) async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Response {
        let client = headers
            .iter()
            .fold(self.project.client.clone(), |client, (name, value)| client.header(name, value));
        client.post(&self.project.url(path), body).await.unwrap()
    }

    /// Reads a route of the project.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.project.client.get(&self.project.url(path)).await.unwrap()
    }

    /// What was recorded of the last of so many calls, the set-up's list of models not counted.
    pub(crate) async fn recorded(&self, calls: usize) -> Value {
        self.gateway.last_call(&self.project, calls + 1).await.unwrap()
    }

    /// A token of the same project for other calls.
    pub(crate) async fn another_token(&self, body: &Value) -> Client {
        let (token, _) = self.gateway.token(&self.project.id, body).await.unwrap();
        Client::new().bearer(&token)
    }
}

/// A body of Chat Completions with one message of the user.
pub(crate) fn chat(model: &str, words: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": words}]})
}

/// A body of Anthropic's messages with one message of the user.
pub(crate) fn messages(model: &str, words: &str) -> Value {
    json!({"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": words}]})
}

/// A body of Responses with one message of the user.
pub(crate) fn response(model: &str, words: &str) -> Value {
    json!({"model": model, "input": words})
}

/// `body` with more members.
pub(crate) fn and(mut body: Value, more: &Value) -> Value {
    for (member, value) in more.as_object().into_iter().flatten() {
        body[member] = value.clone();
    }
    body
}

/// The data of every event of a stream that is JSON.
pub(crate) fn events(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}
