//! AI endpoints: their versions, golden sets, caches, and calls that are made again.

use std::time::Duration;

use http::Method;
use promptgate_e2e::{Client, eventually};
use serde_json::{Value, json};

use super::shape::{page_of, with};
use super::{NOBODY, Pass, id, text};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/projects/{uuid}/endpoints
    POST /api/v1/admin/projects/{uuid}/endpoints
    GET /api/v1/admin/projects/{uuid}/endpoints/{id}
    PUT /api/v1/admin/projects/{uuid}/endpoints/{id}
    PATCH /api/v1/admin/projects/{uuid}/endpoints/{id}
    DELETE /api/v1/admin/projects/{uuid}/endpoints/{id}
    PATCH /api/v1/admin/projects/{uuid}/endpoints/{id}/activate
    PATCH /api/v1/admin/projects/{uuid}/endpoints/{id}/deactivate
    DELETE /api/v1/admin/projects/{uuid}/endpoints/{id}/cache
    GET /api/v1/admin/projects/{uuid}/endpoints/{id}/versions
    GET /api/v1/admin/projects/{uuid}/endpoints/{id}/versions/diff
    GET /api/v1/admin/projects/{uuid}/endpoints/{id}/versions/{number}
    POST /api/v1/admin/projects/{uuid}/endpoints/{id}/versions/{number}/restore
    GET /api/v1/admin/projects/{uuid}/endpoints/{id}/evals
    POST /api/v1/admin/projects/{uuid}/endpoints/{id}/evals
    GET /api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}
    PATCH /api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}
    DELETE /api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}
    GET /api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}/runs
    POST /api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}/runs
    GET /api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}/runs/{runId}
    POST /api/v1/admin/projects/{uuid}/calls/{requestId}/replay
";

const ALL: &str = "/projects/{uuid}/endpoints";
const ONE: &str = "/projects/{uuid}/endpoints/{id}";
const GONE: &str = "endpoint_not_found";

fn config() -> Value {
    json!({
        "name": "text", "slug": "text", "description": "text|null", "providerId": "uuid|null",
        "providerModel": "text|null", "providerTemplateId": "uuid|null", "credentialId": "uuid|null",
        "prompt": "text|null", "userPromptTemplate": "text|null", "variables": ["object"],
        "inputSchema": "object|null", "outputSchema": "object|null", "temperature": "num|null",
        "topP": "num|null", "maxOutputTokens": "int|null", "streamingEnabled": "bool",
        "sessionsEnabled": "bool", "sessionTtlSeconds": "int|null", "sessionMaxMessages": "int|null",
        "sessionMaxTokens": "int|null", "cacheEnabled": "bool", "cacheTtlSeconds": "int|null",
        "failover": [{"credentialId": "uuid|null", "providerId": "uuid|null", "providerModel": "text"}],
        "routingRules": "text|null", "rateLimitPerMinute": "int|null", "rateLimitPerHour": "int|null",
        "dailyBudgetUsd": "num|null", "dailyTokenCap": "int|null", "monthlyTokenCap": "int|null",
        "tokenRateLimitPerMinute": "int|null", "tokenRateLimitPerHour": "int|null",
        "maxConcurrentRequests": "int|null", "modelLimits": "object",
        "usageHardLimitTokens": "int|null", "monthlyBudgetUsd": "num|null",
        "estimatedCostPer1kTokensUsd": "num|null", "exposeAsMcpTool": "bool",
        "timeouts": {"connectMs": "int|null", "firstByteMs": "int|null", "idleMs": "int|null", "totalMs": "int|null"},
    })
}

fn endpoint() -> Value {
    let more = json!({
        "id": "uuid", "uuid": "uuid", "projectId": "uuid", "isActive": "bool", "version": "int",
        "guardrails": "object", "createdAt": "time", "updatedAt": "time",
    });
    with(&config(), &more)
}

