//! Limits that nobody could keep to are refused wherever they are written, by name, with what would do.

use serde_json::{Value, json};

use crate::testing::Api;

/// What no limit can be, by what is said of it.
const WRONG: [&str; 7] = ["0", "-1", "1.5", "9223372036854775808", "18446744073709551616", "\"7\"", "true"];
const NO_DOLLARS: [&str; 6] = ["0", "-0.5", "0.0000000001", "1e300", "9223372037", "\"7\""];

/// A body with one member in it, maybe in others.
fn nested(path: &[&str], value: &str) -> String {
    path.iter().rev().fold(value.to_owned(), |inner, name| format!(r#"{{"{name}":{inner}}}"#))
}

/// The body with these members besides.
fn with(body: &str, besides: &Value) -> String {
    match besides.to_string().as_str() {
        "{}" => body.to_owned(),
        besides => format!("{{{},{}", &body[1..body.len() - 1], &besides[1..]),
    }
}

/// Where limits are written.
struct Place {
    method: &'static str,
    path: String,
    /// What else the body must have.
    besides: Value,
}

/// Tries one wrong value in one place.
async fn refuse(api: &Api, place: &Place, member: &[&str], value: &str) {
    let body = with(&nested(member, value), &place.besides);
    let what = format!("{} {} {body}", place.method, place.path);
    let answer = api.send(place.method, &place.path, &body).await;
    assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    let said = answer.json();
    assert_eq!(said["field"], member.join("."), "{what}: {said}");
    let message = said["message"].as_str().unwrap();
    let helps = ["from 0 to", "from 1 to", "above 0", "from 0.000000001", "a number", "a whole number"];
    assert!(helps.iter().any(|help| message.contains(help)), "{what}: {message}");
}

#[tokio::test]
async fn what_nobody_could_keep_to_is_named_with_what_would_do() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    let provider = api.create_provider("main", "openai").await;
    let group = json!({"name": "team", "displayName": "Team", "providerIds": [provider]});
    let group = api.post("/api/v1/admin/groups", &group).await.created()["id"].as_str().unwrap().to_owned();
    let person = api.create_person("a@example.com", "user").await;
    let service = api.create_service("ci").await;
    let endpoint = api.create_endpoint("Mail").await;
    let endpoints = endpoint.rsplit_once('/').unwrap().0.to_owned();
    let place = |method, path: String, besides| Place { method, path, besides };
    let sets = [
        place("POST", "/api/v1/admin/projects".into(), json!({"name": "y", "projectType": "ai_wrapper"})),
        place("PATCH", format!("/api/v1/admin/projects/{project}"), json!({})),
        place(
            "POST",
            "/api/v1/admin/groups".into(),
            json!({"name": "b", "displayName": "B", "providerIds": [provider]}),
        ),
        place("PATCH", format!("/api/v1/admin/groups/{group}"), json!({})),
        place("PATCH", format!("/api/v1/admin/users/{person}"), json!({})),
        place("POST", "/api/v1/admin/service-accounts".into(), json!({"identifier": "b", "name": "B"})),
        place("PATCH", format!("/api/v1/admin/service-accounts/{service}"), json!({})),
    ];
    for at in &sets {
        for name in [
            "requestsPerMinute",
            "requestsPerHour",
            "tokensPerMinute",
            "tokensPerHour",
            "maxConcurrent",
            "requestTokens",
            "dailyTokens",
            "monthlyTokens",
        ] {
            for value in WRONG {
                refuse(&api, at, &["limits", name], value).await;
            }
        }
        for name in ["dailyCost", "monthlyCost"] {
            for value in NO_DOLLARS {
                refuse(&api, at, &["limits", name], value).await;
            }
        }
        for value in WRONG {
            refuse(&api, at, &["limits", "models", "gpt-4o", "tokensPerHour"], value).await;
        }
    }
    let body = json!({"name": "Post", "providerId": provider, "providerModel": "m"});
    let flat = [
        place("POST", format!("/api/v1/admin/projects/{project}/tokens"), json!({"name": "t"})),
        place("PATCH", format!("/api/v1/admin/tokens/{token}"), json!({})),
        place("POST", endpoints, body.clone()),
        place("PUT", endpoint.clone(), body),
        place("PATCH", endpoint, json!({})),
    ];
    for at in &flat {
        for name in [
            "rateLimitPerMinute",
            "rateLimitPerHour",
            "tokenRateLimitPerMinute",
            "tokenRateLimitPerHour",
            "maxConcurrentRequests",
            "monthlyTokenCap",
        ] {
            for value in WRONG {
                refuse(&api, at, &[name], value).await;
            }
        }
        if at.path.contains("/tokens") {
            for value in WRONG {
                refuse(&api, at, &["requestTokenCap"], value).await;
            }
        }
        let budget = if at.path.contains("/tokens") { "dailyBudgetUsdCap" } else { "dailyBudgetUsd" };
        for value in NO_DOLLARS {
            refuse(&api, at, &[budget], value).await;
        }
        for value in WRONG {
            refuse(&api, at, &["modelLimits", "gpt-4o", "tokensPerHour"], value).await;
        }
    }
}

#[tokio::test]
async fn whatever_can_be_kept_is_kept_as_it_was_given() {
    let api = Api::new().await;
    let project = api.create_project("x", "ai_wrapper").await;
    let path = format!("/api/v1/admin/projects/{project}");
    // A model that nobody lists yet may come: its limits wait for it.
    let most = json!({"requestsPerMinute": u32::MAX, "tokensPerHour": i64::MAX, "dailyCost": 0.000_000_001,
        "monthlyCost": 9_000_000_000.0, "models": {"nobody-has/this:1": {"maxConcurrent": 1}}});
    let kept = api.patch(&path, &json!({"limits": most})).await.ok()["limits"].clone();
    for name in ["requestsPerMinute", "tokensPerHour", "dailyCost", "monthlyCost"] {
        assert_eq!(kept[name].as_f64(), most[name].as_f64(), "{name}");
    }
    assert_eq!(kept["models"]["nobody-has/this:1"]["maxConcurrent"], 1);
    // What is finer than a billionth is rounded, and shown so.
    let finer = api.patch(&path, &json!({"limits": {"dailyCost": 0.123_456_789_4}})).await.ok();
    assert_eq!(finer["limits"]["dailyCost"], 0.123_456_789);
    let cleared = api.patch(&path, &json!({"limits": null})).await.ok()["limits"].clone();
    assert_eq!((&cleared["requestsPerMinute"], &cleared["models"]), (&json!(null), &json!({})));
}
