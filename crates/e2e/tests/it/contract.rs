//! Every route of the API by real HTTP, on both installations: the names and types of what it answers,
//! its statuses and its error codes. A file for each resource, which says what routes it calls; the
//! pass fails when it called others, and [`coverage`] when a served route is in none.

mod accounting;
mod behaviours;
mod caller;
mod conventions;
mod coverage;
mod dashboards;
mod endpoints;
mod faqs;
mod frontend;
mod groups;
mod guardrails;
mod jobs;
mod keys;
mod limits;
mod management;
mod mcp_servers;
mod me;
mod monitoring;
mod network_rules;
mod operations;
mod pricing;
mod projects;
mod providers;
mod service_accounts;
mod setup_guides;
mod shape;
mod shapes;
mod sign_in;
mod subscriptions;
mod users;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use promptgate_e2e::{ADMIN_KEY, Client, Gateway, Installation, eventually};
use serde_json::{Value, json};

use caller::Caller;

/// What the first administrator signs in with.
const ADMINISTRATOR: &str = "admin@promptgate.dev";
const PASSWORD: &str = "three white horses";

/// An id that nothing has.
const NOBODY: &str = "018f4e6e-0000-7000-8000-000000000000";

/// One gateway, and what was called of it.
struct Pass {
    gateway: Gateway,
    installation: Installation,
    document: Value,
    called: Mutex<BTreeSet<String>>,
}

/// Walks through a pass in one process over SQLite.
async fn on_sqlite(routes: &str, pass: impl AsyncFnOnce(&Pass)) {
    let installation = prepared(Installation::embedded().unwrap());
    let gateway = Gateway::run_all(&installation).await.unwrap();
    Pass::over(installation, gateway).await.walk(routes, pass).await;
}

/// Walks through a pass in three processes over PostgreSQL and Redis.
async fn on_postgres_and_redis(routes: &str, pass: impl AsyncFnOnce(&Pass)) {
    let installation = prepared(Installation::on_postgres_and_redis().await.unwrap());
    let gateway = Gateway::separate(&installation).await.unwrap();
    let models = json!({"models": ["echo"]});
    gateway.provider_with("echo", "echo", "http://echo.invalid", &models).await.unwrap();
    Pass::over(installation, gateway).await.walk(routes, pass).await;
}

fn prepared(installation: Installation) -> Installation {
    installation
        .set("PROMPTGATE_ADMIN_PASSWORD", PASSWORD)
        .set("PROMPTGATE_BCRYPT_COST", "4")
        // Services that are looked at are on this machine.
        .set("PROMPTGATE_SSRF_ALLOWED_HOSTS", "127.0.0.0/8")
}

impl Pass {
    async fn over(installation: Installation, gateway: Gateway) -> Self {
        let url = format!("{}/api/openapi.json", gateway.api);
        let document = Client::new().get(&url).await.unwrap().expect(200).unwrap();
        Self { gateway, installation, document, called: Mutex::default() }
    }

    async fn walk(self, routes: &str, pass: impl AsyncFnOnce(&Self)) {
        pass(&self).await;
        let called = self.called.into_inner().unwrap_or_else(PoisonError::into_inner);
        let declared = listed(routes);
        let missed: Vec<_> = declared.difference(&called).collect();
        let undeclared: Vec<_> = called.difference(&declared).collect();
        assert!(
            missed.is_empty() && undeclared.is_empty(),
            "not called {missed:?}, not listed {undeclared:?}"
        );
        self.gateway.stop().await.unwrap();
    }

    /// Whoever has the operator's key, below `/api/v1/admin`.
    fn operator(&self) -> Caller<'_> {
        self.caller(Client::new().header("x-admin-api-key", ADMIN_KEY), "/api/v1/admin")
    }

    /// Somebody who shows nothing.
    fn stranger(&self) -> Caller<'_> {
        self.caller(Client::new(), "")
    }

    /// Whoever has a token, on the control plane.
    fn bearer(&self, token: &str) -> Caller<'_> {
        self.caller(Client::new().bearer(token), "")
    }

    fn caller(&self, client: Client, base: &'static str) -> Caller<'_> {
        Caller { pass: self, client, base, server: self.gateway.api.clone() }
    }

    /// A page of the frontend in which somebody is signed in.
    async fn signed_in(&self, email: &str) -> Caller<'_> {
        let page = Client::new().header("origin", &self.gateway.api);
        let url = format!("{}/auth/password", self.gateway.api);
        let body = json!({"email": email, "password": PASSWORD});
        let answer = page.post(&url, &body).await.unwrap();
        answer.expect(200).unwrap();
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        self.caller(page.header("cookie", &cookie), "")
    }

    /// Makes a person who signs in with the password of all; the id.
    async fn person(&self, email: &str, role: &str) -> String {
        let arguments = ["user", "create", email, "--name", email, "--role", role];
        let ended = self.installation.operate(&arguments, PASSWORD).await.unwrap();
        assert!(ended.status.success(), "{}{}", ended.output, ended.errors);
        let path = format!("/users?search={email}");
        let found = self.gateway.admin(Method::GET, &path, &Value::Null).await.unwrap().expect(200).unwrap();
        text(&found["items"][0]["id"])
    }

    /// The id of the provider that answers without a network.
    async fn echo(&self) -> String {
        let path = "/providers?pageSize=100";
        let found = self.gateway.admin(Method::GET, path, &Value::Null).await.unwrap().expect(200).unwrap();
        let echo = found["items"].as_array().unwrap().iter().find(|provider| provider["name"] == "echo");
        text(&echo.unwrap()["id"])
    }

    /// Chats with somebody's key, once the data plane knows the key.
    async fn chat(&self, key: &str, words: &str) {
        let body = json!({"model": "echo", "messages": [{"role": "user", "content": words}]});
        let url = format!("{}/echo/v1/chat/completions", self.gateway.proxy);
        let client = Client::new().bearer(key);
        eventually("an answer of echo", Duration::from_secs(30), || async {
            client.post(&url, &body).await.ok()?.expect(200).ok()
        })
        .await
        .unwrap();
    }

    fn called(&self, route: &str) {
        self.called.lock().unwrap_or_else(PoisonError::into_inner).insert(route.to_owned());
    }

    /// Whether the document says that a route may answer with a status.
    fn documents(&self, route: &str, status: u16) -> bool {
        let Some((method, path)) = route.split_once(' ') else { return false };
        let operation = &self.document["paths"][path][method.to_ascii_lowercase()];
        operation["responses"][status.to_string()].is_object()
    }
}

/// The routes of a list, one in a line.
fn listed(routes: &str) -> BTreeSet<String> {
    routes.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The id of what was answered.
fn id(view: &Value) -> String {
    text(&view["id"])
}
