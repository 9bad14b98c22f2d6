//! How limits stand, of everything that has some.

use http::Method;
use serde_json::{Value, json};

use super::shapes::limit_standings;
use super::{NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/projects/{uuid}/limits
    GET /api/v1/admin/projects/{uuid}/endpoints/{id}/limits
    GET /api/v1/admin/tokens/{id}/limits
    GET /api/v1/admin/groups/{id}/limits
    GET /api/v1/admin/users/{id}/limits
    GET /api/v1/admin/service-accounts/{id}/limits
";

async fn made(pass: &Pass, path: &str, body: Value) -> String {
    id(&pass.gateway.admin(Method::POST, path, &body).await.unwrap().expect(201).unwrap())
}

async fn changed(pass: &Pass, path: &str, body: &Value) {
    pass.gateway.admin(Method::PATCH, path, body).await.unwrap().expect(200).unwrap();
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let (shape, echo) = (limit_standings(), pass.echo().await);
    let limits =
        json!({"limits": {"dailyTokens": 50, "monthlyCost": 2.5, "models": {"echo": {"maxConcurrent": 2}}}});
    let project = made(pass, "/projects", json!({"name": "Mail", "projectType": "ai_gateway"})).await;
    let endpoint = json!({"name": "Say", "providerId": echo, "providerModel": "echo", "monthlyTokenCap": 8});
    let endpoint = made(pass, &format!("/projects/{project}/endpoints"), endpoint).await;
    let token = json!({"name": "ci", "tokenRateLimitPerHour": 9});
    let token =
        pass.gateway.admin(Method::POST, &format!("/projects/{project}/tokens"), &token).await.unwrap();
    let token = id(&token.expect(201).unwrap()["tokenInfo"]);
    let group = json!({"name": "team", "displayName": "Team", "providerIds": [echo]});
    let group = made(pass, "/groups", group).await;
    let person = pass.person("ada@example.com", "user").await;
    let service = made(pass, "/service-accounts", json!({"identifier": "ci", "name": "CI"})).await;
    for path in [
        format!("/projects/{project}"),
        format!("/groups/{group}"),
        format!("/users/{person}"),
        format!("/service-accounts/{service}"),
    ] {
        changed(pass, &path, &limits).await;
    }
    let places: [(&str, Vec<&str>, usize, &str); 6] = [
        ("/projects/{uuid}/limits", vec![&project], 3, "project_not_found"),
        ("/projects/{uuid}/endpoints/{id}/limits", vec![&project, &endpoint], 4, "endpoint_not_found"),
        ("/tokens/{id}/limits", vec![&token], 4, "token_not_found"),
        ("/groups/{id}/limits", vec![&group], 3, "group_not_found"),
        ("/users/{id}/limits", vec![&person], 3, "user_not_found"),
        ("/service-accounts/{id}/limits", vec![&service], 3, "service_account_not_found"),
    ];
    for (path, ids, count, missing) in places {
        let shown = api.get(path, &ids).await.shows(200, &shape);
        let listed = shown["limits"].as_array().unwrap();
        assert_eq!(listed.len(), count, "{path}: {shown}");
        for limit in listed.iter().filter(|limit| limit["window"] == "day" || limit["window"] == "month") {
            assert_eq!(
                (&limit["spent"].as_f64(), &limit["remaining"]),
                (&Some(0.0), &limit["limit"]),
                "{path}"
            );
        }
        let nobody: Vec<_> = ids[..ids.len() - 1].iter().copied().chain([NOBODY]).collect();
        api.get(path, &nobody).await.refused(404, missing);
    }
}

#[tokio::test]
async fn limits_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn limits_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
