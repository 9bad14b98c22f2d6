//! Items 1 to 3: who gets which status on which route.

use http::Method;
use promptgate_e2e::{Client, Project, Response};
use serde_json::{Value, json};

use crate::stage::{Stage, chat, messages, response};

/// A row of the route table: its number, method, path behind `/api/{uuid}`, the scope that opens it, the
/// types of project that have it, and a body that is answered with 200.
struct Row {
    number: u32,
    method: Method,
    path: &'static str,
    scope: &'static str,
    types: &'static [&'static str],
    body: Value,
}

const GATEWAY: &[&str] = &["ai_gateway"];
const WRAPPERS: &[&str] = &["ai_wrapper", "agent_proxy"];
const ALL: &[&str] = &["ai_gateway", "ai_wrapper", "agent_proxy", "api_gateway", "mcp_gateway"];

fn rows() -> Vec<Row> {
    let post =
        |number, path, types, body| Row { number, method: Method::POST, path, scope: "chat", types, body };
    let get = |number, path, scope, types| Row {
        number,
        method: Method::GET,
        path,
        scope,
        types,
        body: Value::Null,
    };
    vec![
        post(1, "/mail", GATEWAY, json!({"message": "Hello"})),
        post(2, "/chat/completions", GATEWAY, json!({"endpoint": "mail", "message": "Hello"})),
        post(3, "/v1/chat/completions", WRAPPERS, chat("up:m", "Hello")),
        post(4, "/v1/responses", WRAPPERS, response("up:m", "Hello")),
        post(5, "/v1/messages", WRAPPERS, messages("up:m", "Hello")),
        post(6, "/v1/embeddings", WRAPPERS, response("up:m", "Hello")),
        get(7, "/v1/models", "chat", WRAPPERS),
        get(11, "/info", "admin", ALL),
        get(12, "/endpoints", "admin", ALL),
        get(13, "/tokens", "admin", ALL),
        get(14, "/models", "models", ALL),
    ]
}

impl Row {
    async fn call(&self, client: &Client, base: &str) -> Response {
        let body = if self.body.is_null() { String::new() } else { self.body.to_string() };
        client.send(self.method.clone(), &format!("{base}{}", self.path), body).await.unwrap()
    }
}

/// A provider, and a project of each type; the one for endpoints has one, `mail`.
async fn stage() -> (Stage, Vec<(&'static str, Project)>) {
    let stage = Stage::with(&[]).await;
    let base = format!("{}/v1", stage.upstream.url());
    let provider = stage.gateway.provider("up", "openai_compatible", &base).await.unwrap();
    let mut projects = Vec::new();
    for kind in ALL {
        let project = stage.gateway.project_of(kind).await.unwrap();
        if *kind == "ai_gateway" {
            let mail = json!({"name": "Mail", "slug": "mail", "providerId": provider, "providerModel": "m"});
            endpoint(&stage, &project, &mail).await;
        }
        projects.push((*kind, project));
    }
    stage.gateway.caught_up().await.unwrap();
    (stage, projects)
}

async fn endpoint(stage: &Stage, project: &Project, body: &Value) -> String {
    let path = format!("/projects/{}/endpoints", project.id);
    let created = stage.gateway.admin(Method::POST, &path, body).await.unwrap().expect(201).unwrap();
    created["id"].as_str().unwrap().to_owned()
}

async fn token(stage: &Stage, project: &Project, body: Value) -> (Client, String) {
    let (secret, id) = stage.gateway.token(&project.id, &body).await.unwrap();
    (Client::new().bearer(&secret), id)
}

/// The text that a person reads, whatever shape it is in.
fn message(answer: &Response) -> String {
    let body = answer.json();
    let error = &body["error"];
    let text = error["message"].as_str().or(body["message"].as_str()).or(error.as_str());
    text.unwrap_or_else(|| panic!("no message: {}", answer.text())).to_lowercase()
}

#[tokio::test]
async fn item_01_every_route_answers_with_the_documented_status() {
    let (stage, projects) = stage().await;
    for row in rows() {
        for (kind, project) in projects.iter().filter(|(kind, _)| row.types.contains(kind)) {
            let what = format!("row {} of {kind}", row.number);
            let scopes = json!({"name": "Right", "scopes": [row.scope]});
            let (right, _) = token(&stage, project, scopes.clone()).await;
            let answer = row.call(&right, &project.base).await;
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());

            let answer = row.call(&Client::new(), &project.base).await;
            assert_eq!(answer.status, 401, "{what}, no token: {}", answer.text());
            assert!(message(&answer).contains("bearer"), "{what}: {}", answer.text());

            let prefix = Client::new().bearer("sk-0123456789");
            let answer = row.call(&prefix, &project.base).await;
            assert_eq!(answer.status, 401, "{what}, bad prefix: {}", answer.text());
            assert!(message(&answer).contains("format"), "{what}: {}", answer.text());

            // The secret of before a rotation is well-formed, and nobody's.
            let (unknown, id) = token(&stage, project, scopes.clone()).await;
            let rotate = format!("/tokens/{id}/rotate");
            stage.gateway.admin(Method::POST, &rotate, &Value::Null).await.unwrap().expect(200).unwrap();
            let (inactive, id) = token(&stage, project, scopes).await;
            let off = json!({"isActive": false});
            stage
                .gateway
                .admin(Method::PATCH, &format!("/tokens/{id}"), &off)
                .await
                .unwrap()
                .expect(200)
                .unwrap();
            for (client, which) in [(unknown, "unknown"), (inactive, "inactive")] {
                let answer = row.call(&client, &project.base).await;
                assert_eq!(answer.status, 401, "{what}, {which}: {}", answer.text());
                let said = message(&answer);
                assert!(said.contains("invalid") && said.contains("revoked"), "{what}: {said}");
            }

            let others = ["chat", "models", "admin", "proxy", "mcp"];
            let others: Vec<_> = others.into_iter().filter(|scope| *scope != row.scope).collect();
            let (narrow, _) = token(&stage, project, json!({"name": "Narrow", "scopes": others})).await;
            let answer = row.call(&narrow, &project.base).await;
            assert_eq!(answer.status, 403, "{what}, missing scope: {}", answer.text());
            let said = message(&answer);
            assert!(
                said.contains(row.scope) && others.iter().all(|scope| said.contains(scope)),
                "{what}: {said}"
            );

            let (_, elsewhere) = projects.iter().find(|(other, _)| other != kind).unwrap();
            let (foreign, _) =
                token(&stage, elsewhere, json!({"name": "Foreign", "scopes": [row.scope]})).await;
            let answer = row.call(&foreign, &project.base).await;
            assert_eq!(answer.status, 403, "{what}, other project: {}", answer.text());
            assert!(
                message(&answer).contains("does not belong to this project"),
                "{what}: {}",
                answer.text()
            );
        }
    }

    let off = json!({"isActive": false});
    for (_, project) in &projects {
        let path = format!("/projects/{}", project.id);
        stage.gateway.admin(Method::PATCH, &path, &off).await.unwrap().expect(200).unwrap();
    }
    stage.gateway.caught_up().await.unwrap();
    for row in rows() {
        for (kind, project) in projects.iter().filter(|(kind, _)| row.types.contains(kind)) {
            let answer = row.call(&project.client, &project.base).await;
            assert_eq!(answer.status, 403, "row {} of inactive {kind}: {}", row.number, answer.text());
            assert!(message(&answer).contains("inactive"), "{}", answer.text());
        }
    }
}

