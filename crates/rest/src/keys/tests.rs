//! Keys over HTTP.

use serde_json::{Value, json};

use crate::testing::{Api, Browser, PASSWORD};

const DAY: u64 = 24 * 60 * 60;

async fn signed_in<'a>(api: &'a Api, email: &str, role: &str) -> (String, Browser<'a>) {
    let id = api.create_person(email, role).await;
    (id, api.browser(api.sign_in(email, PASSWORD).await.header("set-cookie")))
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_key_has_its_fields_and_opens_what_keys_open() {
    let api = Api::new().await;
    let (id, browser) = signed_in(&api, "a@example.com", "user").await;
    let body = json!({"name": "my-key_1", "description": " as it is "});
    let issued = browser.post("/api/v1/tokens", &body).await.created();
    let info = &issued["tokenInfo"];
    let members: Vec<&String> = info.as_object().unwrap().keys().collect();
    assert_eq!(members, ["createdAt", "description", "expiresAt", "id", "name", "userId"]);
    assert_eq!((&info["userId"], &info["description"]), (&json!(id), &json!(" as it is ")));
    let listed = browser.get("/api/v1/tokens").await.ok();
    assert_eq!(listed["items"][0], *info);
    assert!(!listed.to_string().contains(issued["token"].as_str().unwrap()));
    let projects = api.get("/api/v1/admin/projects").await.ok();
    let project = &projects["items"][0];
    assert_eq!((&project["name"], &project["projectType"]), (&json!("Default"), &json!("agent_proxy")));
    let path = format!("/api/{}/models", project["uuid"].as_str().unwrap());
    let secret = issued["token"].as_str().unwrap();
    assert_eq!(api.with_token(&path, secret).await.status, 200);
    let of_project =
        api.get(&format!("/api/v1/admin/projects/{}/tokens", project["uuid"].as_str().unwrap())).await.ok();
    assert_eq!(of_project["items"][0]["scopes"], json!(["chat", "models", "mcp"]));
    browser.post("/api/v1/tokens", &json!({"name": "second"})).await.created();
    assert_eq!(api.get("/api/v1/admin/projects").await.ok()["total"], 1, "one project is enough");
}

#[tokio::test]
async fn lives_are_bounded_by_kind_and_default_by_role() {
    let api = Api::new().await;
    let (_, user) = signed_in(&api, "a@example.com", "user").await;
    let (_, manager) = signed_in(&api, "b@example.com", "manager").await;
    let service = api.create_service("ci").await;
    let of_service = format!("/api/v1/admin/service-accounts/{service}/tokens");
    for days in [0, -1, 31, 366] {
        let body = json!({"name": "x", "expiresInDays": days});
        user.post("/api/v1/tokens", &body).await.refused(400, "invalid_token_ttl");
    }
    user.post("/api/v1/tokens", &json!({"name": "x", "expiresInDays": 30})).await.created();
    api.post(&of_service, &json!({"name": "x", "expiresInDays": 365})).await.created();
    api.post(&of_service, &json!({"name": "x", "expiresInDays": 366}))
        .await
        .refused(400, "invalid_token_ttl");
    for name in ["", "A", " a", "a.b", "ü"] {
        user.post("/api/v1/tokens", &json!({"name": name})).await.refused(400, "invalid_token_name");
    }
    let plain = json!({"name": "y"});
    for (issued, days) in [
        (user.post("/api/v1/tokens", &plain).await.created(), 7),
        (manager.post("/api/v1/tokens", &plain).await.created(), 30),
        (api.post(&of_service, &plain).await.created(), 7),
    ] {
        let instant = |member: &str| -> promptgate_kernel::Timestamp {
            serde_json::from_value(issued["tokenInfo"][member].clone()).unwrap()
        };
        assert_eq!(instant("expiresAt").since(instant("createdAt")).as_secs(), days * DAY);
    }
}

#[tokio::test]
async fn keys_are_narrowed_and_sorted_as_the_contract_says() {
    let api = Api::new().await;
    let (_, browser) = signed_in(&api, "a@example.com", "user").await;
    let mut ids = Vec::new();
    for (name, days) in [("active", 30), ("expired", 1), ("revoked", 30)] {
        let body = json!({"name": name, "description": format!("of {name}"), "expiresInDays": days});
        ids.push(browser.post("/api/v1/tokens", &body).await.created()["tokenInfo"]["id"].clone());
    }
    let revoked = format!("/api/v1/tokens/{}", ids[2].as_str().unwrap());
    browser.delete(&revoked).await.no_content();
    api.advance_secs(2 * DAY);
    let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
    let list = async |query: &str| browser.get(&format!("/api/v1/tokens{query}")).await.ok();
    assert_eq!(names(&list("").await), ["revoked", "expired", "active"]);
    assert_eq!(names(&list("?sortBy=status").await), ["active", "expired", "revoked"]);
    assert_eq!(names(&list("?sortBy=revokedAt").await)[0], "revoked");
    for status in ["active", "expired", "revoked"] {
        assert_eq!(names(&list(&format!("?status={status}")).await), [status]);
    }
    assert_eq!(list("?status=all").await["total"], 3);
    assert_eq!(names(&list("?search=OF%20EXP").await), ["expired"]);
    assert_eq!(names(&list(&format!("?search={}", ids[0].as_str().unwrap())).await), ["active"]);
    assert!(list("?status=revoked").await["items"][0]["revokedAt"].is_string());
    for query in ["?status=x", "?sortBy=userId", "?sortDir=up"] {
        browser.get(&format!("/api/v1/tokens{query}")).await.refused(400, "invalid_sort");
    }
}

#[tokio::test]
async fn nobody_ends_the_keys_of_others_and_ending_twice_changes_nothing() {
    let api = Api::new().await;
    let (own, browser) = signed_in(&api, "a@example.com", "user").await;
    let (other, stranger) = signed_in(&api, "b@example.com", "user").await;
    let issued = browser.post("/api/v1/tokens", &json!({"name": "x"})).await.created();
    let id = issued["tokenInfo"]["id"].as_str().unwrap();
    let path = format!("/api/v1/tokens/{id}");
    stranger.delete(&path).await.refused(404, "token_not_found");
    browser.delete("/api/v1/tokens/x").await.refused(404, "token_not_found");
    stranger.get(&format!("/api/v1/admin/users/{own}/tokens")).await.refused(403, "insufficient_role");
    let as_admin = |user: &str| format!("/api/v1/admin/users/{user}/tokens/{id}");
    api.delete(&as_admin(&other)).await.refused(404, "token_not_found");
    api.delete(&as_admin("x")).await.refused(404, "token_not_found");
    let listed = api.get(&format!("/api/v1/admin/users/{own}/tokens")).await.ok();
    assert_eq!(names(&listed), ["x"]);
    assert_eq!(api.get("/api/v1/admin/users/x/tokens").await.ok()["total"], 0);
    api.delete(&as_admin(&own)).await.no_content();
    let before = (api.revision().await, api.audit_actions().await);
    browser.delete(&path).await.no_content();
    assert_eq!((api.revision().await, api.audit_actions().await), before);
}

#[tokio::test]
async fn keys_of_service_accounts_are_kept_by_administrators() {
    let api = Api::new().await;
    let service = api.create_service("ci").await;
    let person = api.create_user("p").await;
    let path = format!("/api/v1/admin/service-accounts/{service}/tokens");
    let issued = api.post(&path, &json!({"name": "x"})).await.created();
    assert_eq!(issued["tokenInfo"]["userId"], json!(service));
    let one = format!("{path}/{}", issued["tokenInfo"]["id"].as_str().unwrap());
    api.delete(&one).await.no_content();
    api.delete(&one).await.no_content();
    assert_eq!(api.get(&path).await.ok()["total"], 0);
    assert_eq!(api.get(&format!("{path}?includeRevoked=true")).await.ok()["total"], 1);
    assert_eq!(api.get(&format!("{path}?includeRevoked=1")).await.ok()["total"], 0);
    for unknown in [&*person, "x"] {
        let path = format!("/api/v1/admin/service-accounts/{unknown}/tokens");
        api.get(&path).await.refused(404, "service_account_not_found");
        api.post(&path, &json!({"name": "x"})).await.refused(404, "service_account_not_found");
        api.delete(&format!("{path}/{person}")).await.refused(404, "service_account_not_found");
    }
}

#[tokio::test]
async fn without_a_role_there_are_no_live_keys() {
    let api = Api::new().await;
    let (id, browser) = signed_in(&api, "a@example.com", "user").await;
    for name in ["one", "two"] {
        browser.post("/api/v1/tokens", &json!({"name": name})).await.created();
    }
    api.patch(&format!("/api/v1/admin/users/{id}"), &json!({"role": "none"})).await.ok();
    let listed = api.get(&format!("/api/v1/admin/users/{id}/tokens")).await.ok();
    assert!(listed["items"].as_array().unwrap().iter().all(|key| key["revokedAt"].is_string()), "{listed}");
}
