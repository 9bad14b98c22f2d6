//! Guardrails on every level, and what they make of something.

use http::Method;
use serde_json::{Value, json};

use super::{NOBODY, Pass};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/guardrails
    PATCH /api/v1/admin/guardrails
    PUT /api/v1/admin/guardrails
    GET /api/v1/admin/guardrails/catalogue
    GET /api/v1/admin/projects/{uuid}/guardrails
    PATCH /api/v1/admin/projects/{uuid}/guardrails
    PUT /api/v1/admin/projects/{uuid}/guardrails
    GET /api/v1/admin/projects/{uuid}/tokens/{id}/guardrails
    PATCH /api/v1/admin/projects/{uuid}/tokens/{id}/guardrails
    PUT /api/v1/admin/projects/{uuid}/tokens/{id}/guardrails
    GET /api/v1/admin/projects/{uuid}/endpoints/{id}/guardrails
    POST /api/v1/admin/firewall/explain
    POST /api/v1/admin/firewall/replay
";

/// What counts of every guardrail, and where it comes from.
fn shape(own: &Value) -> Value {
    let modes = "'audit'|'mask'|'redact'|'block'";
    let custom = json!([{"label": "text", "pattern": "text"}]);
    let source = "'global'|'project'|'endpoint'|'token'|'default'";
    let sources = |fields: &[&str]| -> Value {
        fields.iter().map(|field| ((*field).to_owned(), Value::from(source))).collect()
    };
    json!({
        "level": "'global'|'project'|'endpoint'|'token'",
        "own": own,
        "effective": {
            "reversibleRedaction": {"enabled": "bool", "types": ["text"], "strictness": "'standard'|'lenient'",
                "customPatterns": custom},
            "piiFilter": {"enabled": "bool", "mode": modes, "direction": "'input'|'output'|'both'",
                "strictness": "'standard'|'lenient'", "types": ["text"], "customPatterns": custom},
            "promptInjection": {"enabled": "bool", "mode": modes, "threshold": "int", "toolThreshold": "int",
                "channels": ["text"]},
            "secretScanner": {"enabled": "bool", "mode": modes, "direction": "'input'|'output'|'both'",
                "strictness": "'standard'|'lenient'", "patterns": ["text"]},
            "keywordBlocklist": {"enabled": "bool", "mode": modes, "direction": "'input'|'output'|'both'",
                "words": ["text"]},
            "contentLength": {"enabled": "bool", "mode": modes},
            "ipAllowlist": {"enabled": "bool", "cidrs": ["text"]},
            "timeWindow": {"enabled": "bool", "timezone": "text",
                "windows": [{"days": ["text"], "from": "text", "to": "text"}]},
        },
        "sources": {
            "reversibleRedaction": sources(&["enabled", "types", "strictness", "customPatterns"]),
            "piiFilter": sources(&["enabled", "mode", "direction", "strictness", "types", "customPatterns"]),
            "promptInjection": sources(&["enabled", "mode", "threshold", "toolThreshold", "channels"]),
            "secretScanner": sources(&["enabled", "mode", "direction", "strictness", "patterns"]),
            "keywordBlocklist": sources(&["enabled", "mode", "direction", "words"]),
            "contentLength": sources(&["enabled", "mode"]),
            "ipAllowlist": sources(&["enabled", "cidrs"]),
            "timeWindow": sources(&["enabled", "timezone", "windows"]),
        },
        "notConfigured": ["text"],
    })
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let project = pass.gateway.project_of("ai_gateway").await.unwrap();
    let (_, token) = pass.gateway.token(&project.id, &json!({"name": "kept in"})).await.unwrap();
    let of_token = [project.id.as_str(), token.as_str()];
    let levels: [(&str, &[&str]); 3] = [
        ("/guardrails", &[]),
        ("/projects/{uuid}/guardrails", &of_token[..1]),
        ("/projects/{uuid}/tokens/{id}/guardrails", &of_token),
    ];
    for (path, ids) in levels {
        api.get(path, ids).await.shows(200, &shape(&json!({})));
        let said = json!({"piiFilter": {"mode": "mask"}});
        let own = shape(&json!({"piiFilter": {"mode": "'mask'"}}));
        let seen = api.patch(path, ids, said).await.shows(200, &own);
        assert_eq!(seen["sources"]["piiFilter"]["mode"], seen["level"]);
        api.put(path, ids, json!({})).await.shows(200, &shape(&json!({})));
        let wrong = [
            (json!({"piiFilter": {"mode": "shout"}}), 400, "invalid_guardrails"),
            (
                json!({"piiFilter": {"customPatterns": [{"label": "a", "pattern": "("}]}}),
                400,
                "invalid_guardrails",
            ),
            (json!({"contentLength": {"min": 2, "max": 1}}), 400, "invalid_guardrails"),
        ];
        for method in [Method::PATCH, Method::PUT] {
            api.refuses(method.clone(), path, ids, &wrong).await;
            api.reads_strictly(method, path, ids, &json!({"piiFilter": {"mode": "mask"}})).await;
        }
        api.put(path, ids, json!({})).await.is(200);
    }
    strangers(pass, &project.id).await;
    endpoint(pass, &project.id).await;
    catalogue(pass).await;
    trials(pass, &project.id, &token).await;
}

