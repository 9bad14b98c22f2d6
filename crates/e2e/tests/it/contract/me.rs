//! What belongs to whoever is signed in.

use serde_json::{Value, json};

use super::shape::with;
use super::shapes::{guide, limit_standings, plan, profile, session};
use super::{ADMINISTRATOR, NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/me
    GET /api/v1/me/groups
    GET /api/v1/me/quota
    GET /api/v1/me/limits
    GET /api/v1/me/help/setup
    GET /api/v1/me/sessions
    DELETE /api/v1/me/sessions/{id}
";

async fn pass(pass: &Pass) {
    let page = pass.signed_in(ADMINISTRATOR).await;
    let me = page.get("/api/v1/me", &[]).await.shows(200, &profile());
    assert_eq!(
        (&me["email"], &me["role"], &me["type"]),
        (&json!(ADMINISTRATOR), &json!("admin"), &json!("user"))
    );
    groups(pass).await;
    quota(pass, &id(&me)).await;
    help(pass).await;
    sessions(pass).await;
    for path in
        ["/api/v1/me", "/api/v1/me/groups", "/api/v1/me/quota", "/api/v1/me/limits", "/api/v1/me/help/setup"]
    {
        pass.stranger().get(path, &[]).await.refused(401, "missing session");
        let client = pass.stranger().client.header("cookie", "promptgate_session=unknown");
        pass.caller(client, "").get(path, &[]).await.refused(401, "invalid session");
        if path != "/api/v1/me/help/setup" {
            // Operators may see the help, too.
            let operator = pass.caller(pass.operator().client, "");
            operator.get(path, &[]).await.refused(401, "missing session");
        }
    }
    for (role, code) in [("none", "account_role_none"), ("user", "account_inactive")] {
        let email = format!("{role}@example.com");
        let id = pass.person(&email, "user").await;
        let page = pass.signed_in(&email).await;
        let change = if role == "none" { json!({"role": "none"}) } else { json!({"isActive": false}) };
        let path = format!("/users/{id}");
        pass.gateway.admin(http::Method::PATCH, &path, &change).await.unwrap().expect(200).unwrap();
        for path in ["/api/v1/me", "/api/v1/me/groups", "/api/v1/me/quota"] {
            page.get(path, &[]).await.refused(403, code);
        }
    }
}

/// By name, and without what only administrators see.
async fn groups(pass: &Pass) {
    let shape = json!([{"id": "uuid", "name": "text", "displayName": "text", "description": "str"}]);
    let ada = pass.person("ada@example.com", "user").await;
    let echo = pass.echo().await;
    let seeded =
        pass.gateway.admin(http::Method::GET, "/groups", &Value::Null).await.unwrap().expect(200).unwrap();
    let mut ids = vec![id(&seeded["items"][0])];
    for name in ["zeta", "alpha"] {
        let body = json!({"name": name, "displayName": name, "providerIds": [echo], "description": "d"});
        let made =
            pass.gateway.admin(http::Method::POST, "/groups", &body).await.unwrap().expect(201).unwrap();
        ids.push(id(&made));
    }
    let path = format!("/users/{ada}/groups");
    let body = json!({"groupIds": ids});
    pass.gateway.admin(http::Method::PUT, &path, &body).await.unwrap().expect(200).unwrap();
    let page = pass.signed_in("ada@example.com").await;
    let shown = page.get("/api/v1/me/groups", &[]).await.shows(200, &shape);
    let names: Vec<_> = shown.as_array().unwrap().iter().map(|group| group["name"].clone()).collect();
    assert_eq!(names, ["alpha", "default", "zeta"]);
    let none = json!({"groupIds": []});
    pass.gateway.admin(http::Method::PUT, &path, &none).await.unwrap().expect(200).unwrap();
    assert_eq!(page.get("/api/v1/me/groups", &[]).await.shows(200, &shape), json!([]));
    let setup = page.get("/api/v1/me/help/setup", &[]).await.is(200);
    assert_eq!(setup["providers"], json!([]), "nothing granted, nothing shown");
}

async fn quota(pass: &Pass, me: &str) {
    let window = json!({
        "used5hTokens": "int", "quota5hTokens": "int|null", "remaining5hTokens": "int|null",
        "reset5hAt": "time|null", "used7dTokens": "int", "quota7dTokens": "int|null",
        "remaining7dTokens": "int|null", "reset7dAt": "time|null", "syncedAt": "time",
    });
    let shape = with(&window, &json!({"hasSubscription": "bool", "plan?": plan()}));
    let page = pass.signed_in(ADMINISTRATOR).await;
    let shown = page.get("/api/v1/me/quota", &[]).await.shows(200, &shape);
    assert_eq!((&shown["hasSubscription"], &shown["plan"]["isDefault"]), (&json!(true), &json!(true)));
    assert_eq!((&shown["quota5hTokens"], &shown["remaining5hTokens"]), (&Value::Null, &Value::Null));
    let body = json!({"name": "Gold", "quota5hTokens": 500});
    let gold =
        pass.gateway.admin(http::Method::POST, "/subscriptions", &body).await.unwrap().expect(201).unwrap();
    let path = format!("/users/{me}/subscription-plan");
    let body = json!({"planId": gold["id"]});
    pass.gateway.admin(http::Method::PUT, &path, &body).await.unwrap().expect(200).unwrap();
    let shown = page.get("/api/v1/me/quota", &[]).await.shows(200, &shape);
    assert_eq!((&shown["quota5hTokens"], &shown["remaining5hTokens"]), (&json!(500), &json!(500)));
    assert_eq!((&shown["plan"]["name"], &shown["quota7dTokens"]), (&json!("Gold"), &Value::Null));
    let shown = page.get("/api/v1/me/limits", &[]).await.shows(200, &limit_standings());
    let quota = &shown["limits"][0];
    assert_eq!((&quota["subject"], &quota["subjectName"]), (&json!("plan"), &json!("Gold")));
    assert_eq!((&quota["window"], &quota["remaining"]), (&json!("5h"), &json!(500)));
}

async fn help(pass: &Pass) {
    let provider = json!({
        "name": "text", "displayName": "text", "type": "text", "routePrefix": "text",
        "openaiBaseUrl?": "text", "anthropicBaseUrl?": "text", "models": ["text"], "modelsError?": "text",
    });
    let shape = json!({"proxyBaseUrl": "text", "providers": [provider], "guides": [guide()]});
    pass.gateway.provider("claude", "anthropic", "http://127.0.0.1:9").await.unwrap();
    let page = pass.signed_in(ADMINISTRATOR).await;
    let shown = page.get("/api/v1/me/help/setup", &[]).await.shows(200, &shape);
    assert_eq!(shown["guides"].as_array().unwrap().len(), 12);
    let base = shown["proxyBaseUrl"].as_str().unwrap();
    assert!(base.starts_with("http://") && !base.ends_with('/'), "{base}");
    let providers = shown["providers"].as_array().unwrap();
    assert!(providers.is_sorted_by_key(|provider| super::text(&provider["name"])), "{shown}");
    let claude = providers.iter().find(|provider| provider["name"] == "claude").unwrap();
    assert_eq!(
        (&claude["routePrefix"], &claude["anthropicBaseUrl"]),
        (&json!("/claude"), &json!(format!("{base}/claude")))
    );
    assert_eq!(claude.get("openaiBaseUrl"), None);
    let echo = providers.iter().find(|provider| provider["name"] == "echo").unwrap();
    assert_eq!((&echo["routePrefix"], &echo["models"]), (&json!("/echo/v1"), &json!(["echo"])));
    assert_eq!(echo["openaiBaseUrl"], json!(format!("{base}/echo/v1")));
}

async fn sessions(pass: &Pass) {
    let path = "/api/v1/me/sessions/{id}";
    let items = json!({"items": [session()]});
    let other = pass.signed_in("ada@example.com").await;
    let page = pass.signed_in("ada@example.com").await;
    let shown = page.get("/api/v1/me/sessions", &[]).await.shows(200, &items);
    let sessions = shown["items"].as_array().unwrap();
    let currents = sessions.iter().filter(|session| session["isCurrent"] == true).count();
    assert!(sessions.len() >= 2 && currents == 1, "{shown}");
    for wrong in [NOBODY, "no-uuid"] {
        page.delete(path, &[wrong]).await.refused(404, "session_not_found");
    }
    for session in sessions.iter().filter(|session| session["isCurrent"] == false) {
        page.delete(path, &[&id(session)]).await.is_done();
    }
    other.get("/api/v1/me", &[]).await.refused(401, "invalid session");
    page.get("/api/v1/me", &[]).await.shows(200, &profile());
}

#[tokio::test]
async fn me_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn me_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
