//! What operators look at and switch: the audit log, admin keys, settings, health.

use http::Method;
use promptgate_e2e::Client;
use serde_json::{Value, json};

use super::shape::{page_of, with};
use super::{NOBODY, Pass, id, text};

pub(super) const ROUTES: &str = "
    GET /health
    GET /livez
    GET /readyz
    GET /metrics
    GET /api/v1/admin/audit
    GET /api/v1/admin/audit/export
    GET /api/v1/admin/admin-keys
    POST /api/v1/admin/admin-keys
    POST /api/v1/admin/admin-keys/{id}/rotate
    DELETE /api/v1/admin/admin-keys/{id}
    GET /api/v1/admin/replicas
    GET /api/v1/admin/settings
    PATCH /api/v1/admin/settings
";

async fn pass(pass: &Pass) {
    health(pass).await;
    keys(pass).await;
    settings(pass).await;
    replicas(pass).await;
    audit(pass).await;
}

async fn health(pass: &Pass) {
    let anybody = pass.stranger();
    for server in [&pass.gateway.api, &pass.gateway.proxy] {
        let caller = anybody.at(server);
        caller.get("/livez", &[]).await.shows(200, &json!({"status": "'ok'"}));
        let ready = caller.get("/readyz", &[]).await.is(200);
        let check = json!({"status": "text", "detail?": "text"});
        assert!(ready["checks"].as_object().is_some_and(|checks| !checks.is_empty()), "{ready}");
        for shown in ready["checks"].as_object().unwrap().values() {
            super::shape::assert_shape("a check", &check, shown);
        }
        super::shape::assert_shape(
            "readiness",
            &json!({"status": "text", "checks": "object", "revision?": "int", "degraded?": "list"}),
            &ready,
        );
        let metrics = caller.get("/metrics", &[]).await;
        metrics.has(200);
        assert!(metrics.response.text().contains("# TYPE promptgate_"), "{}", metrics.response.text());
    }
    let health = anybody
        .get("/health", &[])
        .await
        .shows(200, &json!({"status": "'ok'", "checks": {"database": "'ok'"}}));
    assert_eq!(health["status"], "ok");
    let proxy = anybody.at(&pass.gateway.proxy).get("/health", &[]).await;
    assert_eq!(proxy.is(200), json!({"status": "ok"}), "on the proxy nothing but this");
}

async fn keys(pass: &Pass) {
    let api = pass.operator();
    let (all, one, rotate) = ("/admin-keys", "/admin-keys/{id}", "/admin-keys/{id}/rotate");
    let key = json!({
        "id": "uuid", "name": "text", "prefix": "text", "createdAt": "time", "expiresAt": "time|null",
        "lastUsedAt": "time|null", "previousUntil": "time|null", "revokedAt": "time|null",
    });
    let issued = json!({"secret": "text", "adminKey": key});
    let made = api
        .post(all, &[], json!({"name": "ci", "expiresAt": "2099-01-01T00:00:00Z"}))
        .await
        .shows(201, &issued);
    let other = api.post(all, &[], json!({"name": "ops"})).await.shows(201, &issued);
    assert_eq!(
        (&other["adminKey"]["expiresAt"], &other["adminKey"]["revokedAt"]),
        (&Value::Null, &Value::Null)
    );
    api.lists(all, &[], &key, &["-createdAt", "name", "expiresAt", "lastUsedAt"]).await;
    let wrong = [
        (json!({"name": " "}), 400, "invalid_name"),
        (json!({"name": "x", "expiresAt": "2001-01-01T00:00:00Z"}), 400, "invalid_expires_at"),
        (json!({"name": "ci"}), 409, "name_conflict"),
    ];
    api.refuses(Method::POST, all, &[], &wrong).await;
    api.reads_strictly(Method::POST, all, &[], &json!({"name": "x"})).await;
    let id = id(&made["adminKey"]);
    let opens = async |secret: &str| {
        let client = Client::new().header("x-admin-api-key", secret);
        let caller = pass.caller(client, "/api/v1/admin");
        caller.get("/settings", &[]).await.response.status.as_u16()
    };
    let secret = text(&made["secret"]);
    assert_eq!(opens(&secret).await, 200);
    let rotated = api.post(rotate, &[&id], json!({"overlapSeconds": 60})).await.shows(200, &issued);
    let new = text(&rotated["secret"]);
    assert!(rotated["adminKey"]["previousUntil"].is_string(), "{rotated}");
    assert_eq!((opens(&secret).await, opens(&new).await), (200, 200));
    api.post(rotate, &[&id], json!({"overlapSeconds": 2_592_001})).await.refused(400, "invalid_overlap");
    api.delete(one, &[&id]).await.is_done();
    assert_eq!((opens(&secret).await, opens(&new).await), (401, 401));
    api.post(rotate, &[&id], json!({})).await.refused(409, "admin_key_over");
    for wrong in [NOBODY, "no-uuid"] {
        api.delete(one, &[wrong]).await.refused(404, "admin_key_not_found");
        api.post(rotate, &[wrong], json!({})).await.refused(404, "admin_key_not_found");
    }
    // A wrong key is refused as such, with and without a session beside it.
    let page = pass.signed_in(super::ADMINISTRATOR).await;
    for client in [Client::new(), page.client] {
        for key in ["", "wrong", &new] {
            let caller = pass.caller(client.clone().header("x-admin-api-key", key), "/api/v1/admin");
            caller.get("/settings", &[]).await.refused(401, "invalid_admin_api_key");
        }
        let twice = client.header("x-admin-api-key", promptgate_e2e::ADMIN_KEY);
        let twice = twice.header("x-admin-api-key", promptgate_e2e::ADMIN_KEY);
        pass.caller(twice, "/api/v1/admin").get("/settings", &[]).await.refused(401, "invalid_admin_api_key");
    }
    let broken = Client::new().header("cookie", "promptgate_session=broken");
    let broken = broken.header("x-admin-api-key", promptgate_e2e::ADMIN_KEY);
    pass.caller(broken, "/api/v1/admin").get("/settings", &[]).await.is(200);
}