fn greet(echo: &str) -> Value {
    json!({"name": "Greet", "providerId": echo, "providerModel": "echo", "userPromptTemplate": "<{{input}}>"})
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let (shape, echo) = (endpoint(), pass.echo().await);
    let project = pass.gateway.project_of("ai_gateway").await.unwrap();
    let p = project.id.as_str();
    let made = api.post(ALL, &[p], greet(&echo)).await.shows(201, &shape);
    assert_eq!(
        (&made["slug"], &made["version"], &made["isActive"]),
        (&json!("greet"), &json!(1), &json!(true))
    );
    assert_eq!((&made["id"], &made["projectId"]), (&made["uuid"], &json!(p)));
    let one = id(&made);
    let e = one.as_str();
    let other = with(&greet(&echo), &json!({"name": "Other"}));
    let other = id(&api.post(ALL, &[p], other).await.shows(201, &shape));
    api.lists(ALL, &[p], &shape, &["name", "slug", "createdAt", "updatedAt"]).await;
    let active = api.get(&format!("{ALL}?isActive=false"), &[p]).await.shows(200, &page_of(&shape));
    assert_eq!(active["total"], 0);
    api.get(&format!("{ALL}?isActive=x"), &[p]).await.refused(400, "invalid_filter");
    let wrong = [
        (json!({"providerId": echo, "providerModel": "echo"}), 400, "invalid_endpoint"),
        (with(&greet(&echo), &json!({"temperature": 9})), 400, "invalid_endpoint"),
        (with(&greet(&echo), &json!({"slug": "greet"})), 409, "slug_conflict"),
    ];
    api.refuses(Method::POST, ALL, &[p], &wrong).await;
    let said = api.post(ALL, &[p], json!({"name": "x"})).await.refused(400, "invalid_endpoint");
    assert!(said["errors"].is_object(), "{said}");
    api.reads_strictly(Method::POST, ALL, &[p], &with(&greet(&echo), &json!({"slug": "strict"}))).await;
    api.reads_strictly(Method::PUT, ONE, &[p, e], &greet(&echo)).await;
    api.reads_strictly(Method::PATCH, ONE, &[p, e], &json!({"name": "Greet"})).await;

    let changed =
        api.patch(ONE, &[p, e], json!({"userPromptTemplate": "({{input}})"})).await.shows(200, &shape);
    assert_eq!((&changed["version"], &changed["name"]), (&json!(2), &json!("Greet")));
    let replaced = with(&greet(&echo), &json!({"name": "Greeting"}));
    let replaced = api.put(ONE, &[p, e], replaced).await.shows(200, &shape);
    assert_eq!((&replaced["version"], &replaced["slug"]), (&json!(3), &json!("greet")), "the slug stays");
    for (path, is) in [("deactivate", false), ("activate", true)] {
        let path = format!("{ONE}/{path}");
        let switched = api.patch(&path, &[p, e], Value::Null).await.shows(200, &shape);
        assert_eq!((&switched["isActive"], &switched["version"]), (&json!(is), &json!(3)));
    }
    assert_eq!(api.get(ONE, &[p, e]).await.shows(200, &shape)["version"], 3);
    let removed = api.delete(&format!("{ONE}/cache"), &[p, e]).await.shows(200, &json!({"removed": "int"}));
    assert_eq!(removed["removed"], 0);

    versions(pass, p, e).await;
    evals(pass, p, e).await;
    replay(pass, &project, e).await;
    strangers(pass, p, &other).await;
}

