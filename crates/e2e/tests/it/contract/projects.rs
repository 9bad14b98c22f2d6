//! Projects, and what is kept for each: members, aliases, providers, tokens, calls.

use http::Method;
use promptgate_e2e::Client;
use serde_json::{Value, json};

use super::shape::{page_of, with};
use super::shapes::limits;
use super::{NOBODY, Pass, id, text};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/projects
    POST /api/v1/admin/projects
    GET /api/v1/admin/projects/{uuid}
    PATCH /api/v1/admin/projects/{uuid}
    DELETE /api/v1/admin/projects/{uuid}
    GET /api/v1/admin/projects/{uuid}/members
    PUT /api/v1/admin/projects/{uuid}/members/{userId}
    DELETE /api/v1/admin/projects/{uuid}/members/{userId}
    GET /api/v1/admin/projects/{uuid}/aliases
    POST /api/v1/admin/projects/{uuid}/aliases
    GET /api/v1/admin/projects/{uuid}/aliases/{id}
    PATCH /api/v1/admin/projects/{uuid}/aliases/{id}
    DELETE /api/v1/admin/projects/{uuid}/aliases/{id}
    GET /api/v1/admin/projects/{uuid}/provider-settings
    PUT /api/v1/admin/projects/{uuid}/provider-settings/{providerId}
    DELETE /api/v1/admin/projects/{uuid}/provider-settings/{providerId}
    GET /api/v1/admin/projects/{uuid}/tokens
    POST /api/v1/admin/projects/{uuid}/tokens
    GET /api/v1/admin/projects/{uuid}/tokens/{id}
    PATCH /api/v1/admin/projects/{uuid}/tokens/{id}
    DELETE /api/v1/admin/projects/{uuid}/tokens/{id}
    POST /api/v1/admin/projects/{uuid}/tokens/{id}/rotate
    GET /api/v1/admin/tokens/{id}
    PATCH /api/v1/admin/tokens/{id}
    DELETE /api/v1/admin/tokens/{id}
    POST /api/v1/admin/tokens/{id}/rotate
    GET /api/v1/admin/projects/{uuid}/usage
    GET /api/v1/admin/calls
    GET /api/v1/admin/calls/{id}
";

const ALL: &str = "/projects";
const ONE: &str = "/projects/{uuid}";
const MEMBERS: &str = "/projects/{uuid}/members";
const MEMBER: &str = "/projects/{uuid}/members/{userId}";
const ALIASES: &str = "/projects/{uuid}/aliases";
const ALIAS: &str = "/projects/{uuid}/aliases/{id}";
const SETTINGS: &str = "/projects/{uuid}/provider-settings";
const SETTING: &str = "/projects/{uuid}/provider-settings/{providerId}";
const TOKENS: &str = "/projects/{uuid}/tokens";
const GONE: &str = "project_not_found";

