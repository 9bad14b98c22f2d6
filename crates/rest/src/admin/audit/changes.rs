//! What rows of the log show of what changed, kind by kind.

use serde_json::{Value, json};

use crate::testing::Api;

/// What people wrote, and secrets: no row may have it.
const SECRET: &str = "CANARY";

/// Something that is created, changed and deleted, and what its rows must show of the change.
struct Case {
    kind: &'static str,
    collection: String,
    create: Value,
    patch: Value,
    before: Value,
    after: Value,
}

/// The newest row of an action.
async fn row(api: &Api, action: &str) -> Value {
    let page = api.get(&format!("/api/v1/admin/audit?action={action}&pageSize=1")).await.ok();
    assert!(page["total"].as_u64() > Some(0), "{action}");
    page["items"][0].clone()
}

/// A case whose names stand in the order in which it happens.
fn case(kind: &'static str, collection: &str, bodies: [Value; 2], shown: [Value; 2]) -> Case {
    let ([create, patch], [before, after]) = (bodies, shown);
    Case { kind, collection: collection.to_owned(), create, patch, before, after }
}

/// What everybody's calls meet, and what readers see.
async fn of_everybody(api: &Api) -> Vec<Case> {
    let service = api.create_service("ci").await;
    let secret_url = format!("https://u.example/{SECRET}?key={SECRET}");
    vec![
        case(
            "network_rule",
            "/api/v1/admin/firewall/rules",
            [
                json!({"address": "10.0.0.1", "priority": 1, "action": "deny", "description": SECRET}),
                json!({"action": "allow", "priority": 3}),
            ],
            [json!({"action": "deny", "priority": "1"}), json!({"action": "allow", "priority": "3"})],
        ),
        case(
            "network_rule",
            &format!("/api/v1/admin/service-accounts/{service}/firewall/rules"),
            [
                json!({"address": "10.0.0.1", "priority": 1, "action": "deny", "description": SECRET}),
                json!({"address": "10.0.0.0/8"}),
            ],
            [json!({"address": "10.0.0.1"}), json!({"address": "10.0.0.0/8"})],
        ),
        case(
            "mcp_server",
            "/api/v1/admin/mcp/servers",
            [
                json!({"name": "a", "displayName": SECRET, "url": secret_url, "headers": [
                {"name": "X-Plain", "value": SECRET, "sensitive": false}]}),
                json!({"url": "http://v.example", "allowPattern": "^a", "headers": [
                {"name": "X-Key", "value": SECRET, "sensitive": true}]}),
            ],
            [
                json!({"url": "https://u.example", "allowPattern": "", "headers": "[\"X-Plain\"]"}),
                json!({"url": "http://v.example", "allowPattern": "^a", "headers": "[\"X-Key\"]"}),
            ],
        ),
        case(
            "monitored_service",
            "/api/v1/admin/monitoring/services",
            [
                json!({"name": "a", "displayName": SECRET, "url": secret_url}),
                json!({"expectedStatusCode": 204, "intervalSeconds": 90}),
            ],
            [
                json!({"expectedStatusCode": "200", "intervalSeconds": "60"}),
                json!({"expectedStatusCode": "204", "intervalSeconds": "90"}),
            ],
        ),
        case(
            "faq_entry",
            "/api/v1/admin/faqs",
            [
                json!({"question": SECRET, "answer": SECRET, "published": false}),
                json!({"answer": format!("another {SECRET}"), "published": true}),
            ],
            [json!({"published": "false"}), json!({"published": "true"})],
        ),
        case(
            "setup_guide",
            "/api/v1/admin/setup-guides",
            [
                json!({"identifier": "a", "title": SECRET, "icon": "mdi-a", "compatibility": "openai",
                "modelMode": "single", "template": format!("{SECRET} {{{{token}}}}")}),
                json!({"modelMode": "all", "position": 4, "subtitle": SECRET}),
            ],
            [json!({"modelMode": "single", "position": "0"}), json!({"modelMode": "all", "position": "4"})],
        ),
    ]
}

