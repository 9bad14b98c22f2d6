//! Every scope on every public route, and what is no token there.

use http::Method;
use promptgate_e2e::{ADMIN_KEY, Client, Gateway, Installation, Response};
use serde_json::json;

use super::cast::{Stage, text};
use super::{Line, NO_ID, call, scopes_table};

const SCOPES: [&str; 8] =
    ["chat", "models", "proxy", "mcp", "admin", "tokens:write", "endpoints:write", "credentials:read"];

fn opens(scope: &str, needed: &str) -> bool {
    match needed {
        "any" => true,
        "tokens:write" | "endpoints:write" | "admin" => scope == needed || scope == "admin",
        runtime => scope == runtime,
    }
}

/// Whether a route is about AI endpoints, which projects of one type have.
fn is_of_endpoints(path: &str) -> bool {
    path.contains("/admin/endpoints")
        || matches!(path, "/api/{project}/{slug}" | "/api/{project}/chat/completions")
}

/// Whether the API's port has the route too.
fn is_on_both(line: &Line) -> bool {
    line.path.starts_with("/api/{project}/")
        && !line.path.starts_with("/api/{project}/v1/")
        && line.who != "chat"
}

fn address(line: &Line, project: &str) -> String {
    let path = line.path.replace("{project}", project).replace("{provider}", "echo");
    let path = path.replace("{slug}", "mail").replace("{model}", "echo").replace("{events}", "batch");
    let path = path.replace("{tokenUuid}", NO_ID).replace("{endpointUuid}", NO_ID);
    ["{response}", "{conversation}", "{item}"].iter().fold(path, |path, name| path.replace(name, "none"))
}

/// The text that a person reads, whatever shape it is in.
fn message(answer: &Response) -> String {
    let body = answer.json();
    let error = &body["error"];
    let text = error["message"].as_str().or(body["message"].as_str()).or(error.as_str());
    text.unwrap_or_default().to_lowercase()
}

/// A gateway with a project for models and one for endpoints.
struct House {
    _installation: Installation,
    gateway: Gateway,
    models: String,
    endpoints: String,
    /// What a person and a program have that are of no project.
    cookie: Client,
    personal: String,
    service: String,
}

impl House {
    async fn new() -> Self {
        Self::at(Installation::embedded().unwrap()).await
    }

    async fn at(installation: Installation) -> Self {
        let installation = installation.set("PROMPTGATE_BCRYPT_COST", "4");
        let gateway = Gateway::run_all(&installation).await.unwrap();
        let stage = Stage { installation: &installation, gateway: &gateway, issuers: None };
        stage.admin(Method::PATCH, "/settings", json!({"managementApi": true}), 200).await;
        let cookie = stage.administrator("ada@example.com").await;
        let (personal, service) = (stage.personal_key("bob@example.com").await, stage.service_key().await);
        let models = gateway.project_of("agent_proxy").await.unwrap().id;
        let endpoints = gateway.project_of("ai_gateway").await.unwrap().id;
        Self { _installation: installation, gateway, models, endpoints, cookie, personal, service }
    }

    fn project(&self, line: &Line) -> &str {
        if is_of_endpoints(&line.path) { &self.endpoints } else { &self.models }
    }

    async fn token(&self, project: &str, scopes: &[&str]) -> String {
        self.gateway.token(project, &json!({"name": "Table", "scopes": scopes})).await.unwrap().0
    }

    /// What each port that has the route answers.
    async fn ask(&self, line: &Line, client: &Client) -> Vec<Response> {
        let ports = [Some(&self.gateway.proxy), is_on_both(line).then_some(&self.gateway.api)];
        let path = address(line, self.project(line));
        let body = (line.method != Method::GET && line.method != Method::DELETE).then(|| json!({}));
        let mut answers = Vec::new();
        for port in ports.into_iter().flatten() {
            answers.push(call(client, &line.method, &format!("{port}{path}"), body.as_ref()).await);
        }
        answers
    }
}

