//! Each screen of the frontend: what it calls, and the members that it reads of the answers.

use http::Method;
use serde_json::{Value, json};

use super::super::{id, text};
use super::{Page, reads};
use crate::contract::shapes;

pub(super) async fn all(page: &Page<'_>) {
    shell(page).await;
    providers(page).await;
    own(page).await;
    faq(page).await;
    groups(page).await;
    subscriptions(page).await;
    users(page).await;
    service_accounts(page).await;
    pricing(page).await;
    mcp(page).await;
    firewall(page, "/api/v1/admin/firewall").await;
    monitoring(page).await;
    guides(page).await;
    administrators_dashboards(page).await;
}

async fn shell(page: &Page<'_>) {
    let session = page.get("/auth/session").await;
    let members = json!({
        "id": "str", "sub": "str", "preferredUsername": "str", "email": "str", "name": "str",
        "lastLoginAt": "str", "isActive": "bool", "role": "'none'|'user'|'manager'|'admin'",
    });
    reads("the session", &session, &members);
    let status = page.get("/api/v1/monitoring/status").await;
    reads("the status", &status, &json!({"status": "'ok'|'degraded'", "services": "list"}));
}

async fn own(page: &Page<'_>) {
    for part in [
        "tokens",
        "messages",
        "duration",
        "activity",
        "top-models",
        "top-provider-names",
        "top-provider-types",
    ] {
        for window in ["7d", "30d", "all"] {
            let shown = page.get(&format!("/api/v1/me/dashboard/{part}?window={window}")).await;
            reads(part, &shown, &json!({"window": "str", "startsAt": "time", "endsAt": "time"}));
            let list = if part == "activity" { "daily" } else { "items" };
            if part == "activity" || part.starts_with("top-") {
                reads(part, &shown, &json!({list: "list"}));
            }
        }
    }
    page.rows("/api/v1/me/prompts", "createdAt").await;
    page.rows("/api/v1/me/prompts?search=blue", "totalTokens").await;
    page.rows("/api/v1/admin/prompts", "clientIp").await;
    let me = id(&page.get("/auth/session").await);
    page.rows(&format!("/api/v1/admin/prompts?userId={me}"), "durationMs").await;

    let body = json!({"name": "laptop", "description": "", "expiresInDays": 30});
    let issued = page.send(Method::POST, "/api/v1/tokens", body, 201).await;
    reads("a new key", &issued, &json!({"token": "text", "tokenInfo": shapes::key()}));
    let rows = page.rows("/api/v1/tokens?status=active", "createdAt").await;
    let info = &rows[0];
    reads("a key", info, &shapes::key());
    assert_eq!((info.get("revokedAt"), info.get("expiredAt")), (None, None), "tested for presence: {info}");
    page.send(Method::DELETE, &format!("/api/v1/tokens/{}", id(info)), Value::Null, 204).await;
    assert!(page.rows("/api/v1/tokens", "status").await[0]["revokedAt"].is_string());

    let help = page.get("/api/v1/me/help/setup").await;
    reads(
        "the help",
        &help,
        &json!({"proxyBaseUrl": "text", "providers": "list", "guides": [shapes::guide()]}),
    );
    for provider in help["providers"].as_array().unwrap() {
        let members = json!({"name": "text", "displayName": "text", "type": "text", "routePrefix": "text",
            "openaiBaseUrl?": "text", "anthropicBaseUrl?": "text", "models": ["text"], "modelsError?": "text"});
        reads("a provider of the help", provider, &members);
    }
    let groups = page.get("/api/v1/me/groups").await;
    assert_eq!(groups[0]["name"], "default");
    let quota = page.get("/api/v1/me/quota").await;
    let members = json!({
        "hasSubscription": "bool", "plan?": "object", "used5hTokens": "int", "quota5hTokens": "int|null",
        "remaining5hTokens": "int|null", "reset5hAt": "time|null", "used7dTokens": "int",
        "quota7dTokens": "int|null", "remaining7dTokens": "int|null", "reset7dAt": "time|null",
        "syncedAt": "time",
    });
    reads("the quota", &quota, &members);
}

async fn faq(page: &Page<'_>) {
    let all = "/api/v1/admin/faqs";
    let body = json!({"question": "How?", "answer": "*So*", "published": true});
    let made = page.send(Method::POST, all, body, 201).await;
    page.send(Method::POST, all, json!({"question": "Why?", "answer": "So", "published": true}), 201).await;
    let one = format!("{all}/{}", id(&made));
    page.send(Method::PATCH, &one, json!({"question": "How?", "answer": "**So**", "published": true}), 200)
        .await;
    page.send(Method::PATCH, &format!("{one}/position"), json!({"position": 1}), 200).await;
    let shown = page.send(Method::POST, &format!("{all}/preview"), json!({"markdown": "# x"}), 200).await;
    reads("a preview", &shown, &json!({"renderedHtml": "text"}));
    assert_eq!(page.rows(all, "position").await.len(), 2);
    let public = page.get("/api/v1/faq").await;
    reads(
        "an entry",
        &public[0],
        &json!({"id": "uuid", "question": "text", "renderedHtml": "text", "position": "int"}),
    );
    page.send(Method::DELETE, &one, Value::Null, 204).await;
}

