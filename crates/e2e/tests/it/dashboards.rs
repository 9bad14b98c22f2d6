//! What calls of several owners add up to, by the binary.

use std::time::Duration;

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project, eventually};
use serde_json::{Value, json};

async fn call(gateway: &Gateway, method: Method, path: &str, body: Value, status: u16) -> Value {
    gateway.admin(method, path, &body).await.unwrap().expect(status).unwrap()
}

async fn read(gateway: &Gateway, path: &str) -> Value {
    call(gateway, Method::GET, path, Value::Null, 200).await
}

/// A service account with a key; its id and the key.
async fn owner(gateway: &Gateway, name: &str) -> (String, String) {
    let body = json!({"identifier": name, "name": name, "isActive": true});
    let account = call(gateway, Method::POST, "/service-accounts", body, 201).await;
    let id = account["id"].as_str().unwrap().to_owned();
    let path = format!("/service-accounts/{id}/tokens");
    let key = call(gateway, Method::POST, &path, json!({"name": "key"}), 201).await;
    (id, key["token"].as_str().unwrap().to_owned())
}

async fn ask(project: &Project, key: &str, words: &str) {
    let body = json!({"model": "echo:echo", "messages": [{"role": "user", "content": words}]});
    let answer = Client::new().bearer(key).post(&project.url("/v1/chat/completions"), &body).await;
    answer.unwrap().expect(200).unwrap();
}

#[tokio::test]
async fn calls_of_two_owners_and_of_nobody_show_up_where_they_belong() {
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let projects = read(&gateway, "/projects").await;
    let default = projects["items"].as_array().unwrap().iter().find(|project| project["name"] == "Default");
    let keys_live_in = default.unwrap()["uuid"].as_str().unwrap().to_owned();
    let own = gateway.project().await.unwrap();
    let shared = Project { base: own.base.replace(&own.id, &keys_live_in), ..own.clone() };
    let [(one, first), (_, second)] = [owner(&gateway, "one").await, owner(&gateway, "two").await];
    ask(&shared, &first, "Where is the blue one?").await;
    ask(&shared, &first, "And the red one?").await;
    ask(&shared, &second, "What for?").await;
    ask(&own, &own.token, "Whose is it?").await;
    eventually("four recorded calls", Duration::from_secs(30), || async {
        let top = read(&gateway, "/dashboard/top-models?window=7d").await;
        let echo = top["items"].as_array().unwrap().iter().find(|item| item["name"] == "echo")?.clone();
        (echo["requests"] == 4).then_some(())
    })
    .await
    .unwrap();

    let adoption = read(&gateway, "/dashboard/adoption").await;
    assert_eq!(
        (&adoption["activeUsers"], &adoption["activeServiceAccounts"], &adoption["activeVirtualKeys"]),
        (&json!(0), &json!(2), &json!(2))
    );
    let top = read(&gateway, "/dashboard/top-identities").await;
    let requests = |name: &str| {
        let found = top["items"].as_array().unwrap().iter().find(|item| item["name"] == name);
        found.map(|item| item["requests"].clone())
    };
    assert_eq!((requests("one"), requests("two")), (Some(json!(2)), Some(json!(1))), "{top}");
    let tokens = read(&gateway, "/dashboard/tokens?window=all").await;
    assert!(tokens["totalTokens"].as_u64().unwrap() > 0, "{tokens}");
    assert!(tokens["estimatedCost"]["totalUsd"].as_f64().unwrap() > 0.0, "{tokens}");
    let activity = read(&gateway, "/dashboard/activity?window=7d").await;
    let prompts: u64 =
        activity["daily"].as_array().unwrap().iter().map(|day| day["prompts"].as_u64().unwrap()).sum();
    assert_eq!(prompts, 4, "{activity}");
    for part in ["top-models", "top-provider-names", "top-provider-types"] {
        let top = read(&gateway, &format!("/dashboard/{part}")).await;
        assert_eq!(
            (&top["items"][0]["name"], &top["items"][0]["requests"]),
            (&json!("echo"), &json!(4)),
            "{top}"
        );
    }
    let found = read(&gateway, "/prompts?search=BLUE").await;
    assert_eq!((&found["total"], &found["items"][0]["userId"]), (&json!(1), &json!(one)), "{found}");
    assert_eq!(found["items"][0]["prompt"], "Where is the blue one?");
    let theirs = read(&gateway, &format!("/prompts?userId={one}&sortBy=prompt")).await;
    assert_eq!((&theirs["total"], &theirs["items"][0]["prompt"]), (&json!(2), &json!("And the red one?")));
    gateway.stop().await.unwrap();
}
