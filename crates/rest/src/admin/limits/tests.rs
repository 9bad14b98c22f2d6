//! What is shown of limits, and of quotas, of calls that are on record.

use promptgate_kernel::Money;
use promptgate_usage::TokenCounts;
use serde_json::{Value, json};

use crate::testing::{Api, PASSWORD};

const HOUR: u64 = 3_600;

/// A call of a token that took this much.
async fn call(api: &Api, project: &str, token: &str, owner: Option<&str>, tokens: u64, nanos: i64) {
    api.record_call_with(project, token, "r", |event, _| {
        event.owner = owner.map(|owner| owner.parse().unwrap());
        event.tokens = TokenCounts { input: tokens, ..TokenCounts::default() };
        event.cost = Money::from_nanos(nanos);
    })
    .await;
}

/// The limit of a measure in a window.
fn limit<'a>(answer: &'a Value, measure: &str, window: &str) -> &'a Value {
    let limits = answer["limits"].as_array().unwrap();
    let found = limits.iter().find(|limit| limit["measure"] == measure && limit["window"] == window);
    found.unwrap_or_else(|| panic!("no limit of {measure} in {window}: {answer}"))
}

#[tokio::test]
async fn each_limit_of_a_project_says_how_it_stands() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    let path = format!("/api/v1/admin/projects/{project}");
    assert_eq!(api.get(&format!("{path}/limits")).await.ok()["limits"], json!([]));
    let limits = json!({"limits": {"dailyTokens": 100, "monthlyCost": 2.5, "requestsPerMinute": 3,
        "models": {"gpt-4o": {"maxConcurrent": 2}}}});
    api.patch(&path, &limits).await.ok();
    call(&api, &project, &token, None, 30, 1_500_000_000).await;
    let answer = api.get(&format!("{path}/limits")).await.ok();
    let day = limit(&answer, "tokens", "day");
    assert_eq!((&day["limit"], &day["spent"], &day["reserved"]), (&json!(100), &json!(30), &json!(0)));
    assert_eq!((&day["remaining"], &day["model"]), (&json!(70), &json!(null)));
    assert_eq!(day["resetsAt"], "2023-11-15T00:00:00.000000Z");
    let month = limit(&answer, "cost", "month");
    assert_eq!(
        (&month["limit"], &month["spent"], &month["remaining"]),
        (&json!(2.5), &json!(1.5), &json!(1.0))
    );
    assert_eq!(month["resetsAt"], "2023-12-01T00:00:00.000000Z");
    let minute = limit(&answer, "requests", "minute");
    assert_eq!((&minute["limit"], &minute["spent"]), (&json!(3), &json!(0)));
    let slots = limit(&answer, "requests", "now");
    assert_eq!(
        (&slots["model"], &slots["limit"], &slots["resetsAt"]),
        (&json!("gpt-4o"), &json!(2), &json!(null))
    );
    assert!(answer["syncedAt"].is_string());
    let nobody = "/api/v1/admin/projects/018f4e6e-0000-7000-8000-00000000dead/limits";
    api.get(nobody).await.refused(404, "project_not_found");
}

