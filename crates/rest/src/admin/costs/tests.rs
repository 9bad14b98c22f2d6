use promptgate_kernel::Money;
use promptgate_usage::TokenCounts;
use serde_json::json;

use crate::testing::{Api, PASSWORD};

#[tokio::test]
async fn the_costs_of_a_project_are_shown_from_every_side() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let other = api.create_project("y", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    for (project, saved) in [(&project, 0), (&project, 2_500_000), (&other, 0)] {
        api.record_call_with(project, &token, "r", |event, _| {
            if saved > 0 {
                event.cache_hit = true;
                event.cost = Money::ZERO;
                event.tokens = TokenCounts::default();
                event.cached_tokens = 12;
                event.saved = Money::from_nanos(saved);
            }
        })
        .await;
    }
    let path = format!("/api/v1/admin/projects/{project}/costs");
    let found = api.get(&path).await.ok();
    let spend = &found["spend"];
    for part in ["last24Hours", "monthToDate"] {
        let part = &spend[part];
        assert_eq!((&part["costUsd"], &part["savedUsd"]), (&json!(0.0025), &json!(0.0025)));
        assert_eq!((&part["requests"], &part["savedShare"]), (&json!(2), &json!(0.5)));
        assert_eq!((&part["cacheHitRate"], &part["cachedTokens"]), (&json!(0.5), &json!(12)));
        assert_eq!((&part["tokens"]["total"], &part["tokens"]["cacheWrite5m"]), (&json!(12), &json!(2)));
    }
    assert_eq!(
        (&spend["lastMonth"]["costUsd"], &spend["lastMonthToDate"]["requests"]),
        (&json!(0.0), &json!(0))
    );
    let daily = found["daily"].as_array().unwrap();
    assert_eq!(
        (daily.len(), &daily[29]["costUsd"], &daily[28]["costUsd"]),
        (30, &json!(0.0025), &json!(0.0))
    );
    for (by, name) in
        [("byToken", "byToken"), ("byProvider", ""), ("byModel", ""), ("byEndpoint", ""), ("byOwner", "")]
    {
        let entries = found[by].as_array().unwrap();
        assert_eq!((entries.len(), &entries[0]["costUsd"]), (1, &json!(0.0025)), "{by}");
        assert!(name.is_empty() || entries[0]["id"] == json!(token), "{by}: {entries:?}");
    }
    assert_eq!((found.get("byProject"), &found["unpriced"]["alarm"]), (None, &json!(false)));
    assert_eq!((&found["timezone"], &found["totals"]["requests"]), (&json!("UTC"), &json!(2)));

    let all = api.get("/api/v1/admin/costs?days=1&limit=1").await.ok();
    assert_eq!((all["daily"].as_array().unwrap().len(), &all["totals"]["requests"]), (1, &json!(3)));
    assert_eq!(all["byProject"].as_array().unwrap().len(), 1);
    let of_token = api.get(&format!("/api/v1/admin/costs?tokenId={token}&model=none")).await.ok();
    assert_eq!(of_token["totals"]["requests"], 0);
}

#[tokio::test]
async fn days_are_those_of_the_time_zone_that_is_asked_for_and_months_turn() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    api.record_call(&project, &token, "r").await;
    let path = format!("/api/v1/admin/projects/{project}/costs");
    let days = async |zone: &str| {
        let found = api.get(&format!("{path}?days=2&timezone={zone}")).await.ok();
        let days = found["daily"].as_array().unwrap().clone();
        days.iter().map(|day| (day["date"].clone(), day["requests"].clone())).collect::<Vec<_>>()
    };
    // The call arrived at 22:13 of 14 November 2023 in UTC.
    assert_eq!(days("UTC").await, [(json!("2023-11-13"), json!(0)), (json!("2023-11-14"), json!(1))]);
    assert_eq!(
        days("Asia/Kolkata").await,
        [(json!("2023-11-14"), json!(0)), (json!("2023-11-15"), json!(1))]
    );
    api.advance_secs(30 * 86_400);
    let spend = api.get(&path).await.ok()["spend"].clone();
    assert_eq!((&spend["monthToDate"]["requests"], &spend["lastMonth"]["requests"]), (&json!(0), &json!(1)));
    assert_eq!(
        (&spend["lastMonthToDate"]["requests"], &spend["last24Hours"]["requests"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test]
async fn tokens_without_a_price_raise_an_alarm() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    api.record_call_with(&project, &token, "r", |event, _| {
        event.cost = Money::ZERO;
        event.price_basis = "none".into();
    })
    .await;
    let found = api.get("/api/v1/admin/costs").await.ok();
    assert_eq!(
        found["unpriced"],
        json!({"alarm": true, "requests": 1, "tokens": 12, "guessedRequests": 0, "guessedUsd": 0.0})
    );
}

#[tokio::test]
async fn who_may_not_see_them_does_not() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    api.create_person("a@example.com", "user").await;
    let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
    for path in ["/api/v1/admin/costs".to_owned(), format!("/api/v1/admin/projects/{project}/costs")] {
        browser.get(&path).await.refused(403, "insufficient_role");
        for (wrong, field) in
            [("days=0", "days"), ("days=367", "days"), ("limit=x", "limit"), ("timezone=Mars", "timezone")]
        {
            assert_eq!(
                api.get(&format!("{path}?{wrong}")).await.refused(400, "invalid_filter")["field"],
                field
            );
        }
    }
    api.get("/api/v1/admin/projects/018f4e6e-0000-7000-8000-00000000dead/costs")
        .await
        .refused(404, "project_not_found");
    let hidden = Api::without_costs().await;
    hidden.get("/api/v1/admin/costs").await.refused(404, "costs_disabled");
}
