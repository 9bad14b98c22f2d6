//! What tokens manage, over HTTP.

use http::HeaderValue;
use promptgate_tokens::Scope;
use serde_json::{Value, json};

use crate::testing::{Answer, Api, TestToken, request};

async fn send(api: &Api, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = request(method, path, &body);
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    request.headers_mut().insert("authorization", bearer);
    api.answer(request).await
}

/// A project of a type, with the switch on and a token that has these scopes.
async fn opened(api: &Api, kind: &str, scopes: &[&str]) -> (String, TestToken) {
    api.patch("/api/v1/admin/settings", &json!({"managementApi": true})).await.ok();
    let project = api.create_project(kind, kind).await;
    let token = api.issue_scoped(&project, scopes).await;
    (project, token)
}

fn refused(answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.json()["ok"], false);
    assert!(answer.text().contains(text), "{}", answer.text());
}

#[tokio::test]
async fn the_door_is_shut_until_an_operator_opens_it() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_scoped(&project, &["tokens:write"]).await;
    let path = format!("/api/{project}/admin/tokens");
    let body = json!({"name": "narrow"});
    refused(&send(&api, "POST", &path, &token.secret, &body).await, 403, "switched off");
    refused(&send(&api, "POST", &path, "pg_live_x", &body).await, 401, "");
    api.patch("/api/v1/admin/settings", &json!({"managementApi": true})).await.ok();
    let made = send(&api, "POST", &path, &token.secret, &body).await.created();
    assert_eq!((&made["ok"], &made["data"]["scopes"]), (&json!(true), &json!(["chat", "models"])));
    assert!(api.audit_text().await.contains("management_api"));
    api.patch("/api/v1/admin/settings", &json!({"managementApi": false})).await.ok();
    refused(&send(&api, "POST", &path, &token.secret, &body).await, 403, "switched off");
}

#[tokio::test]
async fn a_token_has_every_field_and_what_is_wrong_is_told_by_field() {
    let api = Api::new().await;
    let (project, token) = opened(&api, "ai_wrapper", &["tokens:write"]).await;
    let path = format!("/api/{project}/admin/tokens");
    let endpoint = "018f4e6e-0000-7000-8000-000000000001";
    let body = json!({"name": "u", "env": "test", "subject_id": "user-77", "endpoint_ids": [endpoint],
        "rate_limit_per_minute": 3, "rate_limit_per_hour": 4, "monthly_budget_usd_cap": 1.5,
        "daily_budget_usd_cap": 0.5, "daily_token_cap": 9, "metadata": {"a": 1}});
    let data = send(&api, "POST", &path, &token.secret, &body).await.created()["data"].clone();
    for (member, value) in body.as_object().unwrap() {
        assert!(member == "subject_id" || &data[member] == value, "{member}: {data}");
    }
    assert!(data["token"].as_str().unwrap().starts_with("pg_test_") && data["note"].is_string());
    assert!(api.audit_text().await.contains("user-77"));
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": "x", "env": "prod"}), "env"),
        (json!({"name": "x", "scopes": ["root"]}), "scopes"),
        (json!({"name": "x", "rate_limit_per_minute": 0}), "rate_limit_per_minute"),
        (json!({"name": "x", "endpoint_ids": ["7"]}), "endpoint_ids"),
        (json!({"name": "x", "rateLimitPerMinute": 1}), "rateLimitPerMinute"),
        (json!({"name": "x", "parent": "other"}), "parent"),
        (json!({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}), "expires_at"),
    ] {
        let answer = send(&api, "POST", &path, &token.secret, &body).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
        let errors = answer.json()["errors"].clone();
        let said = errors.as_object().unwrap();
        assert!(said.keys().any(|name| snake_or_same(name, field)), "{body}: {errors}");
    }
}

fn snake_or_same(name: &str, field: &str) -> bool {
    name == field || name == crate::casing::snake(field)
}

