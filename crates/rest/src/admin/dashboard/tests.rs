use crate::testing::{Api, PASSWORD};
use serde_json::json;

#[tokio::test]
async fn everybodys_numbers_include_those_of_nobody() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    let [ada, bob] = [api.create_user("ada").await, api.create_user("bob").await];
    let service = api.create_service("ci").await;
    for owner in [Some(&ada), Some(&ada), Some(&bob), Some(&service), Some(&service), Some(&service), None] {
        let owner = owner.map(|owner| owner.parse().unwrap());
        api.record_call_with(&project, &token, "r", |event, _| event.owner = owner).await;
    }
    let get = async |part: &str| api.get(&format!("/api/v1/admin/dashboard/{part}?window=all")).await.ok();
    assert_eq!(get("messages").await["messages"], 7);
    assert_eq!(get("tokens").await["totalTokens"], 84);
    assert_eq!(get("activity").await["daily"].as_array().unwrap().len(), 1);
    let adoption = get("adoption").await;
    assert_eq!((&adoption["activeUsers"], &adoption["activeServiceAccounts"]), (&json!(2), &json!(1)));
    assert_eq!(adoption["activeVirtualKeys"], 0, "a project's token is nobody's key");
    let items = get("top-identities").await["items"].clone();
    let names: Vec<_> =
        items.as_array().unwrap().iter().map(|item| (&item["name"], &item["requests"])).collect();
    assert_eq!(names, [(&json!("ci"), &json!(3)), (&json!("ada"), &json!(2)), (&json!("bob"), &json!(1))]);
    assert_eq!(items[0]["estimatedCost"]["totalUsd"], 0.0075);
}

#[tokio::test]
async fn a_call_of_another_day_leaves_a_week_and_stays_in_all_time() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    api.record_call(&project, &token, "r").await;
    api.advance_secs(28 * 86_400);
    let get = async |part: &str, window| {
        api.get(&format!("/api/v1/admin/dashboard/{part}?window={window}")).await.ok()
    };
    for (window, messages, days) in [("7d", 0, 7), ("30d", 1, 30), ("all", 1, 29)] {
        assert_eq!(get("messages", window).await["messages"], messages, "{window}");
        assert_eq!(get("activity", window).await["daily"].as_array().unwrap().len(), days, "{window}");
    }
    assert_eq!(get("adoption", "7d").await["activeUsers"], 0);
    assert_eq!(get("top-identities", "all").await["items"], json!([]));
}

#[tokio::test]
async fn only_administrators_see_them() {
    let api = Api::new().await;
    api.create_person("a@example.com", "manager").await;
    let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
    for part in ["tokens", "messages", "duration", "activity", "top-models", "adoption", "top-identities"] {
        let path = format!("/api/v1/admin/dashboard/{part}?window=x");
        browser.get(&path).await.refused(403, "insufficient_role");
        api.get(&path).await.refused(400, "invalid_usage_window");
    }
}