fn shape() -> Value {
    json!({
        "id": "uuid", "uuid": "uuid", "name": "text", "slug": "text",
        "projectType": "'ai_gateway'|'ai_wrapper'|'agent_proxy'|'api_gateway'|'mcp_gateway'",
        "env": "'dev'|'staging'|'prod'", "isActive": "bool", "defaultProviderId": "uuid|null", "metadata": "object",
        "recordBodies": "'full'|'prompts'|'none'|null", "limits": limits(), "createdAt": "time", "updatedAt": "time",
    })
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let (shape, echo) = (shape(), pass.echo().await);
    let whole = json!({"name": "Über uns", "projectType": "ai_wrapper", "env": "staging", "isActive": true,
        "defaultProviderId": echo, "metadata": {"team": 1}, "recordBodies": "prompts"});
    let made = api.post(ALL, &[], whole.clone()).await.shows(201, &shape);
    for (member, value) in whole.as_object().unwrap() {
        assert_eq!(&made[member], value, "{member}");
    }
    assert_eq!((&made["id"], &made["slug"]), (&made["uuid"], &json!("ueber-uns")));
    let one = id(&made);
    api.post(ALL, &[], json!({"name": "Another", "projectType": "mcp_gateway"})).await.shows(201, &shape);
    let keys = ["name", "projectType", "createdAt", "updatedAt"];
    api.lists(ALL, &[], &shape, &keys).await;
    let found = api.get(&format!("{ALL}?search=BER%20UN"), &[]).await.shows(200, &page_of(&shape));
    assert_eq!((&found["total"], &found["items"][0]["id"]), (&json!(1), &json!(one)));
    let new = |more: Value| with(&json!({"name": "x", "projectType": "ai_wrapper"}), &more);
    let wrong = [
        (new(json!({"name": " "})), 400, "invalid_name"),
        (new(json!({"env": "test"})), 400, "invalid_env"),
        (new(json!({"defaultProviderId": NOBODY})), 404, "provider_not_found"),
    ];
    api.refuses(Method::POST, ALL, &[], &wrong).await;
    api.post(ALL, &[], new(json!({"projectType": "odd"}))).await.refused(400, "invalid_project_type");
    api.reads_strictly(Method::POST, ALL, &[], &new(json!({}))).await;
    let changed = json!({"name": "Other", "defaultProviderId": null, "isActive": false});
    let changed = api.patch(ONE, &[&one], changed).await.shows(200, &shape);
    assert_eq!((&changed["name"], &changed["defaultProviderId"]), (&json!("Other"), &Value::Null));
    assert_eq!((&changed["isActive"], &changed["env"]), (&json!(false), &json!("staging")));
    api.patch(ONE, &[&one], json!({"name": ""})).await.refused(400, "invalid_name");
    api.reads_strictly(Method::PATCH, ONE, &[&one], &json!({"name": "x"})).await;
    api.patch(ONE, &[&one], json!({"isActive": true})).await.shows(200, &shape);
    assert_eq!(api.get(ONE, &[&one]).await.shows(200, &shape)["isActive"], true);

    members(pass, &one).await;
    aliases(pass, &one, &echo).await;
    settings(pass, &one, &echo).await;
    tokens(pass, &one).await;
    calls(pass, &one).await;
    api.delete(ONE, &[&one]).await.is_done();
    for wrong in [NOBODY, "no-uuid", &one] {
        api.get(ONE, &[wrong]).await.refused(404, GONE);
        api.patch(ONE, &[wrong], json!({"name": "x"})).await.refused(404, GONE);
        api.delete(ONE, &[wrong]).await.refused(404, GONE);
        for path in [MEMBERS, ALIASES, SETTINGS, TOKENS, "/projects/{uuid}/usage"] {
            api.get(path, &[wrong]).await.refused(404, GONE);
        }
    }
}

async fn members(pass: &Pass, project: &str) {
    let api = pass.operator();
    let ada = pass.person("ada@example.com", "user").await;
    let shape = json!({"items": [{
        "userId": "uuid", "preferredUsername": "text", "email": "str", "name": "str",
        "type": "'user'|'service'", "role": "'viewer'|'developer'|'admin'", "isActive": "bool",
    }]});
    for role in ["viewer", "developer", "admin"] {
        let answer = api.put(MEMBER, &[project, &ada], json!({"role": role})).await;
        assert_eq!(answer.is(200)["role"], role);
    }
    let listed = api.get(MEMBERS, &[project]).await.shows(200, &shape);
    assert_eq!((&listed["items"][0]["userId"], listed["items"].as_array().unwrap().len()), (&json!(ada), 1));
    api.put(MEMBER, &[project, &ada], json!({"role": "owner"})).await.refused(400, "invalid_role");
    api.reads_strictly(Method::PUT, MEMBER, &[project, &ada], &json!({"role": "viewer"})).await;
    api.delete(MEMBER, &[project, &ada]).await.is_done();
    for wrong in [NOBODY, "no-uuid"] {
        api.put(MEMBER, &[project, wrong], json!({"role": "viewer"})).await.refused(404, "user_not_found");
        api.delete(MEMBER, &[project, wrong]).await.refused(404, "user_not_found");
        api.put(MEMBER, &[wrong, &ada], json!({"role": "viewer"})).await.refused(404, GONE);
        api.delete(MEMBER, &[wrong, &ada]).await.refused(404, GONE);
    }
}