fn account_members() -> Value {
    json!({
        "id": "uuid", "name": "text", "isActive": "bool", "firewallOverrideEnabled": "bool", "note": "str",
        "subscriptionPlanId": "uuid|null", "inputTokens": "int", "outputTokens": "int",
    })
}

async fn users(page: &Page<'_>) {
    let ada = page.pass.person("ada@example.com", "user").await;
    let all = "/api/v1/admin/users";
    for query in ["", "?search=ada", "?role=user", "?status=active", "?search=ada&role=user&status=active"] {
        let rows = page.rows(&format!("{all}{query}"), "lastLoginAt").await;
        reads("a user", &rows[0], &account_members());
        reads("a user", &rows[0], &json!({"expiresAt": "time|null", "role": "text", "email": "str"}));
    }
    let one = format!("{all}/{ada}");
    page.get(&one).await;
    let edit = json!({"role": "manager", "isActive": true, "firewallOverrideEnabled": false,
        "expiresAt": "2099-01-31T12:34:56.789Z"});
    page.send(Method::PATCH, &one, edit, 200).await;
    let edit = json!({"role": "user", "isActive": true, "expiresAt": null});
    let edited = page.send(Method::PATCH, &one, edit, 200).await;
    assert_eq!(edited["expiresAt"], Value::Null);
    plans(page, &one).await;
    page.send(Method::PATCH, &format!("{one}/note"), json!({"note": "likes tea"}), 200).await;
    page.rows(&format!("{one}/tokens"), "createdAt").await;
    let groups = page.get(&format!("{one}/groups")).await;
    let ids: Vec<_> = groups.as_array().unwrap().iter().map(id).collect();
    page.send(Method::PUT, &format!("{one}/groups"), json!({"groupIds": ids}), 200).await;
    for window in ["7d", "30d", "all"] {
        let shown = page.get(&format!("{one}/statistics?window={window}")).await;
        reads("statistics", &shown, &json!({"totals": "object", "totalDurationMs": "int", "daily": "list"}));
    }
    firewall(page, &format!("{one}/firewall")).await;
    page.send(Method::DELETE, &one, Value::Null, 204).await;
}

/// The plan of an account, which is sent apart from the rest.
async fn plans(page: &Page<'_>, account: &str) {
    let plans = page.get("/api/v1/admin/subscriptions?page=1&pageSize=100&sortBy=name&sortDir=asc").await;
    let plan = id(&plans["items"][0]);
    let path = format!("{account}/subscription-plan");
    for plan in [json!(plan), Value::Null] {
        let changed = page.send(Method::PUT, &path, json!({"planId": plan}), 200).await;
        reads("an account", &changed, &account_members());
        assert_eq!(changed["subscriptionPlanId"], plan);
    }
}

async fn service_accounts(page: &Page<'_>) {
    let all = "/api/v1/admin/service-accounts";
    let body =
        json!({"identifier": "robot", "name": "Robot", "isActive": true, "firewallOverrideEnabled": false});
    let made = page.send(Method::POST, all, body.clone(), 201).await;
    reads("a service account", &made, &account_members());
    let one = format!("{all}/{}", id(&made));
    page.rows(all, "createdAt").await;
    page.get(&one).await;
    page.send(Method::PATCH, &one, body, 200).await;
    page.send(Method::PATCH, &format!("{one}/note"), json!({"note": ""}), 200).await;
    plans(page, &one).await;
    let body = json!({"name": "ci", "description": "", "expiresInDays": 365});
    page.send(Method::POST, &format!("{one}/tokens"), body, 201).await;
    let keys = page.rows(&format!("{one}/tokens?includeRevoked=true"), "createdAt").await;
    page.send(Method::DELETE, &format!("{one}/tokens/{}", id(&keys[0])), Value::Null, 204).await;
    firewall(page, &format!("{one}/firewall")).await;
    page.send(Method::DELETE, &one, Value::Null, 204).await;
}