#[tokio::test]
async fn what_manages_is_handed_on_only_by_who_has_it() {
    let api = Api::new().await;
    let (project, token) = opened(&api, "ai_gateway", &["tokens:write"]).await;
    let admin = api.issue_scoped(&project, &["admin"]).await;
    let path = format!("/api/{project}/admin/tokens");
    let issue = async |by: &TestToken, scope: &str| {
        send(&api, "POST", &path, &by.secret, &json!({"name": "x", "scopes": [scope]})).await.status
    };
    for runtime in ["chat", "models", "proxy", "mcp"] {
        assert_eq!(issue(&token, runtime).await, 201, "{runtime}");
    }
    assert_eq!(issue(&token, "tokens:write").await, 201);
    for management in ["admin", "endpoints:write", "credentials:read"] {
        assert_eq!(issue(&token, management).await, 403, "{management}");
        assert_eq!(issue(&admin, management).await, 201, "{management}");
    }
    let rotate = format!("{path}/{}/rotate", admin.id);
    refused(&send(&api, "POST", &rotate, &token.secret, &Value::Null).await, 403, "`admin`");
    let chat = api.issue_token(&project).await;
    refused(&send(&api, "POST", &path, &chat.secret, &json!({"name": "x"})).await, 403, "tokens:write");
}

#[tokio::test]
async fn rotation_and_revocation_are_of_the_own_project_and_never_of_oneself() {
    let api = Api::new().await;
    let (project, token) = opened(&api, "ai_wrapper", &["tokens:write"]).await;
    let other = api.issue_token(&project).await;
    let foreign = api.issue_token(&api.create_project("y", "ai_wrapper").await).await;
    let path = |id: &str| format!("/api/{project}/admin/tokens/{id}");
    let rotated = send(
        &api,
        "POST",
        &format!("{}/rotate", path(&other.id)),
        &token.secret,
        &json!({"overlap_seconds": 5}),
    )
    .await
    .ok();
    assert!(rotated["data"]["old_secret_expires_at"].is_string());
    let models = format!("/api/{project}/models");
    assert_eq!(api.with_token(&models, &other.secret).await.status, 200);
    assert_eq!(api.with_token(&models, rotated["data"]["token"].as_str().unwrap()).await.status, 200);
    refused(&send(&api, "DELETE", &path(&token.id), &token.secret, &Value::Null).await, 422, "itself");
    for unknown in [&*foreign.id, "x"] {
        refused(&send(&api, "DELETE", &path(unknown), &token.secret, &Value::Null).await, 404, "");
    }
    for _ in 0..2 {
        let gone = send(&api, "DELETE", &path(&other.id), &token.secret, &Value::Null).await.ok();
        assert_eq!(gone["data"], json!({"uuid": other.id, "is_active": false}));
    }
    assert_eq!(api.with_token(&models, &other.secret).await.status, 401);
}

#[tokio::test]
async fn a_minted_token_manages_only_what_comes_from_it() {
    let api = Api::new().await;
    let (project, top) = opened(&api, "ai_wrapper", &["chat", "models", "tokens:write"]).await;
    let other = api.issue_token(&project).await;
    let children = format!("/api/{project}/tokens/children");
    let path = format!("/api/{project}/admin/tokens");
    let minted = json!({"name": "child", "scopes": ["models", "tokens:write"], "rate_limit_per_minute": 9});
    let child = send(&api, "POST", &children, &top.secret, &minted).await.created()["data"].clone();
    let (child_id, child) = (child["uuid"].as_str().unwrap(), child["token"].as_str().unwrap());
    for beyond in [&top.id, &other.id] {
        let rotate = format!("{path}/{beyond}/rotate");
        refused(&send(&api, "POST", &rotate, child, &Value::Null).await, 403, "minted");
    }
    let revoked = send(&api, "DELETE", &format!("{path}/{}", other.id), child, &Value::Null).await;
    refused(&revoked, 403, "minted");
    // What it issues is below it, with no more than it has.
    let issued = send(&api, "POST", &path, child, &json!({"name": "x"})).await.created()["data"].clone();
    assert_eq!((&issued["parent"], &issued["scopes"]), (&json!(child_id), &json!(["models"])));
    assert_eq!(issued["rate_limit_per_minute"], 9);
    let wide = send(&api, "POST", &path, child, &json!({"name": "x", "scopes": ["chat"]})).await;
    assert_eq!((wide.status, wide.json()["errors"]["scopes"].is_array()), (422, true));
    for reached in [issued["uuid"].as_str().unwrap(), child_id] {
        let rotate = format!("{path}/{reached}/rotate");
        assert_eq!(send(&api, "POST", &rotate, child, &json!({"overlap_seconds": 60})).await.status, 200);
    }
    api.delete(&format!("/api/v1/admin/tokens/{}", top.id)).await.no_content();
    let models = format!("/api/{project}/models");
    assert_eq!(api.with_token(&models, issued["token"].as_str().unwrap()).await.status, 401);
}

