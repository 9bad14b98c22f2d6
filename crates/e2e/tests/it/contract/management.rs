//! What a project's token reads and manages: introspection, the management API, child tokens. On both
//! ports, in snake case, with `ok`.

use http::Method;
use promptgate_e2e::Client;
use serde_json::{Value, json};

use super::caller::{Answer, Caller};
use super::shape::with;
use super::{NOBODY, Pass, text};

pub(super) const ROUTES: &str = "
    GET /api/{uuid}/info
    GET /api/{uuid}/endpoints
    GET /api/{uuid}/tokens
    GET /api/{uuid}/models
    GET /api/{uuid}/tokens/self/limits
    POST /api/{uuid}/admin/tokens
    POST /api/{uuid}/admin/tokens/{tokenUuid}/rotate
    DELETE /api/{uuid}/admin/tokens/{tokenUuid}
    POST /api/{uuid}/admin/endpoints
    PUT /api/{uuid}/admin/endpoints/{endpointUuid}
    PATCH /api/{uuid}/admin/endpoints/{endpointUuid}
    POST /api/{uuid}/tokens/children
";

const INFO: &str = "/api/{uuid}/info";
const ENDPOINTS: &str = "/api/{uuid}/endpoints";
const TOKENS: &str = "/api/{uuid}/tokens";
const MODELS: &str = "/api/{uuid}/models";
const LIMITS: &str = "/api/{uuid}/tokens/self/limits";
const MANAGED_TOKENS: &str = "/api/{uuid}/admin/tokens";
const MANAGED_TOKEN: &str = "/api/{uuid}/admin/tokens/{tokenUuid}";
const ROTATE: &str = "/api/{uuid}/admin/tokens/{tokenUuid}/rotate";
const MANAGED_ENDPOINTS: &str = "/api/{uuid}/admin/endpoints";
const MANAGED_ENDPOINT: &str = "/api/{uuid}/admin/endpoints/{endpointUuid}";
const CHILDREN: &str = "/api/{uuid}/tokens/children";

fn data(shape: &Value) -> Value {
    json!({"ok": "bool", "data": shape})
}

fn problem() -> Value {
    json!({"ok": "bool", "error": "text", "detail?": "text", "scope?": "text", "retry_after?": "int",
        "type?": "text", "errors?": "object", "request_id?": "text"})
}

/// That it refuses in the shape of this surface, with words that can be recognised.
fn refused(answer: &Answer<'_>, status: u16, words: &str) -> Value {
    let said = answer.shows(status, &problem());
    assert_eq!(said["ok"], false);
    assert!(text(&said["error"]).to_lowercase().contains(&words.to_lowercase()), "`{words}`: {said}");
    said
}

/// A project of a type with a token that has these scopes.
async fn project(pass: &Pass, kind: &str, scopes: &[&str]) -> (String, String) {
    let body = json!({"name": kind, "projectType": kind});
    let made = pass.gateway.admin(Method::POST, "/projects", &body).await.unwrap().expect(201).unwrap();
    let id = text(&made["uuid"]);
    let (token, _) = pass.gateway.token(&id, &json!({"name": "main", "scopes": scopes})).await.unwrap();
    (id, token)
}

async fn pass(pass: &Pass) {
    introspection(pass).await;
    let every = ["admin", "chat", "models", "tokens:write", "endpoints:write"];
    let (id, token) = project(pass, "ai_gateway", &every).await;
    let door = pass.bearer(&token);
    for server in [&pass.gateway.api, &pass.gateway.proxy] {
        let body = json!({"name": "x"});
        refused(&door.at(server).post(MANAGED_TOKENS, &[&id], body).await, 403, "switched off");
    }
    let on = json!({"managementApi": true});
    pass.gateway.admin(Method::PATCH, "/settings", &on).await.unwrap().expect(200).unwrap();
    managed_tokens(pass, &id, &token).await;
    // A throttle of thirty a minute counts for a token, so that each part has its own.
    let (other, _) = pass.gateway.token(&id, &json!({"name": "second", "scopes": every})).await.unwrap();
    managed_endpoints(pass, &id, &pass.bearer(&other)).await;
    let (third, _) = pass.gateway.token(&id, &json!({"name": "third", "scopes": every})).await.unwrap();
    children(&id, &pass.bearer(&third)).await;
    throttle(pass, &id).await;
}