async fn versions(pass: &Pass, p: &str, e: &str) {
    let api = pass.operator();
    let path = format!("{ONE}/versions");
    let shape = json!({"number": "int", "note": "str", "authorId": "uuid|null", "config": config(), "createdAt": "time"});
    let listed = api.get(&path, &[p, e]).await.shows(200, &page_of(&shape));
    assert_eq!((&listed["total"], &listed["items"][0]["number"]), (&json!(3), &json!(3)));
    let one = format!("{path}/{{number}}");
    let first = api.get(&one, &[p, e, "1"]).await.shows(200, &shape);
    assert_eq!(first["config"]["userPromptTemplate"], "<{{input}}>");
    let differences = json!({"from": "int", "to": "int", "changes": [
        {"field": "text", "before": "str|null", "after": "str|null"}
    ]});
    let shown = api.get(&format!("{path}/diff?from=1&to=2"), &[p, e]).await.shows(200, &differences);
    assert_eq!(
        shown["changes"][0],
        json!({"field": "userPromptTemplate", "before": "<{{input}}>", "after": "({{input}})"})
    );
    api.get(&format!("{path}/diff?from=1&to=9"), &[p, e]).await.refused(404, "endpoint_version_not_found");
    let restore = format!("{one}/restore");
    let restored = api.post(&restore, &[p, e, "1"], Value::Null).await.shows(200, &endpoint());
    assert_eq!((&restored["version"], &restored["name"]), (&json!(4), &json!("Greet")));
    api.post(&restore, &[p, e, "4"], Value::Null).await.refused(409, "version_is_newest");
    for wrong in ["9", "x"] {
        api.get(&one, &[p, e, wrong]).await.refused(404, "endpoint_version_not_found");
        api.post(&restore, &[p, e, wrong], Value::Null).await.refused(404, "endpoint_version_not_found");
    }
}

async fn evals(pass: &Pass, p: &str, e: &str) {
    let api = pass.operator();
    let path = format!("{ONE}/evals");
    let item = json!({"name": "text", "input": "object", "expected": {
        "contains": ["text"], "notContains": ["text"], "matchesSchema": "object|null",
        "minTotalTokens": "int|null", "maxTotalTokens": "int|null",
    }});
    let shape = json!({
        "id": "uuid", "endpointId": "uuid", "name": "text", "description": "text|null", "items": [item],
        "createdAt": "time", "updatedAt": "time",
    });
    let items = json!([
        {"name": "polite", "input": {"message": "Ahoy"}, "expected": {"contains": ["<ahoy>"]}},
        {"name": "rude", "input": {"message": "Ahoy"}, "expected": {"contains": ["goodbye"]}},
    ]);
    let body = json!({"name": "Manners", "items": items});
    let made = api.post(&path, &[p, e], body.clone()).await.shows(201, &shape);
    let set = id(&made);
    let s = set.as_str();
    let listed = api.get(&path, &[p, e]).await.shows(200, &page_of(&shape));
    assert_eq!(listed["total"], 1);
    let one = format!("{path}/{{evalId}}");
    assert_eq!(api.get(&one, &[p, e, s]).await.shows(200, &shape), made);
    let changed = api.patch(&one, &[p, e, s], json!({"description": "d"})).await.shows(200, &shape);
    assert_eq!((&changed["description"], &changed["name"]), (&json!("d"), &json!("Manners")));
    api.post(&path, &[p, e], json!({"name": "", "items": []})).await.refused(400, "invalid_eval");
    api.reads_strictly(Method::POST, &path, &[p, e], &body).await;
    api.reads_strictly(Method::PATCH, &one, &[p, e, s], &body).await;

    let runs = format!("{one}/runs");
    let summary = json!({
        "id": "uuid", "evalId": "uuid", "endpointId": "uuid", "endpointVersion": "int", "authorId": "uuid|null",
        "total": "int", "passed": "int", "failed": "int", "totalTokens": "int", "durationMs": "num",
        "startedAt": "time", "finishedAt": "time",
    });
    let run = with(
        &summary,
        &json!({
            "items": [{
                "name": "text", "passed": "bool", "answer": "str|null", "callId": "uuid|null", "durationMs": "num",
                "totalTokens": "int", "failures": [{"kind": "text", "detail": "text"}],
            }],
            "diff": super::shape::or_null(&json!({
                "previousRunId": "uuid", "delta": "int", "newlyFailing": ["text"], "newlyPassing": ["text"],
            })),
        }),
    );
    for is_first in [true, false] {
        let made = api.post(&runs, &[p, e, s], Value::Null).await.shows(201, &run);
        assert_eq!(
            (&made["passed"], &made["failed"], made["diff"].is_null()),
            (&json!(1), &json!(1), is_first)
        );
    }
    let listed = api.get(&runs, &[p, e, s]).await.shows(200, &page_of(&summary));
    assert_eq!(listed["total"], 2);
    let one_run = format!("{runs}/{{runId}}");
    api.get(&one_run, &[p, e, s, &id(&listed["items"][0])]).await.shows(200, &run);
    api.get(&one_run, &[p, e, s, NOBODY]).await.refused(404, "eval_run_not_found");
    api.delete(&one, &[p, e, s]).await.is_done();
    for wrong in [NOBODY, "no-uuid", s] {
        api.get(&one, &[p, e, wrong]).await.refused(404, "eval_not_found");
        api.patch(&one, &[p, e, wrong], json!({"name": "x"})).await.refused(404, "eval_not_found");
        api.delete(&one, &[p, e, wrong]).await.refused(404, "eval_not_found");
        api.get(&runs, &[p, e, wrong]).await.refused(404, "eval_not_found");
        api.post(&runs, &[p, e, wrong], Value::Null).await.refused(404, "eval_not_found");
    }
}