#[tokio::test]
async fn a_change_by_hand_keeps_a_minted_token_within_its_parent() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let top = api.issue_scoped(&project, &["models"]).await;
    let top_path = format!("/api/v1/admin/tokens/{}", top.id);
    api.patch(&top_path, &json!({"rateLimitPerMinute": 5, "expiresAt": "2100-01-01T00:00:00Z"})).await.ok();
    let children = format!("/api/{project}/tokens/children");
    let child = send(&api, "POST", &children, &top.secret, &json!({"name": "c"})).await.created();
    let path = format!("/api/v1/admin/tokens/{}", child["data"]["uuid"].as_str().unwrap());
    for (field, change) in [
        ("scopes", json!({"scopes": ["chat", "models"]})),
        ("rateLimitPerMinute", json!({"rateLimitPerMinute": 6})),
        ("rateLimitPerMinute", json!({"rateLimitPerMinute": null})),
        ("expiresAt", json!({"expiresAt": null})),
    ] {
        let answer = api.patch(&path, &change).await;
        assert_eq!(answer.json()["field"], field, "{change}: {}", answer.text());
        answer.refused(400, "beyond_parent");
    }
    api.patch(&path, &json!({"rateLimitPerMinute": 4, "name": "narrower"})).await.ok();
}

#[tokio::test]
async fn the_key_of_an_account_stays_a_key() {
    let api = Api::new().await;
    let owner = api.create_service("robot").await;
    let made = api
        .post(
            &format!("/api/v1/admin/service-accounts/{owner}/tokens"),
            &json!({"name": "k", "expiresInDays": 2}),
        )
        .await
        .created();
    let id = made["tokenInfo"]["id"].as_str().unwrap();
    let path = format!("/api/v1/admin/tokens/{id}");
    for (field, change) in [
        ("scopes", json!({"scopes": ["admin"]})),
        ("expiresAt", json!({"expiresAt": null})),
        ("expiresAt", json!({"expiresAt": "2100-01-01T00:00:00Z"})),
    ] {
        let answer = api.patch(&path, &change).await;
        assert_eq!(answer.json()["field"], field, "{change}: {}", answer.text());
        answer.refused(400, "beyond_key");
    }
    api.patch(&path, &json!({"scopes": ["models"]})).await.ok();
}

#[tokio::test]
async fn a_tree_ends_with_its_parent_and_comes_back_with_it() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let top = api.issue_token(&project).await;
    let (children, models) = (format!("/api/{project}/tokens/children"), format!("/api/{project}/models"));
    let mint = async |by: &str, body: Value| send(&api, "POST", &children, by, &body).await;
    let child = mint(&top.secret, json!({"name": "child"})).await.created()["data"].clone();
    assert_eq!(child["parent"], json!(top.id));
    let child_secret = child["token"].as_str().unwrap();
    let narrow = json!({"name": "grandchild", "scopes": ["models"], "rate_limit_per_minute": 1});
    let last = mint(child_secret, narrow).await.created()["data"]["token"].as_str().unwrap().to_owned();
    let beyond = mint(&last, json!({"name": "x", "scopes": ["chat"]})).await;
    assert_eq!((beyond.status, beyond.json()["errors"]["scopes"].is_array()), (422, true));
    let looser = mint(&last, json!({"name": "x", "rate_limit_per_minute": 2})).await;
    assert!(looser.json()["errors"]["rate_limit_per_minute"].is_array(), "{}", looser.text());
    let path = format!("/api/v1/admin/tokens/{}", top.id);
    let statuses = async || {
        [api.with_token(&models, child_secret).await.status, api.with_token(&models, &last).await.status]
    };
    assert_eq!(statuses().await, [200, 200]);
    api.patch(&path, &json!({"isActive": false})).await.ok();
    assert_eq!(statuses().await, [401, 401]);
    assert_eq!(mint(child_secret, json!({"name": "x"})).await.status, 401);
    api.patch(&path, &json!({"isActive": true})).await.ok();
    assert_eq!(statuses().await, [200, 200]);
    api.patch(&path, &json!({"scopes": ["chat"]})).await.ok();
    assert_eq!(statuses().await, [403, 401], "one lost a scope, the other its only one");
    api.delete(&path).await.no_content();
    assert_eq!(statuses().await, [401, 401]);
    let shown = api.get(&format!("/api/v1/admin/tokens/{}", child["uuid"].as_str().unwrap())).await.ok();
    assert!(shown["revokedAt"].is_string(), "{shown}");
}

