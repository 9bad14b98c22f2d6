use crate::testing::{Api, PASSWORD};
use serde_json::{Value, json};

const PARTS: [&str; 7] =
    ["tokens", "messages", "duration", "activity", "top-models", "top-provider-names", "top-provider-types"];

fn path(part: &str, query: &str) -> String {
    format!("/api/v1/me/dashboard/{part}?{query}")
}

#[tokio::test]
async fn one_sees_ones_own_numbers_alone() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    let [ada, bob] =
        [api.create_person("a@example.com", "user").await, api.create_person("b@example.com", "user").await];
    for (owner, operation) in [
        (Some(&ada), "chat_completions"),
        (Some(&ada), "embeddings"),
        (Some(&bob), "messages"),
        (None, "messages"),
    ] {
        let recorded = api.record_call_with(&project, &token, "r", |event, content| {
            event.owner = owner.map(|owner| owner.parse().unwrap());
            event.operation = operation.into();
            event.provider_kind = Some("echo".into());
            content.prompt = (operation != "embeddings").then(|| operation.into());
        });
        recorded.await;
        api.advance_secs(1);
    }
    let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
    let get = async |part: &str| browser.get(&path(part, "window=7d")).await.ok();
    let tokens = get("tokens").await;
    let cost = tokens["estimatedCost"].clone();
    let expected = json!({"window": "7d", "startsAt": "2023-11-08T00:00:00.000000Z", "endsAt": tokens["endsAt"],
        "inputTokens": 8, "outputTokens": 12, "cacheReadInputTokens": 0, "cacheWriteInputTokens": 4,
        "completionInputTokens": 6, "completionOutputTokens": 6, "completionTokens": 12, "embeddingTokens": 12,
        "totalTokens": 24, "estimatedCost": cost});
    assert_eq!(tokens, expected);
    assert_eq!(cost["totalUsd"], 0.005, "what was booked");
    let rates =
        json!({"inputUsdPer1MTokens": 5.0, "outputUsdPer1MTokens": 30.0, "embeddingUsdPer1MTokens": 0.0});
    assert_eq!((&cost["rates"], &cost["embeddingUsd"]), (&rates, &json!(0.0)));
    assert_eq!(get("messages").await["messages"], 2);
    assert_eq!(get("duration").await["totalDurationMs"], 2);
    let activity = get("activity").await;
    let daily = activity["daily"].as_array().unwrap();
    assert_eq!(
        (daily.len(), &daily[6]["date"], &daily[0]["date"]),
        (7, &json!("2023-11-14"), &json!("2023-11-08"))
    );
    assert_eq!((&daily[6]["requests"], &daily[6]["prompts"]), (&json!(2), &json!(1)));
    assert_eq!((&daily[5]["requests"], daily[5].get("estimatedCost")), (&json!(0), None));
    assert_eq!(daily[6]["estimatedCost"]["totalUsd"], 0.005);
    for part in ["top-models", "top-provider-names", "top-provider-types"] {
        let items = get(part).await["items"].clone();
        assert_eq!((&items[0]["name"], &items[0]["requests"]), (&json!("echo"), &json!(2)), "{part}");
        assert_eq!((items.as_array().unwrap().len(), &items[0]["totalTokens"]), (1, &json!(24)));
    }
    let usage = browser.get("/api/v1/me/usage?days=7").await.ok();
    assert_eq!((&usage["days"], usage.get("window")), (&json!(7), None));
    assert_eq!((&usage["totals"]["requests"], &usage["totals"]["prompts"]), (&json!(2), &json!(1)));
    assert_eq!(
        (&usage["topModels"][0]["name"], &usage["topProviders"][0]["name"]),
        (&json!("echo"), &json!("echo"))
    );
    assert_eq!(
        (&usage["daily"], &usage["recentPrompts"][0]["prompt"]),
        (&activity["daily"], &json!("chat_completions"))
    );
    assert_eq!(usage["recentPrompts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn windows_are_those_of_the_contract() {
    let api = Api::new().await;
    api.create_person("a@example.com", "user").await;
    let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
    for part in PARTS {
        for query in ["window=14d", "days=14", "window=7&days=7"] {
            browser.get(&path(part, query)).await.refused(400, "invalid_usage_window");
        }
        for (query, window) in
            [("", "30d"), ("days=7", "7d"), ("window=%20ALL", "all"), ("window=&days=30", "30d")]
        {
            assert_eq!(browser.get(&path(part, query)).await.ok()["window"], window, "{part} {query}");
        }
        api.get(&path(part, "window=14d")).await.refused(401, "missing session");
    }
    browser.get("/api/v1/me/usage?days=14").await.refused(400, "invalid_usage_window");
    assert_eq!(browser.get("/api/v1/me/usage").await.ok()["days"], 30);

    let none = browser.get(&path("activity", "window=all")).await.ok();
    assert_eq!((&none["daily"], &none["startsAt"]), (&json!([]), &none["endsAt"]));
    let none = browser.get(&path("tokens", "window=all")).await.ok();
    assert_eq!(none["estimatedCost"]["totalUsd"], 0.0);
}

#[tokio::test]
async fn costs_can_be_hidden() {
    let api = Api::without_costs().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    let ada = api.create_person("a@example.com", "user").await;
    api.record_call_with(&project, &token, "r", |event, _| event.owner = Some(ada.parse().unwrap())).await;
    let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
    let has_cost = |answer: Value| answer.to_string().contains("estimatedCost");
    for part in PARTS {
        assert!(!has_cost(browser.get(&path(part, "")).await.ok()), "{part}");
        assert!(!has_cost(api.get(&format!("/api/v1/admin/dashboard/{part}")).await.ok()), "{part}");
    }
    assert!(!has_cost(browser.get("/api/v1/me/usage").await.ok()));
    assert!(!has_cost(api.get("/api/v1/admin/dashboard/top-identities").await.ok()));
    assert!(!has_cost(api.get(&format!("/api/v1/admin/users/{ada}/statistics")).await.ok()));
}
