//! What calls cost, and calls that could not be recorded.

use http::Method;
use serde_json::{Value, json};

use super::shape::{page_of, with};
use super::{NOBODY, Pass};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/costs
    GET /api/v1/admin/projects/{uuid}/costs
    GET /api/v1/admin/usage/dead-letters
    GET /api/v1/admin/usage/dead-letters/{id}
    DELETE /api/v1/admin/usage/dead-letters/{id}
    POST /api/v1/admin/usage/dead-letters/{id}/retry
";

const LETTERS: &str = "/usage/dead-letters";
const LETTER: &str = "/usage/dead-letters/{id}";
const RETRY: &str = "/usage/dead-letters/{id}/retry";

fn cost() -> Value {
    let tokens = json!({
        "input": "int", "cacheRead": "int", "cacheWrite5m": "int", "cacheWrite1h": "int", "audioInput": "int",
        "output": "int", "reasoning": "int", "audioOutput": "int", "total": "int",
    });
    json!({
        "requests": "int", "tokens": tokens, "costUsd": "num", "cacheHits": "int", "cacheHitRate": "num",
        "cachedTokens": "int", "savedUsd": "num", "savedShare": "num", "costPer1kTokensUsd": "num|null",
        "unpricedRequests": "int", "unpricedTokens": "int", "guessedUsd": "num",
    })
}

fn overview() -> Value {
    let entry = with(&cost(), &json!({"id": "uuid|null", "name": "text|null"}));
    json!({
        "timezone": "text", "at": "time", "totals": cost(),
        "spend": {
            "last24Hours": cost(), "monthToDate": cost(), "monthStartsAt": "time", "lastMonthToDate": cost(),
            "lastMonth": cost(),
        },
        "daily": [with(&cost(), &json!({"date": "date", "startsAt": "time"}))],
        "byEndpoint": [entry], "byProvider": [entry], "byModel": [entry], "byToken": [entry],
        "byOwner": [entry], "byProject?": [entry],
        "unpriced": {
            "alarm": "bool", "requests": "int", "tokens": "int", "guessedRequests": "int",
            "guessedUsd": "num",
        },
    })
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let project = pass.gateway.project().await.unwrap();
    project.chat("echo:echo").await.unwrap().expect(200).unwrap();
    pass.gateway.usage(&project, 2).await.unwrap();
    let of_project = "/projects/{uuid}/costs";
    let shown = api.get(of_project, &[&project.id]).await.shows(200, &overview());
    assert_eq!(shown["totals"]["requests"], 2, "{shown}");
    assert_eq!(shown["byToken"][0]["id"], *project.token_id, "{shown}");
    assert!(shown.get("byProject").is_none(), "{shown}");
    let days = api.get("/costs?days=3&timezone=Asia/Kathmandu", &[]).await.shows(200, &overview());
    assert_eq!(
        (&days["timezone"], days["daily"].as_array().map(Vec::len)),
        (&json!("Asia/Kathmandu"), Some(3))
    );
    assert!(!days["byProject"].as_array().unwrap().is_empty(), "{days}");
    for wrong in ["days=0", "timezone=Nowhere", "tokenId=x"] {
        api.get(&format!("/costs?{wrong}"), &[]).await.refused(400, "invalid_filter");
    }
    api.get(of_project, &[NOBODY]).await.refused(404, "project_not_found");

    let letter = json!({
        "id": "uuid", "event": "object|text", "error": "text", "attempts": "int", "firstAt": "time",
        "lastAt": "time", "discardedAt": "time|null",
    });
    for discarded in ["", "?discarded=true"] {
        let page = api.get(&format!("{LETTERS}{discarded}"), &[]).await.shows(200, &page_of(&letter));
        assert_eq!(page["total"], 0, "{page}");
    }
    api.get(&format!("{LETTERS}?discarded=maybe"), &[]).await.refused(400, "invalid_filter");
    for nobody in [NOBODY, "no-uuid"] {
        api.get(LETTER, &[nobody]).await.refused(404, "dead_letter_not_found");
        api.delete(LETTER, &[nobody]).await.refused(404, "dead_letter_not_found");
        api.send(Method::POST, RETRY, &[nobody], &Value::Null).await.refused(404, "dead_letter_not_found");
    }
}

#[tokio::test]
async fn accounting_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn accounting_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