#[tokio::test]
async fn item_02_a_route_of_another_type_of_project_is_400_and_names_the_right_one() {
    let (stage, projects) = stage().await;
    let asked = stage.upstream.counts().requests;
    for row in rows().iter().filter(|row| row.number <= 7) {
        for (kind, project) in projects.iter().filter(|(kind, _)| !row.types.contains(kind)) {
            let answer = row.call(&project.client, &project.base).await;
            let what = format!("row {} on {kind}: {}", row.number, answer.text());
            assert_eq!(answer.status, 400, "{what}");
            let said = message(&answer);
            if row.types == GATEWAY {
                assert!(said.contains("ai_gateway") || said.contains("ai gateway"), "{what}");
                assert!(said.contains("/v1/chat/completions") || !WRAPPERS.contains(kind), "{what}");
            } else {
                assert!(row.types.iter().all(|right| said.contains(right)), "{what}");
            }
            assert!(answer.text().contains("invalid_project_type") || row.number == 5, "{what}");
        }
    }
    assert_eq!(stage.upstream.counts().requests, asked);
}

#[tokio::test]
async fn item_03_an_inactive_endpoint_is_404_and_one_that_is_not_the_tokens_403() {
    let (stage, projects) = stage().await;
    let (_, project) = &projects[0];
    let path = format!("/projects/{}/endpoints", project.id);
    let listed = stage.gateway.admin(Method::GET, &path, &Value::Null).await.unwrap().expect(200).unwrap();
    let mail = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let provider = listed["items"][0]["providerId"].clone();
    let other = json!({"name": "Other", "slug": "other", "providerId": provider, "providerModel": "m"});
    endpoint(&stage, project, &other).await;
    let (only_mail, _) =
        token(&stage, project, json!({"name": "Mail only", "scopes": ["chat"], "endpointIds": [mail]})).await;

    let call = |client: Client, slug: &'static str| {
        let (direct, dispatched) = (project.url(&format!("/{slug}")), project.url("/chat/completions"));
        async move {
            let body = json!({"message": "Hello"});
            let direct = client.post(&direct, &body).await.unwrap();
            let body = json!({"message": "Hello", "endpoint": slug});
            [direct, client.post(&dispatched, &body).await.unwrap()]
        }
    };
    for answer in call(only_mail.clone(), "mail").await {
        answer.expect(200).unwrap();
    }
    for answer in call(only_mail.clone(), "other").await {
        answer.expect(403).unwrap();
    }
    // An unknown slug is 404 also for who may call nothing else.
    for client in [only_mail.clone(), project.client.clone()] {
        for answer in call(client, "nowhere").await {
            assert_eq!(answer.status, 404, "{}", answer.text());
            assert!(message(&answer).contains("nowhere"), "{}", answer.text());
        }
    }
    let switch = |to: &str| format!("{path}/{mail}/{to}");
    for (to, status) in [("deactivate", 404), ("activate", 200)] {
        stage.gateway.admin(Method::PATCH, &switch(to), &Value::Null).await.unwrap().expect(200).unwrap();
        stage.gateway.caught_up().await.unwrap();
        for client in [only_mail.clone(), project.client.clone()] {
            for answer in call(client, "mail").await {
                assert_eq!(answer.status, status, "{to}: {}", answer.text());
            }
        }
    }
}