async fn replay(pass: &Pass, project: &promptgate_e2e::Project, e: &str) {
    let api = pass.operator();
    let path = "/projects/{uuid}/calls/{requestId}/replay";
    let client: &Client = &project.client;
    let body = json!({"message": "Ahoy"});
    let call = eventually("an answer of the endpoint", Duration::from_secs(30), || async {
        client.post(&project.url("/greet"), &body).await.ok()?.expect(200).ok()
    });
    let request = text(&call.await.unwrap()["meta"]["request_id"]);
    let ids = [project.id.as_str(), request.as_str()];
    let shape = json!({
        "requestId": "text", "sourceRequestId": "text", "callId": "uuid|null", "status": "int",
        "body": "object", "totalTokens": "int", "latencyMs": "num",
    });
    eventually("a record of the call", Duration::from_mins(1), || async {
        api.post(path, &ids, json!({})).await.response.expect(200).ok()
    })
    .await
    .unwrap();
    let again = api.post(path, &ids, json!({})).await.shows(200, &shape);
    assert_eq!((&again["status"], &again["sourceRequestId"]), (&json!(200), &json!(request)));
    let other = json!({"messages": [{"role": "user", "content": "Moin"}]});
    let other = api.post(path, &ids, other).await.shows(200, &shape);
    assert_eq!(other["body"]["content"], "<Moin>");
    api.post(path, &[&project.id, "nobody"], json!({})).await.refused(404, "call_not_found");
    api.post(path, &[NOBODY, &request], json!({})).await.refused(404, "call_not_found");
    api.post(path, &["no-uuid", &request], json!({})).await.refused(404, "project_not_found");
    api.delete(ONE, &[&project.id, e]).await.is_done();
    api.post(path, &ids, json!({})).await.refused(404, "endpoint_not_found");
}

/// Endpoints and projects that do not exist.
async fn strangers(pass: &Pass, p: &str, e: &str) {
    let api = pass.operator();
    for (ids, code) in [
        ([p, NOBODY], GONE),
        ([p, "no-uuid"], GONE),
        ([NOBODY, e], "project_not_found"),
        (["no-uuid", e], "project_not_found"),
    ] {
        for part in ["", "/versions", "/versions/diff", "/versions/1", "/evals"] {
            let (path, ids) = match part.strip_prefix("/versions/1") {
                Some(_) => (format!("{ONE}/versions/{{number}}"), [ids.as_slice(), &["1"]].concat()),
                None => (format!("{ONE}{part}"), ids.to_vec()),
            };
            api.get(&path, &ids).await.refused(404, code);
        }
        api.patch(ONE, &ids, json!({"name": "x"})).await.refused(404, code);
        api.delete(ONE, &ids).await.refused(404, code);
        api.delete(&format!("{ONE}/cache"), &ids).await.refused(404, code);
        for part in ["activate", "deactivate"] {
            api.patch(&format!("{ONE}/{part}"), &ids, Value::Null).await.refused(404, code);
        }
    }
    let body = json!({"name": "w", "projectType": "ai_wrapper"});
    let wrapper = pass.gateway.admin(Method::POST, "/projects", &body).await.unwrap().expect(201).unwrap();
    api.get(ALL, &[&id(&wrapper)]).await.refused(400, "invalid_project_type");
}

#[tokio::test]
async fn endpoints_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn endpoints_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