async fn every_scope_opens_its_own(installation: Installation) {
    let house = House::at(installation).await;
    let mut wrong = Vec::new();
    for scope in SCOPES {
        let of_models = Client::new().bearer(&house.token(&house.models, &[scope]).await);
        let of_endpoints = Client::new().bearer(&house.token(&house.endpoints, &[scope]).await);
        for line in scopes_table() {
            let client = if is_of_endpoints(&line.path) { &of_endpoints } else { &of_models };
            for answer in house.ask(&line, client).await {
                let status = answer.status.as_u16();
                let is_right = if opens(scope, &line.who) {
                    !matches!(status, 401 | 403 | 429) && (status < 500 || status == 501)
                } else {
                    status == 403 && message(&answer).contains(&line.who)
                };
                if !is_right {
                    let Line { who, method, path } = &line;
                    wrong.push(format!("{scope} {method} {path} ({who}): {status} {}", answer.text()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    house.gateway.stop().await.unwrap();
}

#[tokio::test]
async fn every_scope_opens_what_the_table_says_and_no_more() {
    every_scope_opens_its_own(Installation::embedded().unwrap()).await;
}

#[tokio::test]
async fn every_scope_opens_the_same_over_postgres_and_redis() {
    every_scope_opens_its_own(Installation::on_postgres_and_redis().await.unwrap()).await;
}

#[tokio::test]
async fn what_is_no_token_of_the_project_opens_no_public_route() {
    let house = House::new().await;
    let elsewhere = house.gateway.project_of("mcp_gateway").await.unwrap();
    let foreign = house.token(&elsewhere.id, &SCOPES).await;
    let [models, endpoints] =
        [house.token(&house.models, &SCOPES).await, house.token(&house.endpoints, &SCOPES).await];
    for line in scopes_table() {
        let own = if is_of_endpoints(&line.path) { &endpoints } else { &models };
        let of_a_project = line.path.starts_with("/api/");
        let strangers = [
            ("nothing", Client::new()),
            ("a session", house.cookie.clone()),
            ("the admin key", Client::new().header("x-admin-api-key", ADMIN_KEY)),
            ("the admin key as a bearer", Client::new().bearer(ADMIN_KEY)),
            ("the admin key and a session", house.cookie.clone().header("x-admin-api-key", ADMIN_KEY)),
            ("the token as a session", Client::new().header("cookie", &format!("promptgate_session={own}"))),
            ("the token as the admin key", Client::new().header("x-admin-api-key", own)),
            ("the token without a scheme", Client::new().header("authorization", own)),
            ("the token by another scheme", Client::new().header("authorization", &format!("Basic {own}"))),
            ("the token of a proxy", Client::new().header("proxy-authorization", &format!("Bearer {own}"))),
            ("a token that is cut off", Client::new().bearer(&own[..own.len() - 1])),
        ];
        for (with, client) in strangers {
            for answer in house.ask(&line, &client).await {
                let what = format!("{} {} with {with}: {}", line.method, line.path, answer.text());
                assert_eq!(answer.status, 401, "{what}");
            }
        }
        let mut others = vec![("another project's token", foreign.clone())];
        if of_a_project {
            others.push(("a personal key", house.personal.clone()));
            others.push(("a service account's key", house.service.clone()));
        }
        for (with, token) in others.into_iter().filter(|_| of_a_project) {
            for answer in house.ask(&line, &Client::new().bearer(&token)).await {
                let what = format!("{} {} with {with}: {}", line.method, line.path, answer.text());
                assert_eq!(answer.status, 403, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_counts_in_its_two_headers_and_the_bearer_goes_first() {
    let house = House::new().await;
    let own = house.token(&house.models, &["chat"]).await;
    let url = format!("{}/api/{}/v1/models", house.gateway.proxy, house.models);
    let bearer = |text: &str| format!("Bearer {text}");
    let last = if own.ends_with('x') { 'y' } else { 'x' };
    let wrong = format!("{}{last}", &own[..own.len() - 1]);
    let session = house.cookie.clone();
    for (client, status) in [
        (Client::new().bearer(&own), 200),
        (Client::new().header("authorization", &format!("bearer {own}")), 200),
        (Client::new().header("x-api-key", &own), 200),
        (Client::new().bearer(&own).header("x-api-key", "nonsense"), 200),
        (Client::new().header("authorization", "Basic dTpw").header("x-api-key", &own), 200),
        // Whatever else is sent along neither helps nor hurts.
        (session.clone().bearer(&own), 200),
        (Client::new().bearer(&own).header("x-admin-api-key", "wrong"), 200),
        (session.bearer(&wrong), 401),
        (Client::new().bearer(&wrong).header("x-api-key", &own), 401),
        (Client::new().bearer(&wrong).header("x-admin-api-key", ADMIN_KEY), 401),
        (Client::new().header("authorization", &bearer(&wrong)), 401),
    ] {
        let answer = client.get(&url).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    for query in ["api_key", "token", "access_token", "key"] {
        let answer = Client::new().get(&format!("{url}?{query}={own}")).await.unwrap();
        assert_eq!(answer.status, 401, "{query}: {}", answer.text());
    }
    // A personal key is one of the project that all of them belong to, and of the providers' own routes.
    let projects = house.gateway.admin(Method::GET, "/projects?search=default", &json!(null)).await.unwrap();
    let default = text(&projects.json()["items"][0]["uuid"]);
    for key in [&house.personal, &house.service] {
        for path in [format!("/api/{default}/v1/models"), "/echo/v1/models".to_owned()] {
            let url = format!("{}{path}", house.gateway.proxy);
            let answer = Client::new().bearer(key).get(&url).await.unwrap();
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
        let url = format!("{}/api/{default}/info", house.gateway.proxy);
        assert_eq!(Client::new().bearer(key).get(&url).await.unwrap().status, 403);
    }
}
