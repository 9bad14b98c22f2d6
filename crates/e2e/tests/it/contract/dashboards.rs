//! What calls add up to, and what people wrote in them.

use std::time::Duration;

use promptgate_e2e::eventually;
use serde_json::{Value, json};

use super::caller::Caller;
use super::shape::{page_of, with};
use super::shapes::cost;
use super::{ADMINISTRATOR, NOBODY, Pass, text};

pub(super) const ROUTES: &str = "
    GET /api/v1/me/usage
    GET /api/v1/me/prompts
    GET /api/v1/me/dashboard/tokens
    GET /api/v1/me/dashboard/messages
    GET /api/v1/me/dashboard/duration
    GET /api/v1/me/dashboard/activity
    GET /api/v1/me/dashboard/top-models
    GET /api/v1/me/dashboard/top-provider-names
    GET /api/v1/me/dashboard/top-provider-types
    GET /api/v1/admin/dashboard/tokens
    GET /api/v1/admin/dashboard/messages
    GET /api/v1/admin/dashboard/duration
    GET /api/v1/admin/dashboard/activity
    GET /api/v1/admin/dashboard/top-models
    GET /api/v1/admin/dashboard/top-provider-names
    GET /api/v1/admin/dashboard/top-provider-types
    GET /api/v1/admin/dashboard/adoption
    GET /api/v1/admin/dashboard/top-identities
    GET /api/v1/admin/prompts
    GET /api/v1/admin/users/{id}/statistics
    POST /api/v1/tokens
";

const STATISTICS: &str = "/users/{id}/statistics";
const PROMPTS: &str = "/api/v1/me/prompts";
const SORTS: [&str; 8] =
    ["prompt", "provider", "model", "createdAt", "durationMs", "inputTokens", "outputTokens", "totalTokens"];

fn window(more: &Value) -> Value {
    with(&json!({"window": "'7d'|'30d'|'all'", "startsAt": "time", "endsAt": "time"}), more)
}

fn sums() -> Value {
    json!({
        "inputTokens": "int", "outputTokens": "int", "completionInputTokens": "int",
        "completionOutputTokens": "int", "completionTokens": "int", "embeddingTokens": "int",
        "totalTokens": "int", "estimatedCost?": cost(),
    })
}

fn day() -> Value {
    with(&sums(), &json!({"date": "date", "requests": "int", "prompts": "int"}))
}

fn totals() -> Value {
    let more = json!({
        "requests": "int", "prompts": "int", "toolCalls": "int", "cacheReadInputTokens": "int",
        "cacheWriteInputTokens": "int",
    });
    with(&sums(), &more)
}

fn entry() -> Value {
    json!({"name": "text", "requests": "int", "totalTokens": "int", "estimatedCost?": cost()})
}

fn prompt() -> Value {
    json!({
        "id": "uuid", "interceptionId": "uuid", "providerResponseId": "str", "provider": "text",
        "providerType": "text", "model": "text", "prompt": "text", "inputTokens": "int",
        "outputTokens": "int", "totalTokens": "int", "durationMs": "int|null", "createdAt": "time",
    })
}

fn shape(part: &str) -> Value {
    match part {
        "tokens" => {
            let more = json!({"cacheReadInputTokens": "int", "cacheWriteInputTokens": "int"});
            window(&with(&sums(), &more))
        }
        "messages" => window(&json!({"messages": "int"})),
        "duration" => window(&json!({"totalDurationMs": "int"})),
        "activity" => window(&json!({"daily": [day()]})),
        "adoption" => window(&json!({
            "activeUsers": "int", "activeServiceAccounts": "int", "activeVirtualKeys": "int",
        })),
        _ => window(&json!({"items": [entry()]})),
    }
}

const PARTS: [&str; 7] =
    ["tokens", "messages", "duration", "activity", "top-models", "top-provider-names", "top-provider-types"];