async fn aliases(pass: &Pass, project: &str, echo: &str) {
    let api = pass.operator();
    let shape = json!({
        "id": "uuid", "projectId": "uuid", "name": "text", "description": "str", "providerId": "uuid",
        "provider": "text|null", "model": "text", "isPreset": "bool", "systemPrompt": "str|null",
        "temperature": "num|null", "topP": "num|null", "maxTokens": "int|null", "createdAt": "time",
        "updatedAt": "time",
    });
    let new =
        |name: &str, more: Value| with(&json!({"name": name, "providerId": echo, "model": "echo"}), &more);
    let preset = json!({"systemPrompt": "Be brief.", "temperature": 0.5, "topP": 0.9, "maxTokens": 9});
    let made = api.post(ALIASES, &[project], new("fast", preset)).await.shows(201, &shape);
    assert_eq!((&made["isPreset"], &made["provider"]), (&json!(true), &json!("echo")));
    let plain = api.post(ALIASES, &[project], new("slow", json!({}))).await.shows(201, &shape);
    assert_eq!((&plain["isPreset"], &plain["temperature"]), (&json!(false), &Value::Null));
    api.lists(ALIASES, &[project], &shape, &["name"]).await;
    let one = id(&made);
    let wrong = [
        (new("", json!({})), 400, "invalid_name"),
        (new("x", json!({"temperature": 2.5})), 400, "invalid_temperature"),
        (new("slow", json!({})), 409, "name_conflict"),
        (new("x", json!({"providerId": NOBODY})), 404, "provider_not_found"),
    ];
    api.refuses(Method::POST, ALIASES, &[project], &wrong).await;
    api.refuses(Method::PATCH, ALIAS, &[project, &one], &wrong).await;
    api.reads_strictly(Method::POST, ALIASES, &[project], &new("x", json!({}))).await;
    api.reads_strictly(Method::PATCH, ALIAS, &[project, &one], &json!({"name": "x"})).await;
    let changed = api.patch(ALIAS, &[project, &one], json!({"temperature": null})).await.shows(200, &shape);
    assert_eq!((&changed["temperature"], &changed["maxTokens"]), (&Value::Null, &json!(9)));
    assert_eq!(api.get(ALIAS, &[project, &one]).await.shows(200, &shape), changed);
    api.delete(ALIAS, &[project, &one]).await.is_done();
    for wrong in [NOBODY, "no-uuid", &one] {
        api.get(ALIAS, &[project, wrong]).await.refused(404, "alias_not_found");
        api.patch(ALIAS, &[project, wrong], json!({"name": "x"})).await.refused(404, "alias_not_found");
        api.delete(ALIAS, &[project, wrong]).await.refused(404, "alias_not_found");
    }
    let body = json!({"name": "g", "projectType": "ai_gateway"});
    let gateway = pass.gateway.admin(Method::POST, ALL, &body).await.unwrap().expect(201).unwrap();
    api.get(ALIASES, &[&id(&gateway)]).await.refused(400, "invalid_project_type");
}

async fn settings(pass: &Pass, project: &str, echo: &str) {
    let api = pass.operator();
    let setting = json!({
        "providerId": "uuid", "name": "text", "displayName": "text", "type": "text", "enabled": "bool",
        "providerEnabled": "bool", "effective": "bool", "isSet": "bool", "position": "int|null",
        "credentialId": "uuid|null",
    });
    let list = json!({"items": [setting]});
    let shown = api.get(SETTINGS, &[project]).await.shows(200, &list);
    assert_eq!(
        (&shown["items"][0]["providerId"], &shown["items"][0]["isSet"]),
        (&json!(echo), &json!(false))
    );
    let body = json!({"enabled": false, "position": 3});
    let saved = api.put(SETTING, &[project, echo], body).await.shows(200, &setting);
    assert_eq!(
        (&saved["enabled"], &saved["effective"], &saved["position"]),
        (&json!(false), &json!(false), &json!(3))
    );
    let body = json!({"credentialId": NOBODY});
    api.put(SETTING, &[project, echo], body).await.refused(404, "credential_not_found");
    api.reads_strictly(Method::PUT, SETTING, &[project, echo], &json!({"enabled": true})).await;
    api.delete(SETTING, &[project, echo]).await.is_done();
    for wrong in [NOBODY, "no-uuid"] {
        api.put(SETTING, &[project, wrong], json!({})).await.refused(404, "provider_not_found");
        api.delete(SETTING, &[project, wrong]).await.refused(404, "provider_not_found");
        api.put(SETTING, &[wrong, echo], json!({})).await.refused(404, GONE);
        api.delete(SETTING, &[wrong, echo]).await.refused(404, GONE);
    }
}

fn token() -> Value {
    json!({
        "id": "uuid", "uuid": "uuid", "projectId": "uuid", "name": "text", "env": "'live'|'test'",
        "prefix": "text", "lastFour": "text", "scopes": ["text"], "isActive": "bool",
        "endpointIds": "list|null", "rateLimitPerMinute": "int|null", "rateLimitPerHour": "int|null",
        "monthlyBudgetUsdCap": "num|null", "dailyBudgetUsdCap": "num|null", "dailyTokenCap": "int|null",
        "monthlyTokenCap": "int|null", "tokenRateLimitPerMinute": "int|null", "tokenRateLimitPerHour": "int|null", "requestTokenCap": "int|null",
        "maxConcurrentRequests": "int|null", "modelLimits": "object",
        "metadata": "object", "lastUsedAt": "time|null", "createdAt": "time", "expiresAt?": "time|null",
        "revokedAt?": "time", "ownerId?": "uuid", "parentId?": "uuid", "oldSecretExpiresAt?": "time",
    })
}