async fn strangers(pass: &Pass, project: &str) {
    let api = pass.operator();
    for wrong in [NOBODY, "no-uuid"] {
        let (of_project, of_token) =
            ("/projects/{uuid}/guardrails", "/projects/{uuid}/tokens/{id}/guardrails");
        api.get(of_project, &[wrong]).await.refused(404, "project_not_found");
        api.patch(of_project, &[wrong], json!({})).await.refused(404, "project_not_found");
        api.put(of_project, &[wrong], json!({})).await.refused(404, "project_not_found");
        api.get(of_token, &[project, wrong]).await.refused(404, "token_not_found");
        api.patch(of_token, &[project, wrong], json!({})).await.refused(404, "token_not_found");
        api.put(of_token, &[project, wrong], json!({})).await.refused(404, "token_not_found");
        let of_endpoint = "/projects/{uuid}/endpoints/{id}/guardrails";
        api.get(of_endpoint, &[project, wrong]).await.refused(404, "endpoint_not_found");
        api.get(of_endpoint, &[wrong, wrong]).await.refused(404, "project_not_found");
    }
}

async fn endpoint(pass: &Pass, project: &str) {
    let body = json!({"name": "Mail", "providerId": pass.echo().await, "providerModel": "echo",
        "guardrails": {"piiFilter": {"enabled": true}}});
    let path = format!("/projects/{project}/endpoints");
    let made = pass.gateway.admin(Method::POST, &path, &body).await.unwrap().expect(201).unwrap();
    let ids = [project, made["id"].as_str().unwrap()];
    let own = shape(&json!({"piiFilter": {"enabled": "bool"}}));
    let seen = pass.operator().get("/projects/{uuid}/endpoints/{id}/guardrails", &ids).await.shows(200, &own);
    assert_eq!(
        (&seen["level"], &seen["sources"]["piiFilter"]["enabled"]),
        (&json!("endpoint"), &json!("endpoint"))
    );
}

async fn catalogue(pass: &Pass) {
    let kinds = json!([{"name": "text", "label": "text", "needsModel": "bool", "configured": "bool"}]);
    let shape = json!({
        "guardrails": [{"name": "text", "id": "text", "modes": ["'audit'|'mask'|'redact'|'block'"]}],
        "personalData": kinds, "secrets": kinds, "redactions": kinds,
        "defaults": shape(&json!({}))["effective"], "holdBackBytes": "int",
    });
    pass.operator().get("/guardrails/catalogue", &[]).await.shows(200, &shape);
}

async fn trials(pass: &Pass, project: &str, token: &str) {
    let api = pass.operator();
    let explain = "/firewall/explain";
    let verdict = json!({
        "outcome": "'passed'|'noted'|'changed'|'blocked'", "refusedBy": "text|null", "message": "text|null",
        "injectionScore": "int|null", "more": "int", "micros": "int", "bytes": "int", "sentText": "text|null",
        "sentBody": "null", "unasked": ["text"],
        "matches": [{"rule": "text", "guardrail": "text", "category": "text", "label": "text|null",
            "mode": "text", "certainty": "'shape'|'likely'|'certain'", "score": "int|null", "part": "str",
            "start": "int", "end": "int"}],
    });
    let answer = json!({"blocked": "int", "changed": "int", "noted": "int", "micros": "int",
        "access": "null", "verdicts": [verdict]});
    let rules =
        json!({"piiFilter": {"enabled": true}, "keywordBlocklist": {"enabled": true, "words": ["zebra"]}});
    let body = json!({"lines": ["ada@example.org", {"text": "a zebra"}], "rules": rules, "projectId": project,
        "tokenId": token});
    let said = api.post(explain, &[], body.clone()).await.shows(200, &answer);
    assert_eq!((&said["changed"], &said["blocked"]), (&json!(1), &json!(1)));
    assert_eq!(said["verdicts"][0]["sentText"], "[E-Mail REDACTED]");
    let wrong = [
        (json!({}), 400, "invalid_request_body"),
        (json!({"text": "x", "channel": "y"}), 400, "invalid_request_body"),
        (json!({"text": "x", "rules": {"piiFilter": {"mode": "y"}}}), 400, "invalid_guardrails"),
    ];
    api.refuses(Method::POST, explain, &[], &wrong).await;
    api.post(explain, &[], json!({"text": "x", "projectId": NOBODY})).await.refused(404, "project_not_found");
    api.post(explain, &[], json!({"text": "x", "tokenId": NOBODY})).await.refused(404, "token_not_found");
    api.post(explain, &[], json!({"text": "x", "endpointId": NOBODY}))
        .await
        .refused(404, "endpoint_not_found");
    api.reads_strictly(Method::POST, explain, &[], &json!({"text": "x"})).await;

    let replay = "/firewall/replay";
    let shape = json!({
        "calls": "int", "unreadable": "int", "blocked": "int", "changed": "int", "noted": "int", "rules": {},
        "concerned": [{"callId": "uuid", "outcome": "text", "rules": ["text"]}], "bytes": "int",
        "micros": "int", "microsPerKib": "num|null",
    });
    api.post(replay, &[], json!({"rules": rules, "projectId": project, "limit": 10}))
        .await
        .shows(200, &shape);
    let wrong = [
        (json!({"limit": 0}), 400, "invalid_request_body"),
        (json!({"limit": 10_001}), 400, "invalid_request_body"),
        (json!({"rules": {"piiFilter": {"mode": "y"}}}), 400, "invalid_guardrails"),
    ];
    api.refuses(Method::POST, replay, &[], &wrong).await;
    api.post(replay, &[], json!({"projectId": NOBODY})).await.refused(404, "project_not_found");
    api.reads_strictly(Method::POST, replay, &[], &json!({"limit": 5})).await;
}

#[tokio::test]
async fn guardrails_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn guardrails_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