async fn settings(pass: &Pass) {
    let api = pass.operator();
    let shape = json!({"managementApi": "bool", "mcpControlPlane": "bool"});
    let shown = api.get("/settings", &[]).await.shows(200, &shape);
    assert_eq!(shown, json!({"managementApi": false, "mcpControlPlane": false}), "off until switched on");
    let on = api.patch("/settings", &[], json!({"managementApi": true})).await.shows(200, &shape);
    assert_eq!(on, json!({"managementApi": true, "mcpControlPlane": false}));
    api.reads_strictly(Method::PATCH, "/settings", &[], &json!({"managementApi": false})).await;
}

async fn replicas(pass: &Pass) {
    let replica = json!({
        "id": "uuid", "kind": "text", "version": "text", "host": "text", "address": "text", "pid": "int",
        "answersCalls": "bool", "startedAt": "time", "lastSeenAt": "time", "revision": "int|null",
        "lag": "int|null",
    });
    let shown = pass.operator().get("/replicas", &[]).await.is(200);
    assert!(shown["revision"].is_i64(), "{shown}");
    let items = shown["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["answersCalls"] == true), "{shown}");
    for item in items {
        super::shape::assert_shape("a replica", &replica, item);
    }
}

async fn audit(pass: &Pass) {
    let api = pass.operator();
    let row = json!({
        "id": "uuid", "position": "int", "action": "text", "severity": "text", "actorKind": "text",
        "actorId": "text|null", "actorLabel": "text|null", "via": "text|null", "targetKind": "text",
        "targetId": "str", "projectId": "uuid|null", "ipAddress": "text|null", "requestId": "text|null",
        "before": "object", "after": "object", "metadata": "object", "createdAt": "time",
    });
    api.lists("/audit", &[], &row, &["-createdAt"]).await;
    let page = api.get("/audit?action=settings.management.api", &[]).await.shows(200, &page_of(&row));
    let made = &page["items"][0];
    assert_eq!((&page["total"], &made["severity"]), (&json!(1), &json!("warn")), "{page}");
    assert_eq!((&made["actorLabel"], made["ipAddress"].is_string()), (&json!("environment"), true), "{made}");
    api.get("/audit?severity=odd", &[]).await.refused(400, "invalid_filter");
    let csv = api.get("/audit/export", &[]).await;
    csv.has(200);
    let text = csv.response.text();
    assert!(csv.response.header("content-type").unwrap().starts_with("text/csv"));
    assert!(text.lines().count() > 2 && text.contains("settings.management.api"), "{text}");
    let lines = api.get("/audit/export?format=jsonl", &[]).await;
    lines.has(200);
    let rows: Vec<Value> =
        lines.response.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() > 2);
    let mut last = Value::Null;
    for exported in rows {
        super::shape::assert_shape(
            "an exported row",
            &with(&row, &json!({"actorLabel?": "text|null"})),
            &exported,
        );
        last = exported;
    }
    assert_eq!(last["action"], "settings.management.api", "the oldest first: {last}");
    api.get("/audit/export?format=xml", &[]).await.refused(400, "invalid_format");
}

#[tokio::test]
async fn operations_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn operations_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