/// What belongs to providers, projects and accounts.
async fn of_some(api: &Api) -> Vec<Case> {
    let provider = api.create_provider("main", "openai").await;
    let gateway = api.create_project("x", "ai_gateway").await;
    let wrapper = api.create_project("y", "ai_wrapper").await;
    let projects = "/api/v1/admin/projects";
    vec![
        case(
            "price",
            "/api/v1/admin/pricing/models",
            [json!({"providerName": "main", "model": "m", "input": 1, "output": 2}), json!({"output": 3})],
            [json!({"output": "2.0"}), json!({"output": "3.0"})],
        ),
        case(
            "endpoint",
            &format!("{projects}/{gateway}/endpoints"),
            [
                json!({"name": SECRET, "providerId": provider, "providerModel": "m", "prompt": SECRET,
                "description": SECRET}),
                json!({"prompt": format!("another {SECRET}"), "temperature": 0.5, "providerModel": "n"}),
            ],
            [json!({"provider_model": "m"}), json!({"provider_model": "n", "temperature": "0.5"})],
        ),
        case(
            "alias",
            &format!("{projects}/{wrapper}/aliases"),
            [
                json!({"name": SECRET, "providerId": provider, "model": "m", "systemPrompt": SECRET}),
                json!({"model": "n", "description": SECRET}),
            ],
            [json!({"model": "m"}), json!({"model": "n"})],
        ),
        case(
            "provider_template",
            "/api/v1/admin/provider-templates",
            [
                json!({"name": SECRET, "providerId": provider, "model": "m", "tags": [SECRET]}),
                json!({"model": "n", "topP": 0.5}),
            ],
            [json!({"model": "m", "topP": "null"}), json!({"model": "n", "topP": "0.5"})],
        ),
        case(
            "credential",
            "/api/v1/admin/credentials",
            [
                json!({"providerId": provider, "name": SECRET, "secret": format!("sk-{SECRET}-0123456789")}),
                json!({"weight": 7}),
            ],
            [json!({"weight": "1"}), json!({"weight": "7"})],
        ),
        case(
            "access_group",
            "/api/v1/admin/groups",
            [
                json!({"name": "a", "displayName": SECRET, "allProviders": true}),
                json!({"modelPatterns": ["^gpt"]}),
            ],
            [json!({"modelPatterns": "[\".*\"]"}), json!({"modelPatterns": "[\"^gpt\"]"})],
        ),
        case(
            "subscription_plan",
            "/api/v1/admin/subscriptions",
            [json!({"name": SECRET}), json!({"quota5hTokens": 5})],
            [json!({"quota5hTokens": "null"}), json!({"quota5hTokens": "5"})],
        ),
        case(
            "project",
            projects,
            [
                json!({"name": SECRET, "projectType": "ai_gateway"}),
                json!({"env": "prod", "recordBodies": "none"}),
            ],
            [json!({"recordBodies": "null"}), json!({"recordBodies": "none"})],
        ),
    ]
}

#[tokio::test]
async fn what_was_and_what_is_are_shown_of_every_kind_and_nothing_that_somebody_wrote() {
    let api = Api::new().await;
    // A plan that is not the default one can be deleted.
    api.post("/api/v1/admin/subscriptions", &json!({"name": "first"})).await.created();
    let cases = of_everybody(&api).await.into_iter().chain(of_some(&api).await);
    for Case { kind, collection, create, patch, before, after } in cases {
        let made = api.post(&collection, &create).await.created();
        let id = made.get("id").or(made.get("uuid")).and_then(Value::as_str).unwrap();
        let path = format!("{collection}/{id}");
        let created = row(&api, &format!("{kind}.created")).await;
        assert_eq!((&created["targetId"], &created["before"]), (&json!(id), &json!({})), "{kind}");
        assert!(!created["after"].as_object().unwrap().is_empty(), "{kind}");
        api.patch(&path, &patch).await.ok();
        let updated = row(&api, &format!("{kind}.updated")).await;
        let shown = |members: &Value, wanted: &Value| {
            let wanted = wanted.as_object().unwrap();
            wanted.keys().map(|name| (name.clone(), members[name].clone())).collect::<Value>()
        };
        assert_eq!(shown(&updated["before"], &before), before, "{kind}");
        assert_eq!(shown(&updated["after"], &after), after, "{kind}");
        let removal = api.delete(&path).await;
        assert!(removal.status == 204 || removal.status == 200, "{kind}: {}", removal.text());
        let deleted = row(&api, &format!("{kind}.deleted")).await;
        assert_eq!((&deleted["targetId"], &deleted["after"]), (&json!(id), &json!({})), "{kind}");
        for (name, value) in after.as_object().unwrap() {
            assert_eq!(&deleted["before"][name], value, "{kind}: {name}");
        }
    }
    let all = api.audit_text().await;
    assert!(!all.contains(SECRET), "{all}");
}