async fn tokens(pass: &Pass, project: &str) {
    let api = pass.operator();
    let issued = json!({"token": "text", "tokenInfo": token()});
    let whole = json!({"name": "CI", "env": "test", "scopes": ["chat"], "endpointIds": [NOBODY],
        "rateLimitPerMinute": 3, "rateLimitPerHour": 4, "monthlyBudgetUsdCap": 1.5, "dailyBudgetUsdCap": 0.5,
        "dailyTokenCap": 9, "metadata": {"a": 1}, "expiresAt": "2099-01-01T00:00:00Z"});
    let made = api.post(TOKENS, &[project], whole.clone()).await.shows(201, &issued);
    assert!(text(&made["token"]).starts_with("pg_test_"));
    for (member, value) in whole.as_object().unwrap() {
        assert!(member == "expiresAt" || &made["tokenInfo"][member] == value, "{member}: {made}");
    }
    let plain = api.post(TOKENS, &[project], json!({"name": "plain"})).await.shows(201, &issued);
    assert_eq!(plain["tokenInfo"]["scopes"], json!(["chat", "models"]), "the type's own");
    api.lists(TOKENS, &[project], &token(), &["-createdAt", "name", "lastUsedAt", "expiresAt"]).await;
    let new = |more: Value| with(&json!({"name": "x"}), &more);
    let wrong = [
        (new(json!({"name": ""})), 400, "invalid_token_name"),
        (new(json!({"env": "prod"})), 400, "invalid_env"),
        (new(json!({"scopes": ["root"]})), 400, "invalid_scope"),
        (new(json!({"rateLimitPerMinute": 0})), 400, "invalid_limit"),
        (new(json!({"endpointIds": ["7"]})), 400, "invalid_endpoint_ids"),
        (new(json!({"expiresAt": "2001-01-01T00:00:00Z"})), 400, "invalid_expiration"),
    ];
    api.refuses(Method::POST, TOKENS, &[project], &wrong).await;
    api.reads_strictly(Method::POST, TOKENS, &[project], &new(json!({}))).await;

    let one = id(&made["tokenInfo"]);
    let places: [(&str, Vec<&str>); 2] =
        [("/projects/{uuid}/tokens/{id}", vec![project, &one]), ("/tokens/{id}", vec![&one])];
    for (path, ids) in &places {
        let changed = token();
        assert_eq!(api.get(path, ids).await.shows(200, &token())["name"], "CI");
        let body = json!({"isActive": false, "dailyTokenCap": null});
        let off = api.patch(path, ids, body).await.shows(200, &changed);
        assert_eq!((&off["isActive"], &off["dailyTokenCap"]), (&json!(false), &Value::Null));
        api.patch(path, ids, json!({"isActive": true})).await.shows(200, &changed);
        api.patch(path, ids, json!({"scopes": ["root"]})).await.refused(400, "invalid_scope");
        api.reads_strictly(Method::PATCH, path, ids, &json!({"name": "CI"})).await;
        let rotate = format!("{path}/rotate");
        let rotated = api.post(&rotate, ids, json!({"overlapSeconds": 60})).await.shows(200, &issued);
        assert!(rotated["tokenInfo"]["oldSecretExpiresAt"].is_string(), "{rotated}");
        api.post(&rotate, ids, Value::Null).await.shows(200, &issued);
        api.post(&rotate, ids, json!({"overlapSeconds": 604_801})).await.refused(400, "invalid_overlap");
        let nobody: Vec<_> = ids[..ids.len() - 1].iter().copied().chain([NOBODY]).collect();
        api.get(path, &nobody).await.refused(404, "token_not_found");
        api.patch(path, &nobody, json!({"isActive": true})).await.refused(404, "token_not_found");
        api.post(&rotate, &nobody, Value::Null).await.refused(404, "token_not_found");
        api.delete(path, &nobody).await.refused(404, "token_not_found");
    }
    for (path, ids) in &places {
        api.delete(path, ids).await.is_done();
        api.patch(path, ids, json!({"isActive": true})).await.refused(409, "token_revoked");
        api.post(&format!("{path}/rotate"), ids, Value::Null).await.refused(409, "token_revoked");
        assert!(api.get(path, ids).await.shows(200, &token())["revokedAt"].is_string());
    }
    assert_eq!(api.get(TOKENS, &[project]).await.is(200)["total"], 1, "revoked ones are hidden");
    let all = api.get(&format!("{TOKENS}?includeRevoked=true"), &[project]).await.is(200);
    assert_eq!(all["total"], 2);
}

