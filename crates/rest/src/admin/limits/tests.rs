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

/// What is listed, by whose it is: subject, measure, window, limit and whether it is the tightest.
fn listed(answer: &Value) -> Vec<(String, f64, bool)> {
    let limits = answer["limits"].as_array().unwrap().iter();
    let listed = limits.map(|limit| {
        let text = |name: &str| limit[name].as_str().unwrap_or("all");
        let name = ["subject", "measure", "window", "model"].map(text).join(" ");
        (name, limit["limit"].as_f64().unwrap(), limit["isTightest"].as_bool().unwrap())
    });
    listed.collect()
}

fn wanted(rows: &[(&str, f64, bool)]) -> Vec<(String, f64, bool)> {
    rows.iter().map(|(name, limit, tightest)| ((*name).to_owned(), *limit, *tightest)).collect()
}

#[tokio::test]
async fn a_token_shows_all_that_counts_for_its_calls_and_what_is_tightest() {
    let api = Api::new().await;
    let endpoint = api.create_endpoint("Mail").await;
    let project = endpoint.split('/').nth(5).unwrap().to_owned();
    let top = api.issue_token(&project).await;
    let top_path = format!("/api/v1/admin/tokens/{}", top.id);
    let limits = json!({"limits": {"requestsPerMinute": 4, "monthlyTokens": 1_000,
        "models": {"gpt-4o": {"requestsPerMinute": 1}}}});
    api.patch(&format!("/api/v1/admin/projects/{project}"), &limits).await.ok();
    api.patch(&top_path, &json!({"rateLimitPerMinute": 5, "dailyTokenCap": 100})).await.ok();
    let limits = json!({"rateLimitPerMinute": 3, "monthlyTokenCap": 50, "dailyBudgetUsd": 2.5});
    api.patch(&endpoint, &limits).await.ok();

    let of_all = [
        ("token requests minute all", 5.0, false),
        ("token tokens day all", 100.0, true),
        ("project requests minute all", 4.0, true),
        ("project tokens month all", 1_000.0, false),
        ("project requests minute gpt-4o", 1.0, false),
    ];
    let answer = api.get(&format!("{top_path}/limits")).await.ok();
    assert_eq!(listed(&answer), wanted(&of_all));
    assert_eq!((&answer["lacksPlan"], &answer["leavesAccountOut"]), (&json!(false), &json!(false)));
    assert_eq!(answer["limits"][0]["subjectId"], top.id);
    assert_eq!(answer["limits"][2]["subjectId"], project);
    assert_eq!(answer["limits"][2]["subjectName"], "with an endpoint");

    // The token's requests take the place of the endpoint's, although they are looser.
    let id = endpoint.rsplit('/').next().unwrap();
    for named in [id, "mail"] {
        let answer = api.get(&format!("{top_path}/limits?endpoint={named}&model=x")).await.ok();
        let expected = [
            ("token requests minute all", 5.0, false),
            ("token tokens day all", 100.0, false),
            ("endpoint tokens month all", 50.0, true),
            ("endpoint cost day all", 2.5, true),
            ("project requests minute all", 4.0, true),
            ("project tokens month all", 1_000.0, false),
        ];
        assert_eq!(listed(&answer), wanted(&expected));
    }
    let answer = api.get(&format!("{top_path}/limits?model=gpt-4o")).await.ok();
    assert_eq!(listed(&answer)[4], wanted(&[("project requests minute gpt-4o", 1.0, true)])[0]);
    api.get(&format!("{top_path}/limits?endpoint=other")).await.refused(404, "endpoint_not_found");
    let answer = api.get(&format!("{endpoint}/limits?model=x")).await.ok();
    let expected = [
        ("endpoint requests minute all", 3.0, true),
        ("endpoint tokens month all", 50.0, true),
        ("endpoint cost day all", 2.5, true),
        ("project requests minute all", 4.0, false),
        ("project tokens month all", 1_000.0, false),
    ];
    assert_eq!(listed(&answer), wanted(&expected));

    // What was used changes what is tightest, of a minted token with that of those above it.
    call(&api, &project, &top.id, None, 60, 0).await;
    let children = format!("/api/{project}/tokens/children");
    let child = json!({"name": "c", "daily_token_cap": 70});
    let child = api.post_with_token(&children, &child, &top.secret).await.created();
    let child = format!("/api/v1/admin/tokens/{}/limits", child["data"]["uuid"].as_str().unwrap());
    let answer = api.get(&child).await.ok();
    let tokens: Vec<_> =
        listed(&answer).into_iter().filter(|(name, ..)| name.starts_with("token tokens")).collect();
    let expected = [("token tokens day all", 70.0, false), ("token tokens day all", 100.0, true)];
    assert_eq!(tokens, wanted(&expected));
}

