//! People, as administrators see them.

use http::Method;
use serde_json::{Value, json};

use super::shapes::{group, session, user};
use super::{ADMINISTRATOR, NOBODY, Pass, id, text};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/users
    GET /api/v1/admin/users/{id}
    PATCH /api/v1/admin/users/{id}
    PATCH /api/v1/admin/users/{id}/note
    DELETE /api/v1/admin/users/{id}
    GET /api/v1/admin/users/{id}/groups
    PUT /api/v1/admin/users/{id}/groups
    PUT /api/v1/admin/users/{id}/subscription-plan
    GET /api/v1/admin/users/{id}/sessions
    DELETE /api/v1/admin/users/{id}/sessions
    DELETE /api/v1/admin/users/{id}/sessions/{sessionId}
";

const USER: &str = "/users/{id}";
const NOTE: &str = "/users/{id}/note";
const GROUPS: &str = "/users/{id}/groups";
const PLAN: &str = "/users/{id}/subscription-plan";
const SORTS: [&str; 10] = [
    "-lastLoginAt",
    "name",
    "email",
    "role",
    "isActive",
    "createdAt",
    "updatedAt",
    "inputTokens",
    "outputTokens",
    "preferredUsername",
];

async fn pass(pass: &Pass) {
    let ada = pass.person("ada@example.com", "user").await;
    let bob = pass.person("bob@example.com", "manager").await;
    let account = json!({"identifier": "robot", "name": "Robot"});
    let service = pass.gateway.admin(Method::POST, "/service-accounts", &account).await.unwrap();
    let service = id(&service.expect(201).unwrap());
    lists(pass).await;
    changes(pass, &ada, &service).await;
    notes(pass, &ada, &service).await;
    belongings(pass, &ada, &service).await;
    sessions(pass, &bob).await;
    administrators(pass).await;

    let api = pass.operator();
    api.delete(USER, &[&ada]).await.is_done();
    api.get(USER, &[&ada]).await.refused(404, "user_not_found");
    for wrong in [ada.as_str(), "no-uuid", &service] {
        api.delete(USER, &[wrong]).await.refused(404, "user_not_found");
    }
}

async fn lists(pass: &Pass) {
    let api = pass.operator();
    api.lists("/users", &[], &user(), &SORTS).await;
    let found = async |query: &str| {
        let page = api.get(&format!("/users?sortBy=email&{query}"), &[]).await.is(200);
        page["items"].as_array().unwrap().iter().map(|item| text(&item["email"])).collect::<Vec<_>>()
    };
    let everybody = ["ada@example.com", ADMINISTRATOR, "bob@example.com"];
    assert_eq!(found("search=ADA%40").await, ["ada@example.com"]);
    assert_eq!(found("search=nobody").await, [""; 0]);
    assert_eq!(found("role=manager").await, ["bob@example.com"]);
    assert_eq!(found("role=none").await, [""; 0]);
    assert_eq!(found("status=active").await, everybody, "a service account is no person");
    assert_eq!(found("status=inactive").await, [""; 0]);
    assert_eq!(found("role=&status=").await, everybody);
    api.get("/users?role=root", &[]).await.refused(400, "invalid_role");
    api.get("/users?status=asleep", &[]).await.refused(400, "invalid_status");
}