#[tokio::test]
async fn moves_switches_and_single_settings_show_both_sides_too() {
    let api = Api::new().await;
    let post = async |path: &str, body: Value| {
        let id = api.post(path, &body).await.created()["id"].as_str().unwrap().to_owned();
        format!("{path}/{id}")
    };
    let rule = post(
        "/api/v1/admin/firewall/rules",
        json!({"address": "10.0.0.1", "priority": 5, "action": "deny", "enabled": true}),
    )
    .await;
    api.patch(&format!("{rule}/priority"), &json!({"direction": "increase"})).await.ok();
    let moved = row(&api, "network_rule.moved").await;
    assert_eq!((&moved["before"], &moved["after"]), (&json!({"priority": "5"}), &json!({"priority": "6"})));
    api.patch(&rule, &json!({"enabled": false})).await.ok();
    let switched = row(&api, "network_rule.disabled").await;
    assert_eq!(switched["after"], json!({"enabled": "false"}));

    let entry = post("/api/v1/admin/faqs", json!({"question": "a", "answer": "a"})).await;
    post("/api/v1/admin/faqs", json!({"question": "b", "answer": "b"})).await;
    api.patch(&format!("{entry}/position"), &json!({"position": 1})).await.ok();
    let moved = row(&api, "faq_entry.moved").await;
    assert_eq!((&moved["before"], &moved["after"]), (&json!({"position": "0"}), &json!({"position": "1"})));

    api.patch("/api/v1/admin/pricing/fallback", &json!({"input": 7})).await.ok();
    let fallback = row(&api, "price.fallback_updated").await;
    assert_eq!(
        (&fallback["before"], &fallback["after"]),
        (&json!({"input": "5.0"}), &json!({"input": "7.0"}))
    );

    let endpoint = api.create_endpoint("Mail").await;
    api.patch(&format!("{endpoint}/deactivate"), &json!({})).await.ok();
    let switched = row(&api, "endpoint.deactivated").await;
    assert_eq!(
        (&switched["before"], &switched["after"]),
        (&json!({"is_active": "true"}), &json!({"is_active": "false"}))
    );

    let project = api.create_project("x", "ai_wrapper").await;
    let provider = api.create_provider("main", "openai").await;
    let setting = format!("/api/v1/admin/projects/{project}/provider-settings/{provider}");
    api.put(&setting, &json!({"enabled": true})).await.ok();
    api.put(&setting, &json!({"enabled": false})).await.ok();
    let set = row(&api, "provider_setting.updated").await;
    assert_eq!((&set["before"], &set["after"]), (&json!({"enabled": "true"}), &json!({"enabled": "false"})));

    let token = api.issue_token(&project).await.id;
    assert_eq!(row(&api, "token.created").await["after"]["isActive"], "true");
    api.delete(&format!("/api/v1/admin/tokens/{token}")).await.no_content();
    let revoked = row(&api, "token.revoked").await;
    assert_eq!(
        (&revoked["before"], &revoked["after"]),
        (&json!({"isActive": "true"}), &json!({"isActive": "false"}))
    );

    let person = api.create_person("a@example.com", "user").await;
    api.delete(&format!("/api/v1/admin/users/{person}")).await.no_content();
    let gone = row(&api, "user.deleted").await;
    assert_eq!((&gone["before"]["role"], &gone["after"]), (&json!("user"), &json!({})));
}
