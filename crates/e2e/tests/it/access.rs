//! Access groups and plans, as an administrator sees them through the binary.

use http::Method;
use promptgate_e2e::{Gateway, Installation};
use serde_json::{Value, json};

async fn call(gateway: &Gateway, method: Method, path: &str, body: Value, status: u16) -> Value {
    gateway.admin(method, path, &body).await.unwrap().expect(status).unwrap()
}

#[tokio::test]
async fn a_fresh_installation_grants_everything_and_limits_nothing() {
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let groups = call(&gateway, Method::GET, "/groups", Value::Null, 200).await;
    let group = &groups["items"][0];
    assert_eq!((&groups["total"], &group["name"]), (&json!(1), &json!("default")));
    assert_eq!((&group["allProviders"], &group["modelPatterns"]), (&json!(true), &json!([".*"])));
    assert_eq!(group["providers"][0]["name"], "echo");
    assert_eq!(group["members"][0]["email"], "admin@promptgate.dev", "every new account is in it");
    let plans = call(&gateway, Method::GET, "/subscriptions", Value::Null, 200).await;
    let plan = &plans["items"][0];
    assert_eq!((&plans["total"], &plan["isDefault"]), (&json!(1), &json!(true)));
    assert_eq!((&plan["quota5hTokens"], &plan["assignedIndirectAccountsCount"]), (&Value::Null, &json!(1)));

    let path = format!("/groups/{}", group["id"].as_str().unwrap());
    let body = json!({"name": "other", "excludedModelPatterns": ["^ech"]});
    let changed = call(&gateway, Method::PATCH, &path, body, 200).await;
    assert_eq!((&changed["name"], &changed["excludedModelPatterns"]), (&json!("default"), &json!(["^ech"])));
    let tried = json!({"excludedModelPatterns": ["^ech"]});
    let tried = call(&gateway, Method::POST, "/groups/model-patterns/validate", tried, 200).await;
    assert_eq!(
        (&tried["matchedModelCount"], &tried["providerResults"][0]["availableModelCount"]),
        (&json!(0), &json!(1))
    );

    // What was deleted does not come back with the next start.
    call(&gateway, Method::DELETE, &path, Value::Null, 204).await;
    gateway.stop().await.unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    assert_eq!(call(&gateway, Method::GET, "/groups", Value::Null, 200).await["total"], 0);
    assert_eq!(call(&gateway, Method::GET, "/subscriptions", Value::Null, 200).await["total"], 1);
}