#[tokio::test]
async fn an_old_secret_mints_nothing_that_outlives_its_overlap() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await;
    let rotate = format!("/api/v1/admin/tokens/{}/rotate", token.id);
    api.post(&rotate, &json!({"overlapSeconds": 60})).await.ok();
    let children = format!("/api/{project}/tokens/children");
    let child = send(&api, "POST", &children, &token.secret, &json!({"name": "c"})).await.created();
    let secret = child["data"]["token"].as_str().unwrap();
    let models = format!("/api/{project}/models");
    assert_eq!(api.with_token(&models, secret).await.status, 200);
    api.advance_secs(61);
    assert_eq!(api.with_token(&models, secret).await.status, 401);
}

#[tokio::test]
async fn thirty_calls_a_minute_are_let_in() {
    let api = Api::new().await;
    let (project, token) = opened(&api, "ai_wrapper", &["tokens:write"]).await;
    let other = api.issue_scoped(&project, &["tokens:write"]).await;
    let path = format!("/api/{project}/admin/tokens/x");
    for _ in 0..30 {
        assert_eq!(send(&api, "DELETE", &path, &token.secret, &Value::Null).await.status, 404);
    }
    let answer = send(&api, "DELETE", &path, &token.secret, &Value::Null).await;
    refused(&answer, 429, "30 times");
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(
        send(&api, "DELETE", &path, &other.secret, &Value::Null).await.status,
        404,
        "each has its own"
    );
    api.advance_secs(wait);
    assert_eq!(send(&api, "DELETE", &path, &token.secret, &Value::Null).await.status, 404);
}

#[tokio::test]
async fn endpoints_are_made_replaced_and_switched() {
    let api = Api::new().await;
    let (project, token) = opened(&api, "ai_gateway", &["endpoints:write"]).await;
    let provider = api.create_provider("main", "openai").await;
    let path = format!("/api/{project}/admin/endpoints");
    let call = async |method, path: &str, body: Value| send(&api, method, path, &token.secret, &body).await;
    let body = json!({"name": "Sum Up", "provider_id": provider, "provider_model": "m", "top_p": 0.5,
        "estimated_cost_per_1k_tokens_usd": 0.01, "timeouts": {"idle_ms": 7},
        "variables": [{"name": "v", "type": "string", "max_length": 3}], "user_prompt_template": "{{v}}"});
    let made = call("POST", &path, body).await.created()["data"].clone();
    assert_eq!(
        (&made["slug"], &made["is_active"], &made["top_p"]),
        (&json!("sum-up"), &json!(true), &json!(0.5))
    );
    assert_eq!((&made["timeouts"]["idle_ms"], &made["variables"][0]["max_length"]), (&json!(7), &json!(3)));
    assert_eq!(made["estimated_cost_per_1k_tokens_usd"], json!(0.01));
    let one = format!("{path}/{}", made["uuid"].as_str().unwrap());
    let off = call("PATCH", &one, json!({"is_active": false})).await.ok();
    assert_eq!((&off["data"]["is_active"], &off["data"]["top_p"]), (&json!(false), &json!(0.5)));
    let put = json!({"name": "Other", "provider_id": provider, "provider_model": "n"});
    let put = call("PUT", &one, put).await.ok();
    assert_eq!((&put["data"]["slug"], &put["data"]["top_p"]), (&json!("sum-up"), &json!(null)));
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": "x", "top_p": 7, "provider_id": provider, "provider_model": "m"}), "top_p"),
        (json!({"name": "x", "topP": 1}), "topP"),
    ] {
        let answer = call("POST", &path, body).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.json()["errors"][field].is_array(), "{field}: {}", answer.text());
    }
    assert_eq!(call("PATCH", &format!("{path}/x"), json!({})).await.status, 404);
    let actions = api.audit_actions().await;
    for action in ["endpoint.created", "endpoint.deactivated", "endpoint.updated"] {
        assert!(actions.contains(&action.to_owned()), "{action}");
    }
}