async fn groups(page: &Page<'_>) {
    let all = "/api/v1/admin/groups";
    let providers = page.get("/api/v1/admin/providers?page=1&pageSize=100&sortBy=name&sortDir=asc").await;
    let provider = id(&providers["items"][0]);
    let lists = json!({"providerIds": [provider], "modelPatterns": [".*"], "excludedModelPatterns": []});
    page.send(Method::POST, &format!("{all}/model-patterns/validate"), lists, 200).await;
    let body = json!({"name": "team", "displayName": "Team", "description": "", "providerIds": [provider],
        "modelPatterns": [".*"], "excludedModelPatterns": []});
    let made = page.send(Method::POST, all, body.clone(), 201).await;
    reads("a group", &made, &shapes::group());
    let one = format!("{all}/{}", id(&made));
    page.rows(all, "memberCount").await;
    page.get(&one).await;
    page.send(Method::PATCH, &one, body, 200).await;
    let me = id(&page.get("/auth/session").await);
    page.send(Method::PUT, &format!("{one}/members/{me}"), Value::Null, 204).await;
    page.send(Method::DELETE, &format!("{one}/members/{me}"), Value::Null, 204).await;
    page.send(Method::DELETE, &one, Value::Null, 204).await;
}

async fn subscriptions(page: &Page<'_>) {
    let all = "/api/v1/admin/subscriptions";
    let body = json!({"name": "Gold", "description": "", "quota5hTokens": 500, "quota7dTokens": null, "isDefault": false});
    let made = page.send(Method::POST, all, body.clone(), 201).await;
    let one = format!("{all}/{}", id(&made));
    page.rows(all, "quota5hTokens").await;
    page.get(&one).await;
    page.send(Method::PATCH, &one, body, 200).await;
    let plans = page.get(&format!("{all}?page=1&pageSize=100&sortBy=name&sortDir=asc")).await;
    let former = plans["items"].as_array().unwrap().iter().find(|plan| plan["isDefault"] == true).map(id);
    page.send(Method::PUT, &format!("{one}/default"), Value::Null, 200).await;
    page.send(Method::PUT, &format!("{all}/{}/default", former.unwrap()), Value::Null, 200).await;
    page.send(Method::DELETE, &one, Value::Null, 204).await;
}

async fn providers(page: &Page<'_>) {
    let all = "/api/v1/admin/providers";
    for (name, kind, url) in [
        ("my-openai", "openai", "https://api.openai.com/v1"),
        ("my-claude", "anthropic", "https://api.anthropic.com"),
        ("my-ollama", "ollama", "http://localhost:11434/v1"),
    ] {
        let body = json!({"name": name, "displayName": name, "type": kind, "baseUrl": url, "apiKey": "key-of-mine",
            "config": {}, "enabled": false});
        let made = page.send(Method::POST, all, body, 201).await;
        assert_eq!((&made["hasApiKey"], &made["enabled"]), (&json!(true), &json!(false)));
        let one = format!("{all}/{}", id(&made));
        let edit = json!({"displayName": "Mine", "type": kind, "baseUrl": url, "enabled": false});
        assert_eq!(
            page.send(Method::PATCH, &one, edit, 200).await["hasApiKey"],
            true,
            "a key that is left out stays"
        );
        let edit =
            json!({"displayName": "Mine", "type": kind, "baseUrl": url, "apiKey": "", "enabled": false});
        assert_eq!(page.send(Method::PATCH, &one, edit, 200).await["hasApiKey"], false);
        page.rows(all, "hasApiKey").await;
        page.send(Method::DELETE, &one, Value::Null, 204).await;
    }
}

async fn pricing(page: &Page<'_>) {
    let all = "/api/v1/admin/pricing";
    let book = page.get(all).await;
    reads("the prices", &book, &json!({"fallback": {"input": "num", "output": "num"}, "models": "list"}));
    let members =
        json!({"configured": "bool", "missingPrices": "list", "providerErrors": "list", "checkedAt": "time"});
    reads("the check", &page.get(&format!("{all}/check")).await, &members);
    page.send(Method::PATCH, &format!("{all}/fallback"), json!({"input": 5, "output": 30}), 200).await;
    let body = json!({"providerName": "echo", "model": "priced", "input": 1, "output": 2});
    let made = page.send(Method::POST, &format!("{all}/models"), body.clone(), 201).await;
    let one = format!("{all}/models/{}", id(&made));
    page.send(Method::PATCH, &one, body, 200).await;
    let providers = page.rows("/api/v1/admin/providers", "name").await;
    let catalog =
        page.get(&format!("/api/v1/admin/providers/model-catalog?providerId={}", id(&providers[0]))).await;
    reads("the catalogue", &catalog[0], &json!({"id": "uuid", "models": ["text"], "modelsError?": "text"}));
    page.send(Method::DELETE, &one, Value::Null, 204).await;
}