async fn introspection(pass: &Pass) {
    let info = data(&json!({
        "id": "uuid", "uuid": "uuid", "name": "text", "env": "'dev'|'staging'|'prod'", "endpoints_count": "int",
        "tokens_count": "int",
        "project_type": "'ai_gateway'|'ai_wrapper'|'agent_proxy'|'api_gateway'|'mcp_gateway'",
    }));
    let endpoints = data(&json!([
        {"uuid": "uuid", "name": "text", "slug": "text", "is_active": "bool", "expose_as_mcp_tool": "bool"}
    ]));
    let token = json!({
        "id": "uuid", "uuid": "uuid", "name": "text", "prefix": "text", "env": "'live'|'test'", "scopes": ["text"],
        "is_active": "bool", "last_used_at": "time|null", "metadata": "object",
    });
    let tokens = with(&data(&json!([token])), &json!({"total": "int"}));
    let models = json!({"object": "'list'", "data": [
        {"id": "text", "object": "'model'", "owned_by": "text", "is_alias": "bool"}
    ]});
    let limits = data(&json!({
        "synced_at": "time", "lacks_plan": "bool", "leaves_account_out": "bool",
        "limits": [{"subject": "'project'", "subject_id": "uuid", "subject_name": "text", "model": "text|null",
            "measure": "'tokens'", "window": "'day'", "limit": "num", "spent": "num|null", "reserved": "num|null",
            "remaining": "num|null", "resets_at": "time|null", "is_tightest": "bool"}],
    }));
    for kind in ["ai_gateway", "ai_wrapper", "agent_proxy", "api_gateway", "mcp_gateway"] {
        let (id, token) = project(pass, kind, &["admin", "models"]).await;
        let limited = json!({"limits": {"dailyTokens": 9}});
        let path = format!("/projects/{id}");
        pass.gateway.admin(Method::PATCH, &path, &limited).await.unwrap().expect(200).unwrap();
        for server in [&pass.gateway.api, &pass.gateway.proxy] {
            let api = pass.bearer(&token).at(server);
            let shown = api.get(INFO, &[&id]).await.shows(200, &info);
            assert_eq!((&shown["ok"], &shown["data"]["project_type"]), (&json!(true), &json!(kind)));
            assert_eq!((&shown["data"]["uuid"], &shown["data"]["tokens_count"]), (&json!(id), &json!(1)));
            assert_eq!(api.get(ENDPOINTS, &[&id]).await.shows(200, &endpoints)["data"], json!([]));
            let shown = api.get(TOKENS, &[&id]).await;
            assert!(!shown.response.text().contains(&token), "{}", shown.response.text());
            assert!(text(&shown.shows(200, &tokens)["data"][0]["prefix"]).contains('…'));
            let shown = api.get(LIMITS, &[&id]).await.shows(200, &limits);
            assert_eq!(shown["data"]["limits"][0]["remaining"].as_f64(), Some(9.0));
            let shown = api.get(MODELS, &[&id]).await.shows(200, &models);
            let has_models = matches!(kind, "ai_wrapper" | "agent_proxy");
            assert_eq!(!shown["data"].as_array().unwrap().is_empty(), has_models, "{kind}: {shown}");
        }
        doors(pass, &id).await;
    }
}

/// Who may not.
async fn doors(pass: &Pass, id: &str) {
    let (chat, _) = pass.gateway.token(id, &json!({"name": "c", "scopes": ["mcp"]})).await.unwrap();
    let (_, foreign) = project(pass, "ai_wrapper", &["admin", "models"]).await;
    let gone = format!("pg_live_{}", "0".repeat(49));
    for server in [&pass.gateway.api, &pass.gateway.proxy] {
        let with = |token: &str| pass.bearer(token).at(server);
        refused(&pass.stranger().at(server).get(INFO, &[id]).await, 401, "bearer token");
        refused(&with("sk-wrong").get(INFO, &[id]).await, 401, "format");
        refused(&with(&gone).get(INFO, &[id]).await, 401, "");
        for (path, scope) in [(INFO, "admin"), (ENDPOINTS, "admin"), (TOKENS, "admin"), (MODELS, "models")] {
            let said = refused(&with(&chat).get(path, &[id]).await, 403, scope);
            assert!(text(&said["error"]).contains("mcp"), "the scopes that it has: {said}");
            refused(&with(&foreign).get(path, &[id]).await, 403, "does not belong to this project");
            refused(&with(&foreign).get(LIMITS, &[id]).await, 403, "does not belong to this project");
            refused(&with(&foreign).get(path, &[NOBODY]).await, 403, "does not belong to this project");
        }
    }
}