/// Every route that a project's token opens here, and the scope that it takes. A route that is added is
/// added here.
const ROUTES: [(&str, &str, Option<Scope>); 12] = [
    ("GET", "/api/{uuid}/info", Some(Scope::Admin)),
    ("GET", "/api/{uuid}/endpoints", Some(Scope::Admin)),
    ("GET", "/api/{uuid}/tokens", Some(Scope::Admin)),
    ("GET", "/api/{uuid}/models", Some(Scope::Models)),
    ("GET", "/api/{uuid}/tokens/self/limits", None),
    ("POST", "/api/{uuid}/tokens/children", None),
    ("POST", "/api/{uuid}/admin/tokens", Some(Scope::TokensWrite)),
    ("DELETE", "/api/{uuid}/admin/tokens/{tokenUuid}", Some(Scope::TokensWrite)),
    ("POST", "/api/{uuid}/admin/tokens/{tokenUuid}/rotate", Some(Scope::TokensWrite)),
    ("POST", "/api/{uuid}/admin/endpoints", Some(Scope::EndpointsWrite)),
    ("PUT", "/api/{uuid}/admin/endpoints/{endpointUuid}", Some(Scope::EndpointsWrite)),
    ("PATCH", "/api/{uuid}/admin/endpoints/{endpointUuid}", Some(Scope::EndpointsWrite)),
];

#[test]
fn the_table_of_scopes_has_every_route() {
    let document = serde_json::to_value(crate::openapi()).unwrap();
    let mut documented = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|_| path.starts_with("/api/{uuid}/")) {
            documented.push((method.to_uppercase(), path.clone()));
        }
    }
    documented.sort();
    let mut known: Vec<_> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    known.sort();
    assert_eq!(documented, known);
}

#[tokio::test]
async fn each_scope_opens_its_own_routes_and_a_session_none() {
    let api = Api::new().await;
    let (project, _) = opened(&api, "ai_gateway", &["chat"]).await;
    let other = api.create_project("other", "ai_gateway").await;
    api.create_person("a@example.com", "admin").await;
    let cookie = api.sign_in("a@example.com", crate::testing::PASSWORD).await;
    let browser = api.browser(cookie.header("set-cookie"));
    for scope in Scope::ALL {
        let token = api.issue_scoped(&project, &[scope.as_str()]).await;
        let own: promptgate_tokens::ScopeSet = [scope].into_iter().collect();
        for (method, path, wanted) in ROUTES {
            let at = |project: &str| {
                let path = path.replace("{uuid}", project);
                path.replace("{tokenUuid}", "x").replace("{endpointUuid}", "x")
            };
            let body = if method == "GET" || method == "DELETE" { Value::Null } else { json!({"name": "n"}) };
            let status = send(&api, method, &at(&project), &token.secret, &body).await.status;
            let opens = wanted.is_none_or(|wanted| own.allows(wanted));
            assert_eq!(status != 403, opens, "{scope} {method} {path}: {status}");
            assert!(status != 401 && status < 500, "{scope} {method} {path}: {status}");
            let foreign = send(&api, method, &at(&other), &token.secret, &body).await.status;
            assert_eq!(foreign, 403, "{scope} {method} {path} of another project");
        }
    }
    for (method, path, _) in ROUTES.iter().filter(|(method, ..)| *method == "GET") {
        let path = path.replace("{uuid}", &project);
        assert_eq!(browser.get(&path).await.status, 401, "{method} {path}");
    }
    let children = format!("/api/{project}/tokens/children");
    assert_eq!(browser.post(&children, &json!({"name": "x"})).await.status, 401);
}