async fn mcp(page: &Page<'_>) {
    let all = "/api/v1/admin/mcp/servers";
    let headers = json!([
        {"name": "X-Team", "value": "red", "sensitive": false},
        {"name": "Authorization", "value": "Bearer x", "sensitive": true},
    ]);
    let body = |headers: Value| {
        json!({"name": "files", "displayName": "Files", "url": "https://mcp.example.com", "headers": headers,
            "allowPattern": "", "denyPattern": "", "enabled": false})
    };
    let made = page.send(Method::POST, all, body(headers), 201).await;
    let one = format!("{all}/{}", id(&made));
    page.rows(all, "filters").await;
    page.get(&one).await;
    let kept = json!([{"name": "X-Team", "value": "red", "sensitive": false}, {"name": "Authorization", "sensitive": true}]);
    let kept = page.send(Method::PATCH, &one, body(kept), 200).await;
    assert_eq!(kept["headers"][1], json!({"name": "Authorization", "sensitive": true, "hasValue": true}));
    let cleared = json!([{"name": "Authorization", "value": null, "sensitive": true}]);
    let cleared = page.send(Method::PATCH, &one, body(cleared), 200).await;
    assert_eq!(cleared["headers"][0]["hasValue"], false);
    page.send(Method::DELETE, &one, Value::Null, 204).await;
}

async fn firewall(page: &Page<'_>, base: &str) {
    let rules = format!("{base}/rules");
    let body =
        json!({"address": "10.0.0.0/8", "description": "", "priority": 5, "action": "deny", "enabled": true});
    let made = page.send(Method::POST, &rules, body.clone(), 201).await;
    let one = format!("{rules}/{}", id(&made));
    page.rows(&rules, "priority").await;
    page.get(&one).await;
    page.send(Method::PATCH, &one, body, 200).await;
    for (direction, priority) in [("decrease", 4), ("increase", 5)] {
        let moved =
            page.send(Method::PATCH, &format!("{one}/priority"), json!({"direction": direction}), 200).await;
        assert_eq!(moved["priority"], priority);
    }
    let tried =
        page.send(Method::POST, &format!("{base}/simulate"), json!({"clientIp": "10.1.1.1"}), 200).await;
    assert_eq!((&tried["allowed"], text(&tried["matchedRule"]["id"])), (&json!(false), id(&made)));
    page.send(Method::DELETE, &one, Value::Null, 204).await;
}

async fn monitoring(page: &Page<'_>) {
    let all = "/api/v1/admin/monitoring/services";
    let body = json!({"name": "self", "displayName": "Self", "url": format!("{}/health", page.pass.gateway.api),
        "expectedStatusCode": 200, "intervalSeconds": 60, "enabled": false});
    let made = page.send(Method::POST, all, body.clone(), 201).await;
    reads("a service", &made, &json!({"lastCheckedAt": "time|null", "lastStatusCode": "int|null"}));
    let one = format!("{all}/{}", id(&made));
    page.rows(all, "consecutiveFailures").await;
    page.send(Method::PATCH, &one, body, 200).await;
    let checked = page.send(Method::POST, &format!("{one}/check"), Value::Null, 200).await;
    assert_eq!((&checked["status"], &checked["lastStatusCode"]), (&json!("ok"), &json!(200)));
    page.send(Method::DELETE, &one, Value::Null, 204).await;
}

async fn guides(page: &Page<'_>) {
    let all = "/api/v1/admin/setup-guides";
    let body = json!({"identifier": "mine", "title": "Mine", "subtitle": "", "icon": "mdi-robot",
        "compatibility": "both", "modelMode": "none", "filePaths": [], "template": "{{token}}", "enabled": true,
        "position": 12});
    let made = page.send(Method::POST, all, body.clone(), 201).await;
    reads("a guide", &made, &shapes::guide());
    let one = format!("{all}/{}", id(&made));
    page.send(Method::PATCH, &one, body, 200).await;
    let listed = page.get(all).await;
    let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(id).collect();
    page.send(Method::PUT, &format!("{all}/reorder"), json!({"ids": ids}), 200).await;
    page.send(Method::DELETE, &one, Value::Null, 204).await;
}

async fn administrators_dashboards(page: &Page<'_>) {
    for part in [
        "tokens",
        "messages",
        "duration",
        "activity",
        "adoption",
        "top-models",
        "top-provider-names",
        "top-provider-types",
        "top-identities",
    ] {
        for window in ["7d", "30d", "all"] {
            let shown = page.get(&format!("/api/v1/admin/dashboard/{part}?window={window}")).await;
            reads(part, &shown, &json!({"startsAt": "time", "endsAt": "time"}));
        }
    }
}