fn managed_token() -> Value {
    json!({
        "token": "text", "uuid": "uuid", "name": "text", "env": "'live'|'test'", "scopes": ["text"],
        "endpoint_ids": "list|null", "rate_limit_per_minute": "int|null", "rate_limit_per_hour": "int|null",
        "monthly_budget_usd_cap": "num|null", "daily_budget_usd_cap": "num|null", "daily_token_cap": "int|null",
        "monthly_token_cap": "int|null", "token_rate_limit_per_minute": "int|null",
        "token_rate_limit_per_hour": "int|null", "max_concurrent_requests": "int|null",
        "request_token_cap": "int|null", "model_limits": "object",
        "metadata": "object", "expires_at": "time|null", "parent": "uuid|null",
        "old_secret_expires_at": "time|null", "created_at": "time", "note": "text",
    })
}

async fn managed_tokens(pass: &Pass, id: &str, token: &str) {
    let shape = data(&managed_token());
    let api = pass.bearer(token);
    let whole = json!({"name": "u", "env": "test", "scopes": ["chat"], "subject_id": "user-77",
        "endpoint_ids": [NOBODY], "rate_limit_per_minute": 3, "rate_limit_per_hour": 4,
        "monthly_budget_usd_cap": 1.5, "daily_budget_usd_cap": 0.5, "daily_token_cap": 9, "metadata": {"a": 1},
        "monthly_token_cap": 90, "token_rate_limit_per_minute": 5, "token_rate_limit_per_hour": 6,
        "max_concurrent_requests": 7, "request_token_cap": 8, "model_limits": {"My_Model-4.1": {"requests_per_minute": 1, "requests_per_hour": 2,
            "tokens_per_minute": 3, "tokens_per_hour": 4, "max_concurrent": 5}}});
    let made = api.post(MANAGED_TOKENS, &[id], whole.clone()).await.shows(201, &shape)["data"].clone();
    for (member, value) in whole.as_object().unwrap() {
        assert!(member == "subject_id" || &made[member] == value, "{member}: {made}");
    }
    let proxy = api.at(&pass.gateway.proxy);
    let plain = proxy.post(MANAGED_TOKENS, &[id], json!({"name": "plain"})).await.shows(201, &shape);
    assert_eq!(
        (&plain["data"]["env"], &plain["data"]["scopes"]),
        (&json!("live"), &json!(["chat", "models"]))
    );
    let one = text(&made["uuid"]);
    let rotated = proxy.post(ROTATE, &[id, &one], Value::Null).await.shows(200, &shape)["data"].clone();
    assert_eq!((&rotated["uuid"], &rotated["metadata"]), (&made["uuid"], &json!({"a": 1})));
    assert_ne!(rotated["token"], made["token"]);
    refused(&pass.bearer(&text(&made["token"])).get(MODELS, &[id]).await, 401, "");
    let wrong = [
        (json!({}), "name"),
        (json!({"name": "x", "env": "prod"}), "env"),
        (json!({"name": "x", "scopes": ["root"]}), "scopes"),
        (json!({"name": "x", "rate_limit_per_minute": 0}), "rate_limit_per_minute"),
        (
            json!({"name": "x", "model_limits": {"My_Model-4.1": {"tokens_per_hour": 0}}}),
            "model_limits.My_Model-4.1.tokens_per_hour",
        ),
        (json!({"name": "x", "endpoint_ids": ["7"]}), "endpoint_ids"),
        (json!({"name": "x", "nonsense": 1}), "nonsense"),
    ];
    for (body, field) in wrong {
        let said = refused(&api.post(MANAGED_TOKENS, &[id], body).await, 422, "");
        assert!(said["errors"][field][0].is_string(), "{field}: {said}");
    }
    let revoked = data(&json!({"uuid": "uuid", "is_active": "bool"}));
    let gone = api.delete(MANAGED_TOKEN, &[id, &one]).await.shows(200, &revoked);
    assert_eq!(gone["data"], json!({"uuid": one, "is_active": false}));
    let me = api.get(TOKENS, &[id]).await.is(200);
    let me = me["data"].as_array().unwrap().iter().find(|token| token["name"] == "main").unwrap().clone();
    refused(&api.delete(MANAGED_TOKEN, &[id, &text(&me["uuid"])]).await, 422, "");
    for wrong in [NOBODY, "no-uuid"] {
        refused(&api.delete(MANAGED_TOKEN, &[id, wrong]).await, 404, "");
        refused(&api.post(ROTATE, &[id, wrong], Value::Null).await, 404, "");
    }
    let (narrow, _) =
        pass.gateway.token(id, &json!({"name": "n", "scopes": ["tokens:write"]})).await.unwrap();
    let wide = json!({"name": "x", "scopes": ["admin"]});
    refused(&pass.bearer(&narrow).post(MANAGED_TOKENS, &[id], wide).await, 403, "admin");
    let (chat, _) = pass.gateway.token(id, &json!({"name": "c", "scopes": ["chat"]})).await.unwrap();
    refused(&pass.bearer(&chat).post(MANAGED_TOKENS, &[id], json!({"name": "x"})).await, 403, "tokens:write");
}