async fn pass(pass: &Pass) {
    let page = pass.signed_in(ADMINISTRATOR).await;
    let api = pass.operator();
    windows(&page).await;
    let without =
        page.get("/api/v1/me/dashboard/activity?window=all", &[]).await.shows(200, &shape("activity"));
    assert_eq!((&without["daily"], &without["startsAt"]), (&json!([]), &without["endsAt"]), "no data yet");
    let tokens = page.get("/api/v1/me/dashboard/tokens?window=all", &[]).await.shows(200, &shape("tokens"));
    assert_eq!(tokens["estimatedCost"]["totalUsd"], 0.0, "all zero, but there");

    let issued = page.post("/api/v1/tokens", &[], json!({"name": "laptop"})).await.is(201);
    let key = text(&issued["token"]);
    for words in ["Where is the blue one?", "And the red one?", "What for?"] {
        pass.chat(&key, words).await;
    }
    eventually("three recorded calls", Duration::from_mins(1), || async {
        let shown = page.get("/api/v1/me/dashboard/messages", &[]).await.is(200);
        (shown["messages"].as_u64()? >= 3).then_some(())
    })
    .await
    .unwrap();

    for part in PARTS {
        for (caller, base) in [(&page, "/api/v1/me/dashboard"), (&api, "/dashboard")] {
            let shown = caller.get(&format!("{base}/{part}?window=7d"), &[]).await.shows(200, &shape(part));
            shows_three(part, &shown);
        }
    }
    let adoption = api.get("/dashboard/adoption", &[]).await.shows(200, &shape("adoption"));
    assert_eq!((&adoption["activeUsers"], &adoption["activeVirtualKeys"]), (&json!(1), &json!(1)));
    let top = api.get("/dashboard/top-identities", &[]).await.shows(200, &shape("top-identities"));
    assert_eq!(top["items"].as_array().unwrap().len(), 1, "{top}");
    usage(&page).await;
    statistics(pass, &page).await;
    prompts(pass, &page, &api).await;
}

/// What three calls of `echo` look like in a part of the dashboard.
fn shows_three(part: &str, shown: &Value) {
    match part {
        "tokens" => {
            let number = |name: &str| shown[name].as_u64().unwrap();
            assert!(number("inputTokens") > 0 && number("outputTokens") > 0, "{shown}");
            assert_eq!(number("totalTokens"), number("completionTokens") + number("embeddingTokens"));
            assert!(shown["estimatedCost"]["totalUsd"].as_f64().unwrap() > 0.0, "{shown}");
        }
        "messages" => assert_eq!(shown["messages"], 3),
        "duration" => {}
        "activity" => {
            let days = shown["daily"].as_array().unwrap();
            assert_eq!(days.len(), 7);
            assert!(days.is_sorted_by_key(|day| text(&day["date"])), "{shown}");
            let count = |name: &str| days.iter().map(|day| day[name].as_u64().unwrap()).sum::<u64>();
            assert_eq!((count("requests"), count("prompts")), (3, 3), "{shown}");
        }
        _ => assert_eq!(
            (&shown["items"][0]["name"], &shown["items"][0]["requests"]),
            (&json!("echo"), &json!(3)),
            "{shown}"
        ),
    }
}

async fn windows(page: &Caller<'_>) {
    for part in PARTS {
        let path = format!("/api/v1/me/dashboard/{part}");
        let at = async |query: &str| page.get(&format!("{path}{query}"), &[]).await;
        for (query, window) in [
            ("", "30d"),
            ("?window=7d", "7d"),
            ("?window=%20ALL%20", "all"),
            ("?days=7", "7d"),
            ("?days=30", "30d"),
            ("?window=&days=7", "7d"),
            ("?window=30d&days=9", "30d"),
        ] {
            assert_eq!(at(query).await.shows(200, &shape(part))["window"], window, "{part} {query}");
        }
        for query in ["?window=14d", "?window=7", "?days=14", "?days=x"] {
            at(query).await.refused(400, "invalid_usage_window");
        }
        for part in ["tokens", "adoption", "top-identities"] {
            let path = format!("/dashboard/{part}?window=14d");
            page.at_admin().get(&path, &[]).await.refused(400, "invalid_usage_window");
        }
    }
    let month = page.get("/api/v1/me/dashboard/activity", &[]).await.shows(200, &shape("activity"));
    assert_eq!(month["daily"].as_array().unwrap().len(), 30);
    assert!(text(&month["startsAt"]).contains("T00:00:00"), "{month}");
}

async fn usage(page: &Caller<'_>) {
    let shape = json!({
        "days": "int", "startsAt": "time", "endsAt": "time", "totals": totals(), "daily": [day()],
        "topModels": [entry()], "topProviders": [entry()], "recentPrompts": [prompt()],
    });
    for (query, days) in [("", 30), ("?days=7", 7), ("?days=30", 30)] {
        let shown = page.get(&format!("/api/v1/me/usage{query}"), &[]).await.shows(200, &shape);
        assert_eq!((&shown["days"], shown["daily"].as_array().unwrap().len()), (&json!(days), days));
        assert_eq!((&shown["totals"]["requests"], &shown["totals"]["prompts"]), (&json!(3), &json!(3)));
        assert_eq!(shown["recentPrompts"].as_array().unwrap().len(), 3);
        assert_eq!(
            (&shown["topModels"][0]["name"], &shown["topProviders"][0]["name"]),
            (&json!("echo"), &json!("echo"))
        );
    }
    for query in ["?days=14", "?days=x", "?days=0"] {
        page.get(&format!("/api/v1/me/usage{query}"), &[]).await.refused(400, "invalid_usage_window");
    }
}

