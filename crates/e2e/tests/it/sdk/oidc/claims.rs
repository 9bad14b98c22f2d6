//! What providers say about people, and several of them at once.

use serde_json::{Value, json};

use super::browser::{Browser, Provider, parameter};
use super::{Gate, SESSION, failed};
use http::Method;
use promptgate_e2e::{ADMIN_KEY, Client, free_port};

/// What an administrator does.
async fn admin(gate: &Gate, method: Method, path: &str, body: &Value) -> Value {
    let client = Client::new().header("x-admin-api-key", ADMIN_KEY);
    let answer = client.send(method, &gate.url(path), body.to_string()).await.unwrap();
    assert!(answer.status.is_success(), "{path}: {}", answer.text());
    if answer.text().is_empty() { Value::Null } else { answer.json() }
}

#[tokio::test]
async fn what_is_said_of_somebody_else_signs_nobody_in() {
    let gate = Gate::start(&[]).await;
    for more in [
        [("CLAIMS", "userinfo"), ("USERINFO_SUB", "mallory")],
        [("ACCESS_TOKEN", "jwt"), ("ACCESS_TOKEN_SUB", "mallory")],
    ] {
        let _provider = gate.provider(&more);
        let mut browser = Browser::default();
        failed(&gate.sign_in(&mut browser, "alice").await);
        assert!(!browser.has(SESSION), "{more:?}");
        assert_eq!(gate.people().await.len(), 1, "nobody but the seeded one");
    }
}

#[tokio::test]
async fn groups_of_a_claim_are_set_at_each_sign_in() {
    let gate = Gate::start(&[("PROMPTGATE_OIDC_GROUPS_CLAIM", "groups")]).await;
    let _provider = gate.provider(&[]);
    for name in ["staff", "lead", "other"] {
        let group = json!({"name": name, "displayName": name, "allProviders": true});
        admin(&gate, Method::POST, "/api/v1/admin/groups", &group).await;
    }
    let mut browser = Browser::default();
    // The first one is administrator, whatever the groups are.
    gate.signed_in(&mut browser, "a-staff-lead-unknown").await;
    let mine = gate.url("/api/v1/me/groups");
    let names = |page: &Value| {
        let rows = page.as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&browser.get(&mine).await.expect(200).unwrap()), ["lead", "staff"]);
    let id = gate.profile(&mut browser).await["id"].as_str().unwrap().to_owned();
    let groups = format!("/api/v1/admin/users/{id}/groups");
    admin(&gate, Method::PUT, &groups, &json!({"groupIds": []})).await;
    assert_eq!(names(&browser.get(&mine).await.expect(200).unwrap()), [""; 0]);
    gate.signed_in(&mut Browser::default(), "a-staff-lead-unknown").await;
    assert_eq!(names(&admin(&gate, Method::GET, &groups, &json!({})).await), ["lead", "staff"]);
}

#[tokio::test]
async fn several_providers_vouch_each_for_its_own() {
    let port = free_port();
    let gate = Gate::start(&[
        ("PROMPTGATE_OIDC_SECOND_ISSUER_URL", &format!("http://127.0.0.1:{port}")),
        ("PROMPTGATE_OIDC_SECOND_CLIENT_ID", "promptgate"),
        ("PROMPTGATE_OIDC_SECOND_CLIENT_SECRET", "promptgate-test-secret"),
    ])
    .await;
    let _first = gate.provider(&[]);
    let second = Provider::start(port, &gate.base, &[]);
    let mut browser = Browser::default();
    gate.signed_in(&mut browser, "alice").await;
    let alice = gate.profile(&mut browser).await;

    // Somebody of the same name at the other one is somebody else.
    let mut other = Browser::default();
    let begun = other.get(&gate.url("/auth/login?provider=second&redirect=%2Fhome")).await;
    let url = begun.header("location").unwrap().to_owned();
    assert!(url.starts_with(&format!("{}/auth?", second.issuer)), "{url}");
    let back = other.follow_to(&format!("{url}&login_hint=alice"), &gate.url("/auth/callback")).await;
    assert_eq!(other.get(&back).await.header("location"), Some("/home"));
    let namesake = gate.profile(&mut other).await;
    assert_eq!((&namesake["sub"], &alice["sub"]), (&json!("alice"), &json!("alice")));
    assert_ne!(namesake["id"], alice["id"]);
    assert_eq!((&alice["role"], &namesake["role"]), (&json!("admin"), &json!("none")));

    // Each signs out where it came from.
    let left = other.get(&gate.url("/auth/logout")).await;
    assert!(left.header("location").unwrap().starts_with(&second.issuer), "{:?}", left.header("location"));
    browser.get(&gate.url("/api/v1/me")).await.expect(200).unwrap();

    // A code of one is nothing to the other.
    let mut mixed = Browser::default();
    let begun = mixed.get(&gate.url("/auth/login?provider=second")).await;
    let state = parameter(begun.header("location").unwrap(), "state").unwrap().to_owned();
    let mut stranger = Browser::default();
    let theirs = gate.callback(&mut stranger, "mallory").await;
    let code = parameter(&theirs, "code").unwrap();
    failed(&mixed.get(&gate.url(&format!("/auth/callback?code={code}&state={state}"))).await);
    assert!(!mixed.has(SESSION));

    let unknown = Browser::default().get(&gate.url("/auth/login?provider=third")).await;
    let location = unknown.header("location").unwrap();
    assert!(location.starts_with("/login?"), "{} {location}", unknown.status);
}