async fn managed_endpoints(pass: &Pass, id: &str, api: &Caller<'_>) {
    let shape = data(&json!({
        "id": "uuid", "uuid": "uuid", "project_id": "uuid", "name": "text", "slug": "text",
        "description": "text|null", "provider_id": "uuid|null", "provider_model": "text|null",
        "provider_template_id": "uuid|null", "credential_id": "uuid|null", "prompt": "text|null",
        "user_prompt_template": "text|null", "variables": ["object"], "input_schema": "object|null",
        "output_schema": "object|null", "temperature": "num|null", "top_p": "num|null",
        "max_output_tokens": "int|null", "streaming_enabled": "bool", "sessions_enabled": "bool",
        "session_ttl_seconds": "int|null", "session_max_messages": "int|null",
        "session_max_tokens": "int|null", "cache_enabled": "bool", "cache_ttl_seconds": "int|null",
        "failover": [{"credential_id": "uuid|null", "provider_id": "uuid|null", "provider_model": "text"}],
        "routing_rules": "text|null", "rate_limit_per_minute": "int|null", "rate_limit_per_hour": "int|null",
        "usage_hard_limit_tokens": "int|null", "monthly_budget_usd": "num|null",
        "daily_budget_usd": "num|null", "daily_token_cap": "int|null", "monthly_token_cap": "int|null",
        "token_rate_limit_per_minute": "int|null", "token_rate_limit_per_hour": "int|null",
        "max_concurrent_requests": "int|null", "model_limits": "object",
        "estimated_cost_per_1k_tokens_usd": "num|null", "expose_as_mcp_tool": "bool",
        "timeouts": {"connect_ms": "int|null", "first_byte_ms": "int|null", "idle_ms": "int|null", "total_ms": "int|null"},
        "is_active": "bool", "version": "int", "guardrails": "object", "created_at": "time", "updated_at": "time",
    }));
    let echo = pass.echo().await;
    let body = json!({"providerId": echo, "name": "main", "secret": "secret-of-echo"});
    let credential =
        pass.gateway.admin(Method::POST, "/credentials", &body).await.unwrap().expect(201).unwrap();
    let whole = json!({"name": "Say Hello", "provider_model": "echo", "credential_id": credential["id"],
        "prompt": "Be brief.", "temperature": 0.5, "max_output_tokens": 50, "monthly_budget_usd": 2.5,
        "rate_limit_per_minute": 9, "input_schema": {"type": "object"},
        "model_limits": {"My_Model-4.1": {"requests_per_minute": 1}},
        "variables": [{"name": "who", "type": "string", "required": true}]});
    let made = api.post(MANAGED_ENDPOINTS, &[id], whole.clone()).await.shows(201, &shape)["data"].clone();
    for member in
        ["prompt", "temperature", "monthly_budget_usd", "input_schema", "provider_model", "credential_id"]
    {
        assert_eq!(made[member], whole[member], "{member}");
    }
    assert_eq!(
        (&made["slug"], &made["version"], &made["is_active"]),
        (&json!("say-hello"), &json!(1), &json!(true))
    );
    assert_eq!(made["variables"][0]["name"], "who");
    assert_eq!(made["model_limits"]["My_Model-4.1"]["requests_per_minute"], 1);
    let one = text(&made["uuid"]);
    let least = json!({"name": "Say More", "provider_model": "echo", "credential_id": credential["id"]});
    let put = api.put(MANAGED_ENDPOINT, &[id, &one], least.clone()).await.shows(200, &shape)["data"].clone();
    assert_eq!(
        (&put["version"], &put["slug"], &put["prompt"]),
        (&json!(2), &json!("say-hello"), &Value::Null)
    );
    for is in [false, true] {
        let switched =
            api.patch(MANAGED_ENDPOINT, &[id, &one], json!({"is_active": is})).await.shows(200, &shape);
        assert_eq!((&switched["data"]["is_active"], &switched["data"]["version"]), (&json!(is), &json!(2)));
    }
    let info = api.get(ENDPOINTS, &[id]).await.is(200);
    assert_eq!((&info["data"][0]["uuid"], &info["data"][0]["slug"]), (&json!(one), &json!("say-hello")));
    assert_eq!(api.get(INFO, &[id]).await.is(200)["data"]["endpoints_count"], 1);
    let wrong = [
        json!({"provider_model": "echo", "credential_id": credential["id"]}),
        with(&least, &json!({"temperature": 9})),
        with(&least, &json!({"nonsense": 1})),
        json!({"name": "x"}),
    ];
    for body in wrong {
        for answer in [
            api.post(MANAGED_ENDPOINTS, &[id], body.clone()).await,
            api.put(MANAGED_ENDPOINT, &[id, &one], body.clone()).await,
        ] {
            let said = refused(&answer, 422, "");
            assert!(said["errors"].as_object().is_some_and(|errors| !errors.is_empty()), "{said}");
        }
    }
    for wrong in [NOBODY, "no-uuid"] {
        refused(&api.put(MANAGED_ENDPOINT, &[id, wrong], least.clone()).await, 404, "");
        refused(&api.patch(MANAGED_ENDPOINT, &[id, wrong], json!({"is_active": true})).await, 404, "");
    }
}

