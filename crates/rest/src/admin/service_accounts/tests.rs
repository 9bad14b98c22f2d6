//! One service account: looking at it, its note, its plan, and its end.

use serde_json::{Value, json};

use crate::testing::{Api, timeless};

const PATH: &str = "/api/v1/admin/service-accounts";
const NOBODY: &str = "018f4e6e-0000-7000-8000-00000000dead";

async fn create(api: &Api, identifier: &str) -> String {
    let made = api.post(PATH, &json!({"identifier": identifier, "name": "CI"})).await.created();
    format!("{PATH}/{}", made["id"].as_str().unwrap())
}

/// The addresses of what is no service account.
async fn strangers(api: &Api) -> [String; 3] {
    let person = api.create_person("a@example.com", "user").await;
    [&*person, NOBODY, "x"].map(|id| format!("{PATH}/{id}"))
}

#[tokio::test]
async fn one_is_shown_as_in_the_list_and_people_are_none() {
    let api = Api::new().await;
    let path = create(&api, "Build-1").await;
    let found = api.account(&path).await;
    assert_eq!(found, timeless(api.get(PATH).await.ok()["items"][0].clone()));
    for (member, value) in [
        ("identifier", json!("build-1")),
        ("name", json!("CI")),
        ("role", json!("user")),
        ("note", json!("")),
        ("isActive", json!(true)),
        ("firewallOverrideEnabled", json!(false)),
        ("subscriptionPlanId", Value::Null),
        ("inputTokens", json!(0)),
        ("outputTokens", json!(0)),
    ] {
        assert_eq!(found.get(member), Some(&value), "{member}");
    }
    for stranger in strangers(&api).await {
        api.get(&stranger).await.refused(404, "service_account_not_found");
    }
}

#[tokio::test]
async fn a_note_is_kept_word_for_word_and_bounded() {
    let api = Api::new().await;
    let path = create(&api, "ci").await;
    let note = format!("{path}/note");
    for text in [" two\n words ", "ü", &"é".repeat(2_000), ""] {
        assert_eq!(api.patch(&note, &json!({"note": text})).await.ok()["note"], text);
        assert_eq!(api.get(&path).await.ok()["note"], text);
    }
    api.patch(&note, &json!({"note": "x".repeat(2_001)})).await.refused(400, "invalid_note");
    for body in [json!({}), json!({"note": 1}), json!({"note": "n", "name": "n"})] {
        api.patch(&note, &body).await.refused(400, "invalid_request_body");
    }
    for stranger in strangers(&api).await {
        let note = format!("{stranger}/note");
        api.patch(&note, &json!({"note": "n"})).await.refused(404, "service_account_not_found");
    }
}

#[tokio::test]
async fn a_plan_is_given_and_taken_and_the_whole_account_is_the_answer() {
    let api = Api::new().await;
    let path = create(&api, "ci").await;
    let plan = format!("{path}/subscription-plan");
    let plans = "/api/v1/admin/subscriptions";
    let default = api.post(plans, &json!({"name": "default"})).await.created()["id"].clone();
    let team = api.post(plans, &json!({"name": "team", "quota7dTokens": 5})).await.created()["id"].clone();
    let given = api.put(&plan, &json!({"planId": team})).await.ok();
    assert_eq!(timeless(given.clone()), api.account(&path).await);
    assert_eq!((&given["subscriptionPlanId"], &given["subscriptionPlan"]["id"]), (&team, &team));
    assert_eq!(given["effectiveSubscriptionPlan"]["quota7dTokens"], 5);
    let taken = api.put(&plan, &json!({"planId": null})).await.ok();
    assert_eq!((taken.get("subscriptionPlanId"), taken.get("subscriptionPlan")), (Some(&Value::Null), None));
    assert_eq!(taken["effectiveSubscriptionPlan"]["id"], default);
    for wrong in [json!(NOBODY), json!("x")] {
        let refused = api.put(&plan, &json!({"planId": wrong})).await;
        refused.refused(400, "invalid_subscription_assignment");
    }
    for stranger in strangers(&api).await {
        let refused = api.put(&format!("{stranger}/subscription-plan"), &json!({"planId": team})).await;
        refused.refused(404, "service_account_not_found");
    }
}

#[tokio::test]
async fn one_that_is_deleted_is_gone_with_its_keys_and_rules_and_its_identifier_is_free() {
    let api = Api::new().await;
    let path = create(&api, "ci").await;
    let rule = json!({"address": "10.0.0.1", "priority": 1, "action": "allow"});
    api.post(&format!("{path}/firewall/rules"), &rule).await.created();
    let key = api.post(&format!("{path}/tokens"), &json!({"name": "k"})).await.created();
    let projects = api.get("/api/v1/admin/projects").await.ok();
    let models = format!("/api/{}/models", projects["items"][0]["uuid"].as_str().unwrap());
    let secret = key["token"].as_str().unwrap();
    assert_eq!(api.with_token(&models, secret).await.status, 200);
    api.delete(&path).await.no_content();
    assert_eq!(api.with_token(&models, secret).await.status, 401);
    for path in [path.clone(), format!("{path}/tokens"), format!("{path}/firewall/rules")] {
        api.get(&path).await.refused(404, "service_account_not_found");
    }
    api.delete(&path).await.refused(404, "service_account_not_found");
    assert_eq!(api.get(PATH).await.ok()["total"], 0);
    let ended = ["service_account.deleted", "network_rule.deleted", "token.revoked"];
    assert_eq!(api.audit_actions().await.iter().rev().take(3).rev().collect::<Vec<_>>(), ended);
    let again = create(&api, "ci").await;
    assert_ne!(again, path);
    assert_eq!(api.get(&format!("{again}/firewall/rules")).await.ok()["total"], 0);
    for stranger in strangers(&api).await {
        api.delete(&stranger).await.refused(404, "service_account_not_found");
    }
}
