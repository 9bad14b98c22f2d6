//! Monitored services.

use http::Method;
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::{Value, json};

use super::{ADMINISTRATOR, NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/monitoring/services
    POST /api/v1/admin/monitoring/services
    GET /api/v1/admin/monitoring/services/{id}
    PATCH /api/v1/admin/monitoring/services/{id}
    DELETE /api/v1/admin/monitoring/services/{id}
    POST /api/v1/admin/monitoring/services/{id}/check
    GET /api/v1/monitoring/status
";

const ALL: &str = "/monitoring/services";
const ONE: &str = "/monitoring/services/{id}";
const CHECK: &str = "/monitoring/services/{id}/check";
const STATUS: &str = "/api/v1/monitoring/status";
const SORTS: [&str; 13] = [
    "name",
    "displayName",
    "url",
    "expectedStatusCode",
    "intervalSeconds",
    "enabled",
    "status",
    "lastCheckedAt",
    "lastStatusCode",
    "lastLatencyMs",
    "consecutiveFailures",
    "createdAt",
    "updatedAt",
];

fn shape() -> Value {
    json!({
        "id": "uuid", "name": "text", "displayName": "text", "url": "text", "expectedStatusCode": "int",
        "intervalSeconds": "int", "enabled": "bool", "status": "'ok'|'degraded'",
        "lastCheckedAt": "time|null", "lastStatusCode": "int|null", "lastError": "str",
        "lastLatencyMs": "int", "consecutiveFailures": "int", "createdAt": "time", "updatedAt": "time",
    })
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let shape = shape();
    let upstream = ScriptedUpstream::start().await.unwrap();
    upstream.otherwise(Reply::status(502));
    let url = format!("{}/up?deep=1/", upstream.url());
    // The first is off, so that no schedule looks at it beside the test.
    let body = json!({"name": " Search-1 ", "displayName": "Search", "url": url, "enabled": false});
    let made = api.post(ALL, &[], body).await.shows(201, &shape);
    assert_eq!((&made["name"], &made["url"]), (&json!("search-1"), &json!(url)));
    assert_eq!((&made["expectedStatusCode"], &made["intervalSeconds"]), (&json!(200), &json!(60)));
    assert_eq!(
        (&made["status"], &made["lastCheckedAt"], &made["lastError"]),
        (&json!("ok"), &Value::Null, &json!(""))
    );
    assert_eq!(made["enabled"], false);
    let one = id(&made);
    let body = json!({"name": "other", "url": url, "expectedStatusCode": 502, "intervalSeconds": 86_400, "enabled": true});
    let other = id(&api.post(ALL, &[], body).await.shows(201, &shape));
    let zeros =
        json!({"name": "zeros", "url": url, "expectedStatusCode": 0, "intervalSeconds": 0, "enabled": false});
    let zeros = api.post(ALL, &[], zeros).await.shows(201, &shape);
    assert_eq!((&zeros["expectedStatusCode"], &zeros["intervalSeconds"]), (&json!(200), &json!(60)));

    let base = |more: Value| super::shape::with(&json!({"name": "x", "url": "http://a.example"}), &more);
    let wrong = [
        (base(json!({"name": "a_b"})), 400, "invalid_name"),
        (base(json!({"url": "ftp://a.example"})), 400, "invalid_url"),
        (base(json!({"url": "http://"})), 400, "invalid_url"),
        (base(json!({"expectedStatusCode": 99})), 400, "invalid_status_code"),
        (base(json!({"expectedStatusCode": 600})), 400, "invalid_status_code"),
        (base(json!({"intervalSeconds": 29})), 400, "invalid_interval"),
        (base(json!({"intervalSeconds": 86_401})), 400, "invalid_interval"),
        (base(json!({"expectedStatusCode": -1})), 400, "invalid_status_code"),
        (base(json!({"intervalSeconds": -1})), 400, "invalid_interval"),
        (base(json!({"name": "other"})), 409, "name_conflict"),
    ];
    api.refuses(Method::POST, ALL, &[], &wrong).await;
    api.refuses(Method::PATCH, ONE, &[&one], &wrong).await;
    api.patch(ONE, &[&one], json!({"intervalSeconds": 0})).await.refused(400, "invalid_interval");
    api.reads_strictly(Method::POST, ALL, &[], &base(json!({}))).await;
    api.reads_strictly(Method::PATCH, ONE, &[&one], &json!({"enabled": false})).await;
    let changed = api.patch(ONE, &[&one], json!({"intervalSeconds": 30})).await.shows(200, &shape);
    assert_eq!((&changed["intervalSeconds"], &changed["url"]), (&json!(30), &json!(url)), "the rest stays");

    let failed = api.post(CHECK, &[&one], Value::Null).await.shows(200, &shape);
    assert_eq!(
        (&failed["status"], &failed["lastError"]),
        (&json!("degraded"), &json!("expected HTTP 200, got 502"))
    );
    assert_eq!((&failed["lastStatusCode"], &failed["consecutiveFailures"]), (&json!(502), &json!(1)));
    let fine = api.post(CHECK, &[&other], Value::Null).await.shows(200, &shape);
    assert_eq!((&fine["status"], &fine["consecutiveFailures"]), (&json!("ok"), &json!(0)));
    api.lists(ALL, &[], &shape, &SORTS).await;
    status(pass, &one).await;

    api.delete(ONE, &[&one]).await.is_done();
    for wrong in [NOBODY, "no-uuid", &one] {
        api.get(ONE, &[wrong]).await.refused(404, "monitoring_service_not_found");
        api.patch(ONE, &[wrong], json!({"enabled": true})).await.refused(404, "monitoring_service_not_found");
        api.delete(ONE, &[wrong]).await.refused(404, "monitoring_service_not_found");
        api.post(CHECK, &[wrong], Value::Null).await.refused(404, "monitoring_service_not_found");
    }
}

/// What everybody sees of a service that is degraded, once it is on.
async fn status(pass: &Pass, one: &str) {
    let api = pass.operator();
    let page = pass.signed_in(ADMINISTRATOR).await;
    let shape = json!({"status": "'ok'|'degraded'", "services": [{
        "id": "uuid", "name": "text", "displayName": "text", "status": "'degraded'",
        "lastCheckedAt": "time|null", "lastStatusCode": "int|null", "lastError": "str",
        "lastLatencyMs": "int",
    }]});
    let fine = page.get(STATUS, &[]).await.shows(200, &shape);
    assert_eq!(fine, json!({"status": "ok", "services": []}), "one that is off is nobody's business");
    api.patch(ONE, &[one], json!({"enabled": true})).await.is(200);
    let degraded = page.get(STATUS, &[]).await.shows(200, &shape);
    assert_eq!((&degraded["status"], &degraded["services"][0]["id"]), (&json!("degraded"), &json!(one)));
    assert_eq!(degraded["services"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn monitoring_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn monitoring_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