async fn children(id: &str, api: &Caller<'_>) {
    let shape = data(&managed_token());
    let body = json!({"name": "child", "scopes": ["chat"], "rate_limit_per_minute": 2});
    let made = api.post(CHILDREN, &[id], body).await.shows(201, &shape)["data"].clone();
    assert!(made["parent"].is_string(), "{made}");
    let wider = json!({"name": "child", "scopes": ["proxy"]});
    let said = refused(&api.post(CHILDREN, &[id], wider).await, 422, "");
    assert!(said["errors"].is_object(), "{said}");
}

/// The thirty-first call of a minute is refused, whatever the others came to.
async fn throttle(pass: &Pass, id: &str) {
    let (token, _) = pass.gateway.token(id, &json!({"name": "t", "scopes": ["tokens:write"]})).await.unwrap();
    let api = pass.caller(Client::new().bearer(&token), "");
    for _ in 0..30 {
        refused(&api.delete(MANAGED_TOKEN, &[id, NOBODY]).await, 404, "");
    }
    let answer = api.delete(MANAGED_TOKEN, &[id, NOBODY]).await;
    let said = refused(&answer, 429, "");
    let wait = answer.response.header("retry-after").unwrap().parse::<u64>().unwrap();
    assert!((1..=60).contains(&wait), "{said}");
}

#[tokio::test]
async fn management_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn management_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