async fn changes(pass: &Pass, ada: &str, service: &str) {
    let api = pass.operator();
    let read = api.get(USER, &[ada]).await.shows(200, &user());
    assert_eq!(
        (&read["role"], &read["isActive"], &read["expiresAt"]),
        (&json!("user"), &json!(true), &Value::Null)
    );
    assert_eq!((&read["inputTokens"], &read["outputTokens"]), (&json!(0), &json!(0)));
    let whole = json!({"role": "manager", "isActive": true, "firewallOverrideEnabled": true,
        "expiresAt": "2099-01-02T03:04:05.678Z"});
    let changed = api.patch(USER, &[ada], whole.clone()).await.shows(200, &user());
    assert_eq!((&changed["role"], &changed["firewallOverrideEnabled"]), (&json!("manager"), &json!(true)));
    assert!(text(&changed["expiresAt"]).starts_with("2099-01-02T03:04:05.678"), "{changed}");
    let kept = api.patch(USER, &[ada], json!({"isActive": false})).await.shows(200, &user());
    assert_eq!(
        (&kept["role"], &kept["isActive"]),
        (&json!("manager"), &json!(false)),
        "what is left out stays"
    );
    assert_eq!((&kept["firewallOverrideEnabled"], &kept["expiresAt"]), (&json!(true), &changed["expiresAt"]));
    let cleared = json!({"isActive": true, "firewallOverrideEnabled": false, "expiresAt": null});
    let cleared = api.patch(USER, &[ada], cleared).await.shows(200, &user());
    assert_eq!((&cleared["firewallOverrideEnabled"], &cleared["expiresAt"]), (&json!(false), &Value::Null));
    let none = json!({"role": "none", "expiresAt": "2099-01-02T03:04:05Z"});
    let none = api.patch(USER, &[ada], none).await.shows(200, &user());
    assert_eq!((&none["role"], &none["expiresAt"]), (&json!("none"), &Value::Null));
    api.refuses(
        Method::PATCH,
        USER,
        &[ada],
        &[
            (json!({"role": "root"}), 400, "invalid_role"),
            (json!({"role": "user", "expiresAt": "2001-01-01T00:00:00Z"}), 400, "invalid_expiration"),
            (json!({"role": "user", "name": "Ada"}), 400, "invalid_request_body"),
        ],
    )
    .await;
    api.reads_strictly(Method::PATCH, USER, &[ada], &whole).await;
    for wrong in [NOBODY, "no-uuid", service] {
        api.get(USER, &[wrong]).await.refused(404, "user_not_found");
        api.patch(USER, &[wrong], whole.clone()).await.refused(404, "user_not_found");
    }
}

async fn notes(pass: &Pass, ada: &str, service: &str) {
    let api = pass.operator();
    let longest = "ü".repeat(2000);
    for note in ["  two lines\n", longest.as_str(), ""] {
        let noted = api.patch(NOTE, &[ada], json!({"note": note})).await.shows(200, &user());
        assert_eq!(noted["note"], note, "verbatim");
    }
    let long = json!({"note": format!("{longest}x")});
    api.patch(NOTE, &[ada], long).await.refused(400, "invalid_note");
    api.reads_strictly(Method::PATCH, NOTE, &[ada], &json!({"note": "x"})).await;
    for wrong in [NOBODY, "no-uuid", service] {
        api.patch(NOTE, &[wrong], json!({"note": "x"})).await.refused(404, "user_not_found");
    }
}

