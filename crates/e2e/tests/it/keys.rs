//! Keys of accounts and trees of tokens, over real calls, however the processes are coordinated.

use std::time::Duration;

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project, eventually};
use serde_json::{Value, json};

async fn admin(gateway: &Gateway, method: Method, path: &str, body: Value, status: u16) -> Value {
    gateway.admin(method, path, &body).await.unwrap().expect(status).unwrap()
}

fn proxies(gateway: &Gateway) -> Vec<String> {
    [Some(&gateway.proxy), gateway.second_proxy.as_ref()].into_iter().flatten().cloned().collect()
}

/// The status of a chat with echo, as a token of a project.
async fn chat(proxy: &str, project: &str, token: &str) -> u16 {
    let body = json!({"model": "echo:echo", "messages": [{"role": "user", "content": "hi"}]});
    let url = format!("{proxy}/api/{project}/v1/chat/completions");
    Client::new().bearer(token).post(&url, &body).await.unwrap().status.as_u16()
}

/// Within a second every proxy answers with this status.
async fn all_say(gateway: &Gateway, project: &str, token: &str, status: u16) {
    for proxy in proxies(gateway) {
        eventually(&format!("{status} by {proxy}"), Duration::from_secs(1), || async {
            (chat(&proxy, project, token).await == status).then_some(())
        })
        .await
        .unwrap();
    }
}

async fn mint(gateway: &Gateway, project: &Project, token: &str, body: Value) -> (String, String) {
    let url = format!("{}/api/{}/tokens/children", gateway.proxy, project.id);
    let made = Client::new().bearer(token).post(&url, &body).await.unwrap().expect(201).unwrap();
    let text = |member: &str| made["data"][member].as_str().unwrap().to_owned();
    (text("uuid"), text("token"))
}

async fn trees_end_at_once(gateway: Gateway) {
    if gateway.processes.len() > 1 {
        gateway.provider("echo", "echo", "http://echo.invalid").await.unwrap();
    }
    let project = gateway.project().await.unwrap();
    let (top, id) = gateway.token(&project.id, &json!({"name": "top"})).await.unwrap();
    let (_, child) = mint(&gateway, &project, &top, json!({"name": "child"})).await;
    let (_, last) = mint(&gateway, &project, &child, json!({"name": "last", "scopes": ["chat"]})).await;
    for token in [&top, &child, &last] {
        all_say(&gateway, &project.id, token, 200).await;
    }
    let path = format!("/tokens/{id}");
    for (on, status) in [(false, 401), (true, 200)] {
        admin(&gateway, Method::PATCH, &path, json!({"isActive": on}), 200).await;
        for token in [&child, &last] {
            all_say(&gateway, &project.id, token, status).await;
        }
    }
    let rotated =
        admin(&gateway, Method::POST, &format!("{path}/rotate"), json!({"overlapSeconds": 5}), 200).await;
    let new = rotated["token"].as_str().unwrap();
    for token in [&*top, new, &*last] {
        all_say(&gateway, &project.id, token, 200).await;
    }
    eventually("the end of the overlap", Duration::from_secs(20), || async {
        (chat(&gateway.proxy, &project.id, &top).await == 401).then_some(())
    })
    .await
    .unwrap();
    all_say(&gateway, &project.id, new, 200).await;
    admin(&gateway, Method::DELETE, &path, Value::Null, 204).await;
    for token in [new, &*child, &*last] {
        all_say(&gateway, &project.id, token, 401).await;
    }
}

#[tokio::test]
async fn trees_end_at_once_in_one_process() {
    let installation = Installation::embedded().unwrap();
    trees_end_at_once(Gateway::run_all(&installation).await.unwrap()).await;
}

#[tokio::test]
async fn trees_end_at_once_in_replicas_over_postgres_and_redis() {
    let installation = Installation::on_postgres_and_redis().await.unwrap();
    trees_end_at_once(Gateway::replicated(&installation).await.unwrap()).await;
}

#[tokio::test]
async fn a_key_lives_and_ends() {
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let body = json!({"identifier": "ci", "name": "CI"});
    let account = admin(&gateway, Method::POST, "/service-accounts", body, 201).await;
    let path = format!("/service-accounts/{}/tokens", account["id"].as_str().unwrap());
    let issued = admin(&gateway, Method::POST, &path, json!({"name": "build"}), 201).await;
    let key = issued["token"].as_str().unwrap();
    let projects = admin(&gateway, Method::GET, "/projects?search=default", Value::Null, 200).await;
    let project = projects["items"][0]["uuid"].as_str().unwrap().to_owned();
    all_say(&gateway, &project, key, 200).await;
    let one = format!("{path}/{}", issued["tokenInfo"]["id"].as_str().unwrap());
    admin(&gateway, Method::DELETE, &one, Value::Null, 204).await;
    all_say(&gateway, &project, key, 401).await;
}

#[tokio::test]
async fn the_management_door_is_counted_over_replicas() {
    let installation = Installation::on_postgres_and_redis().await.unwrap();
    let gateway = Gateway::replicated(&installation).await.unwrap();
    let project = gateway.project().await.unwrap();
    let body = json!({"name": "manager", "scopes": ["tokens:write"]});
    let (token, _) = gateway.token(&project.id, &body).await.unwrap();
    let client = Client::new().bearer(&token);
    let call = async |base: &str| {
        let url = format!("{base}/api/{}/admin/tokens/x", project.id);
        client.send(Method::DELETE, &url, Vec::new()).await.unwrap()
    };
    assert_eq!(call(&gateway.proxy).await.status.as_u16(), 403, "it is off");
    admin(&gateway, Method::PATCH, "/settings", json!({"managementApi": true}), 200).await;
    let doors = proxies(&gateway);
    for number in 0..30 {
        let answer = call(&doors[number % doors.len()]).await;
        assert_eq!(answer.status.as_u16(), 404, "{number}: {}", answer.text());
    }
    for door in &doors {
        let answer = call(door).await;
        assert_eq!(answer.status.as_u16(), 429, "{}", answer.text());
        assert!(answer.header("retry-after").is_some());
    }
}