/// A service account in a group with a limit, and with a plan; its key, with the id.
async fn account_with_everything(api: &Api) -> (String, String, String) {
    let provider = api.create_provider("main", "openai").await;
    let group = json!({"name": "team", "displayName": "Team", "providerIds": [provider],
        "limits": {"dailyTokens": 500}});
    let group = api.post("/api/v1/admin/groups", &group).await.created()["id"].as_str().unwrap().to_owned();
    let body = json!({"identifier": "ci", "name": "CI", "limits": {"monthlyCost": 2}});
    let service = api.post("/api/v1/admin/service-accounts", &body).await.created();
    let service = service["id"].as_str().unwrap().to_owned();
    api.send("PUT", &format!("/api/v1/admin/groups/{group}/members/{service}"), "").await.no_content();
    let key = json!({"name": "k", "expiresInDays": 7});
    let key = api.post(&format!("/api/v1/admin/service-accounts/{service}/tokens"), &key).await.created();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (service, text(&key["tokenInfo"]["id"]), text(&key["token"]))
}

#[tokio::test]
async fn what_an_account_counts_against_counts_for_its_keys() {
    let api = Api::new().await;
    let (service, id, secret) = account_with_everything(&api).await;
    let key_path = format!("/api/v1/admin/tokens/{id}/limits");
    assert_eq!(api.get(&key_path).await.ok()["lacksPlan"], true);
    let plan = json!({"name": "Regular", "quota5hTokens": 40});
    let plan = api.post("/api/v1/admin/subscriptions", &plan).await.created();
    let expected = wanted(&[
        ("group tokens day all", 500.0, false),
        ("owner cost month all", 2.0, true),
        ("plan tokens 5h all", 40.0, true),
    ]);
    for path in [key_path, format!("/api/v1/admin/service-accounts/{service}/limits")] {
        let answer = api.get(&path).await.ok();
        assert_eq!(listed(&answer), expected, "{path}");
        let plan_of = &answer["limits"][2];
        assert_eq!((&plan_of["subjectId"], &plan_of["subjectName"]), (&plan["id"], &json!("Regular")));
        assert_eq!((&answer["limits"][0]["spent"], &answer["lacksPlan"]), (&json!(0), &json!(false)));
    }
    // The key may ask for itself, and learns what it alone uses.
    let own = api.with_token("/api/v1/me/limits", &secret).await.ok();
    assert_eq!(listed(&own), expected);
    assert_eq!((&own["limits"][0]["spent"], &own["limits"][1]["spent"]), (&json!(null), &json!(0.0)));
    assert_eq!(own["limits"][2]["remaining"], 40);
    api.without_key("GET", "/api/v1/me/limits").await.refused(401, "missing session");
}

#[tokio::test]
async fn whoever_asks_for_themselves_is_not_told_what_others_use() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let limits = json!({"limits": {"dailyTokens": 100, "requestsPerMinute": 2}});
    api.patch(&format!("/api/v1/admin/projects/{project}"), &limits).await.ok();
    let (plain, admin) = (api.issue_token(&project).await, api.issue_scoped(&project, &["admin"]).await);
    api.patch(&format!("/api/v1/admin/tokens/{}", plain.id), &json!({"dailyTokenCap": 50})).await.ok();
    call(&api, &project, &plain.id, None, 30, 0).await;
    let path = format!("/api/{project}/tokens/self/limits");
    let own = api.with_token(&path, &plain.secret).await.ok();
    let data = &own["data"];
    assert_eq!((&own["ok"], &data["lacks_plan"]), (&json!(true), &json!(false)));
    let (token, whole) = (&data["limits"][0], &data["limits"][2]);
    assert_eq!(
        (&token["spent"], &token["remaining"], &token["is_tightest"]),
        (&json!(30), &json!(20), &json!(true))
    );
    assert_eq!(
        (&whole["subject"], &whole["limit"], &whole["spent"]),
        (&json!("project"), &json!(100), &json!(null))
    );
    assert!(whole["resets_at"].is_string());
    let told = api.with_token(&path, &admin.secret).await.ok();
    assert_eq!(told["data"]["limits"][1]["remaining"], 70);
    for (query, status) in [("endpoint=x", 404), ("model=a&model=b", 400)] {
        let refused = api.with_token(&format!("{path}?{query}"), &plain.secret).await;
        assert_eq!((refused.status, &refused.json()["ok"]), (status, &json!(false)), "{query}");
    }

    api.create_person("a@example.com", "user").await;
    let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
    let mine = browser.get("/api/v1/me/limits").await.ok();
    assert_eq!((&mine["limits"], &mine["lacksPlan"]), (&json!([]), &json!(true)));
}