/// What calls leave behind.
async fn calls(pass: &Pass, project: &str) {
    let api = pass.operator();
    let usage = json!({
        "id": "uuid", "projectId": "uuid", "tokenId": "uuid", "ownerId": "uuid|null", "requestId": "text",
        "operation": "text", "outcome": "text", "status": "int", "errorCode": "text|null", "provider": "text|null",
        "providerId": "uuid|null", "model": "text|null", "requestedModel": "text|null", "streamed": "bool",
        "attempts": "int", "latencyMs": "num", "timeToFirstByteMs": "num|null", "costUsd": "num",
        "priceBasis": "text", "priceVersion": "str", "estimated": "bool", "revision": "int",
        "clientIp": "text|null", "trace": ["text"], "createdAt": "time",
        "tokens": {
            "input": "int", "output": "int", "cacheRead": "int", "cacheWrite5m": "int", "cacheWrite1h": "int",
            "reasoning": "int", "audioInput": "int", "audioOutput": "int", "total": "int",
        },
    });
    let call = with(
        &usage,
        &json!({
            "cacheHit": "bool", "cachedTokens": "int", "clientSession": "text|null", "clientTool": "text|null",
            "credentialId": "uuid|null", "dropped": ["text"], "endpointId": "uuid|null", "endpointSlug": "text|null",
            "errorMessage": "text|null", "parentRequestId": "text|null", "providerResponseId": "text|null",
            "routingDecision": "text|null", "upstreamMs": "num|null",
        }),
    );
    let detail = with(
        &call,
        &json!({
            "content": super::shape::or_null(&json!({
                "prompt": "str|null", "request": "str|null", "response": "str|null", "truncated": "bool",
                "toolCalls": [{"id": "str", "name": "text", "arguments": "str", "injected": "bool"}],
            })),
            // What it holds is shown where guardrails have something to do.
            "guardrails": "null",
            "tried": [{
                "provider": "text", "model": "text", "credentialId": "uuid|null", "status": "int|null",
                "fault": "text|null", "durationMs": "num",
            }],
        }),
    );
    let (secret, _) = pass.gateway.token(project, &json!({"name": "caller"})).await.unwrap();
    let url = format!("{}/api/{project}/v1/chat/completions", pass.gateway.proxy);
    let body = json!({"model": "echo:echo", "messages": [{"role": "user", "content": "Ahoy"}]});
    let client = Client::new().bearer(&secret);
    promptgate_e2e::eventually("two answers", std::time::Duration::from_secs(30), || async {
        client.post(&url, &body).await.ok()?.expect(200).ok()
    })
    .await
    .unwrap();
    client.post(&url, &json!({"model": "nobody:x", "messages": []})).await.unwrap();
    let path = format!("/calls?projectId={project}");
    promptgate_e2e::eventually("two records", std::time::Duration::from_mins(1), || async {
        (api.get(&path, &[]).await.is(200)["items"].as_array()?.len() >= 2).then_some(())
    })
    .await
    .unwrap();
    let of_project = "/projects/{uuid}/usage";
    api.lists(of_project, &[project], &usage, &[]).await;
    api.get(&format!("{of_project}?tokenId=no-uuid"), &[project]).await.refused(404, "token_not_found");
    let list = json!({"items": [call], "nextCursor": "text|null"});
    let first = api.get(&format!("{path}&limit=1"), &[]).await.shows(200, &list);
    let cursor = text(&first["nextCursor"]);
    let second = api.get(&format!("{path}&limit=1&cursor={cursor}"), &[]).await.shows(200, &list);
    assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
    let completed =
        api.get(&format!("{path}&outcome=completed&provider=echo&status=200"), &[]).await.shows(200, &list);
    let shown = api.get("/calls/{id}", &[&id(&completed["items"][0])]).await.shows(200, &detail);
    assert_eq!(
        (&shown["content"]["prompt"], &shown["tried"][0]["provider"]),
        (&json!("Ahoy"), &json!("echo"))
    );
    api.get("/calls?cursor=x", &[]).await.refused(400, "invalid_cursor");
    for filter in ["status=x", "outcome=odd", "projectId=x"] {
        api.get(&format!("/calls?{filter}"), &[]).await.refused(400, "invalid_filter");
    }
    for wrong in [NOBODY, "no-uuid"] {
        api.get("/calls/{id}", &[wrong]).await.refused(404, "call_not_found");
    }
}

#[tokio::test]
async fn projects_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn projects_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