async fn statistics(pass: &Pass, page: &Caller<'_>) {
    let api = pass.operator();
    let shape = window(&json!({"totals": totals(), "totalDurationMs": "int", "daily": [day()]}));
    let me = text(&page.get("/api/v1/me/prompts", &[]).await.is(200)["items"][0]["id"]);
    api.get(STATISTICS, &[&me]).await.refused(404, "user_not_found");
    let path = format!("/users?search={ADMINISTRATOR}");
    let found = pass.gateway.admin(http::Method::GET, &path, &Value::Null).await.unwrap();
    let admin = super::id(&found.expect(200).unwrap()["items"][0]);
    let shown = api.get(STATISTICS, &[&admin]).await.shows(200, &shape);
    assert_eq!((&shown["window"], &shown["totals"]["requests"]), (&json!("30d"), &json!(3)));
    let ada = pass.person("ada@example.com", "user").await;
    let others = api.get(&format!("{STATISTICS}?window=7d"), &[&ada]).await.shows(200, &shape);
    assert_eq!((&others["totals"]["requests"], &others["totalDurationMs"]), (&json!(0), &json!(0)));
    let body = json!({"identifier": "robot", "name": "Robot"});
    let robot = pass.gateway.admin(http::Method::POST, "/service-accounts", &body).await.unwrap();
    let robot = super::id(&robot.expect(201).unwrap());
    for wrong in [NOBODY, "no-uuid", &robot] {
        api.get(STATISTICS, &[wrong]).await.refused(404, "user_not_found");
    }
    api.get(&format!("{STATISTICS}?window=x"), &[&admin]).await.refused(400, "invalid_usage_window");
}

async fn prompts(pass: &Pass, page: &Caller<'_>, api: &Caller<'_>) {
    let list = page_of(&prompt());
    let shown = page.get(PROMPTS, &[]).await.shows(200, &list);
    assert_eq!(
        (&shown["total"], &shown["items"][0]["prompt"]),
        (&json!(3), &json!("What for?")),
        "newest first"
    );
    for key in SORTS {
        let query = format!("{PROMPTS}?sortBy={key}&sortDir=asc&page=2&pageSize=2");
        let second = page.get(&query, &[]).await.shows(200, &list);
        assert_eq!(second["items"].as_array().unwrap().len(), 1, "{key}");
    }
    let found = page.get(&format!("{PROMPTS}?search=BLUE"), &[]).await.shows(200, &list);
    assert_eq!(
        (&found["total"], &found["items"][0]["prompt"]),
        (&json!(1), &json!("Where is the blue one?"))
    );
    for query in ["page=0", "page=x", "page=-1", "pageSize=0", "pageSize=101", "pageSize=x"] {
        page.get(&format!("{PROMPTS}?{query}"), &[]).await.refused(400, "invalid_pagination");
    }
    for query in ["sortBy=clientIp", "sortBy=nonsense", "sortDir=x"] {
        page.get(&format!("{PROMPTS}?{query}"), &[]).await.refused(400, "invalid_sort");
    }
    let more = json!({
        "userId": "uuid|null", "userName": "str", "userEmail": "str", "userPreferredUsername": "str",
        "clientIp": "str",
    });
    let item = with(&prompt(), &more);
    let keys = [&["-createdAt"], SORTS.as_slice(), &["userName", "userEmail", "clientIp"]].concat();
    api.lists("/prompts", &[], &item, &keys).await;
    let all = api.get("/prompts", &[]).await.is(200);
    let admin = text(&all["items"][0]["userId"]);
    for (query, total) in [(admin.as_str(), 3), (NOBODY, 0), ("no-uuid", 0)] {
        let shown = api.get(&format!("/prompts?userId={query}"), &[]).await.shows(200, &page_of(&item));
        assert_eq!(shown["total"], total, "{query}");
    }
    let other = pass.signed_in("ada@example.com").await;
    assert_eq!(other.get(PROMPTS, &[]).await.shows(200, &list)["total"], 0, "one's own alone");
}

#[tokio::test]
async fn dashboards_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn dashboards_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