async fn belongings(pass: &Pass, ada: &str, service: &str) {
    let api = pass.operator();
    let groups = json!([group()]);
    let seeded = api.get(GROUPS, &[ada]).await.shows(200, &groups);
    assert_eq!(seeded[0]["name"], "default");
    let default = id(&seeded[0]);
    let gone = api.put(GROUPS, &[ada], json!({"groupIds": []})).await.shows(200, &groups);
    assert_eq!(gone, json!([]));
    let twice = json!({"groupIds": [default, default]});
    let back = api.put(GROUPS, &[ada], twice).await.shows(200, &groups);
    assert_eq!((back.as_array().unwrap().len(), &back[0]["id"]), (1, &json!(default)));
    api.put(GROUPS, &[service], json!({"groupIds": [default]})).await.shows(200, &groups);
    api.get(GROUPS, &[service]).await.shows(200, &groups);
    for wrong in [NOBODY, "no-uuid"] {
        let body = json!({"groupIds": [wrong]});
        api.put(GROUPS, &[ada], body).await.refused(404, "group_not_found");
        api.put(GROUPS, &[wrong], json!({"groupIds": []})).await.refused(404, "user_not_found");
        api.get(GROUPS, &[wrong]).await.refused(404, "user_not_found");
    }
    let kept = api.get(GROUPS, &[ada]).await.is(200);
    assert_eq!(kept.as_array().unwrap().len(), 1, "a refused replacement replaces nothing");
    api.reads_strictly(Method::PUT, GROUPS, &[ada], &json!({"groupIds": []})).await;

    let body = json!({"name": "Gold", "quota5hTokens": 500});
    let plan = pass.gateway.admin(Method::POST, "/subscriptions", &body).await.unwrap().expect(201).unwrap();
    let assigned = api.put(PLAN, &[ada], json!({"planId": plan["id"]})).await.shows(200, &user());
    assert_eq!(assigned["subscriptionPlanId"], plan["id"]);
    assert_eq!(assigned["subscriptionPlan"]["quota5hTokens"], 500);
    assert_eq!(assigned["effectiveSubscriptionPlan"]["name"], "Gold");
    for none in [json!(""), Value::Null] {
        let freed = api.put(PLAN, &[ada], json!({"planId": none})).await.shows(200, &user());
        assert_eq!(freed["subscriptionPlanId"], Value::Null);
        assert_eq!(freed.get("subscriptionPlan"), None);
        assert_eq!(freed["effectiveSubscriptionPlan"]["isDefault"], true);
    }
    for wrong in [NOBODY, "no-uuid"] {
        let body = json!({"planId": wrong});
        api.put(PLAN, &[ada], body).await.refused(400, "invalid_subscription_assignment");
    }
    for wrong in [NOBODY, "no-uuid", service] {
        api.put(PLAN, &[wrong], json!({"planId": null})).await.refused(404, "user_not_found");
    }
    api.reads_strictly(Method::PUT, PLAN, &[ada], &json!({"planId": null})).await;
}

async fn sessions(pass: &Pass, bob: &str) {
    const ALL: &str = "/users/{id}/sessions";
    const ONE: &str = "/users/{id}/sessions/{sessionId}";
    let api = pass.operator();
    let items = json!({"items": [session()]});
    for _ in 0..2 {
        pass.signed_in("bob@example.com").await;
    }
    let listed = api.get(ALL, &[bob]).await.shows(200, &items);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let first = id(&listed["items"][0]);
    api.delete(ONE, &[bob, &first]).await.is_done();
    for wrong in [NOBODY, "no-uuid", &first] {
        api.delete(ONE, &[bob, wrong]).await.refused(404, "session_not_found");
    }
    for wrong in [NOBODY, "no-uuid"] {
        api.delete(ONE, &[wrong, &first]).await.refused(404, "user_not_found");
        api.get(ALL, &[wrong]).await.refused(404, "user_not_found");
        api.delete(ALL, &[wrong]).await.refused(404, "user_not_found");
    }
    api.delete(ALL, &[bob]).await.is_done();
    assert_eq!(api.get(ALL, &[bob]).await.is(200)["items"], json!([]));
}

/// The last administrator stays one; no refusal is 403, which would send the frontend away.
async fn administrators(pass: &Pass) {
    let api = pass.operator();
    let found = api.get(&format!("/users?search={ADMINISTRATOR}"), &[]).await.is(200);
    let admin = id(&found["items"][0]);
    for body in
        [json!({"role": "user"}), json!({"isActive": false}), json!({"expiresAt": "2099-01-01T00:00:00Z"})]
    {
        api.patch(USER, &[&admin], body).await.refused(409, "last_administrator");
    }
    api.delete(USER, &[&admin]).await.refused(409, "last_administrator");
    let page = pass.signed_in(ADMINISTRATOR).await.at_admin();
    page.get(USER, &[&admin]).await.shows(200, &user());
    pass.stranger().at_admin().get("/users", &[]).await.refused(401, "missing session");
}

#[tokio::test]
async fn users_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn users_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