#[tokio::test]
async fn groups_accounts_tokens_and_endpoints_have_theirs() {
    let api = Api::new().await;
    let provider = api.create_provider("main", "openai").await;
    let body = json!({"name": "team", "displayName": "Team", "providerIds": [provider],
        "limits": {"dailyTokens": 5}});
    let group = api.post("/api/v1/admin/groups", &body).await.created()["id"].as_str().unwrap().to_owned();
    let person = api.create_person("a@example.com", "user").await;
    let service = api.create_service("ci").await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    let endpoint = api.create_endpoint("Mail").await;
    let own = json!({"limits": {"monthlyTokens": 6}});
    for (path, body) in [
        (format!("/api/v1/admin/users/{person}"), own.clone()),
        (format!("/api/v1/admin/service-accounts/{service}"), own),
        (format!("/api/v1/admin/tokens/{token}"), json!({"monthlyTokenCap": 7})),
        (endpoint.clone(), json!({"monthlyTokenCap": 8, "modelLimits": {"gpt-4o": {"tokensPerHour": 9}}})),
    ] {
        api.patch(&path, &body).await.ok();
    }
    api.post("/api/v1/admin/subscriptions", &json!({"name": "a", "quota5hTokens": 40})).await.created();
    for (path, window, most) in [
        (format!("/api/v1/admin/groups/{group}"), "day", 5),
        (format!("/api/v1/admin/users/{person}"), "month", 6),
        (format!("/api/v1/admin/users/{person}"), "5h", 40),
        (format!("/api/v1/admin/service-accounts/{service}"), "month", 6),
        (format!("/api/v1/admin/service-accounts/{service}"), "5h", 40),
        (format!("/api/v1/admin/tokens/{token}"), "month", 7),
        (endpoint.clone(), "month", 8),
        (endpoint.clone(), "hour", 9),
    ] {
        let answer = api.get(&format!("{path}/limits")).await.ok();
        assert_eq!(limit(&answer, "tokens", window)["limit"], most, "{path}");
    }
    // A person is no service account, nor the other way round.
    api.get(&format!("/api/v1/admin/users/{service}/limits")).await.refused(404, "user_not_found");
    let other = format!("/api/v1/admin/service-accounts/{person}/limits");
    api.get(&other).await.refused(404, "service_account_not_found");
    api.get("/api/v1/admin/groups/x/limits").await.refused(404, "group_not_found");
    api.get("/api/v1/admin/tokens/x/limits").await.refused(404, "token_not_found");
}

#[tokio::test]
async fn used_quotas_are_live_wherever_they_are_shown() {
    let api = Api::new().await;
    let person = api.create_person("a@example.com", "user").await;
    let project = api.create_project("x", "agent_proxy").await;
    let token = api.issue_token(&project).await.id;
    let plan = json!({"name": "a", "quota5hTokens": 100, "quota7dTokens": 1_000});
    let plan = api.post("/api/v1/admin/subscriptions", &plan).await.created();
    let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
    call(&api, &project, &token, Some(&person), 30, 0).await;
    api.pass(HOUR);
    call(&api, &project, &token, Some(&person), 90, 0).await;

    let own = browser.get("/api/v1/me/quota").await.ok();
    assert_eq!((&own["used5hTokens"], &own["remaining5hTokens"]), (&json!(120), &json!(0)));
    assert_eq!((&own["used7dTokens"], &own["remaining7dTokens"]), (&json!(120), &json!(880)));
    // Five hours after the first call, or up to a quarter of an hour later.
    let reset = own["reset5hAt"].as_str().unwrap();
    assert!(("2023-11-15T03:13:20".."2023-11-15T03:31").contains(&reset), "{reset}");
    assert!(own["reset7dAt"].is_string() && own["syncedAt"].is_string());

    let users = "/api/v1/admin/users";
    let one = api.get(&format!("{users}/{person}")).await.ok();
    let listed = api.get(users).await.ok();
    let listed = listed["items"].as_array().unwrap().iter().find(|user| user["id"] == person).unwrap();
    for user in [&one, listed] {
        let state = &user["quotaState"];
        assert_eq!((&state["used5hTokens"], &state["quota5hTokens"]), (&json!(120), &json!(100)));
        assert_eq!((&state["used7dTokens"], &state["quota7dTokens"]), (&json!(120), &json!(1_000)));
        assert_eq!((&state["planId"], &state["planName"]), (&plan["id"], &json!("a")));
        assert_eq!((&state["hasSubscription"], &state["reset5hAt"]), (&json!(true), &own["reset5hAt"]));
    }

    // The first call counts no longer; the second one still does.
    api.pass(4 * HOUR + HOUR / 2);
    let state = &api.get(&format!("{users}/{person}")).await.ok()["quotaState"];
    assert_eq!((&state["used5hTokens"], &state["used7dTokens"]), (&json!(90), &json!(120)));
}
