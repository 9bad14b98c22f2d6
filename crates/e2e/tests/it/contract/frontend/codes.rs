//! The codes that the frontend translates, each provoked. A 403 would send the browser away from its
//! page, so that none of them may come with it.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::super::{NOBODY, id};
use super::Page;

/// The codes of each area.
const TRANSLATED: [(&str, &str); 13] = [
    (
        "users",
        "firewall_rule_not_found group_not_found invalid_action invalid_direction invalid_expiration \
         invalid_ipv4_address invalid_note invalid_role invalid_sort invalid_subscription_assignment \
         priority_conflict priority_out_of_range token_not_found user_not_found",
    ),
    (
        "service-accounts",
        "firewall_rule_not_found identifier_conflict invalid_action invalid_direction invalid_identifier \
         invalid_ipv4_address invalid_name invalid_note invalid_sort invalid_subscription_assignment \
         invalid_token_name invalid_token_ttl priority_conflict priority_out_of_range \
         service_account_not_found token_not_found",
    ),
    ("tokens", "invalid_sort invalid_token_name invalid_token_ttl token_not_found"),
    (
        "firewall",
        "firewall_rule_not_found invalid_action invalid_direction invalid_ipv4_address invalid_sort \
         priority_conflict priority_out_of_range",
    ),
    ("providers", "invalid_name invalid_sort invalid_type invalid_url name_conflict provider_not_found"),
    (
        "groups",
        "group_not_found invalid_display_name invalid_name invalid_regex invalid_sort name_conflict \
         provider_not_found provider_required user_not_found",
    ),
    (
        "subscriptions",
        "default_plan_delete_denied invalid_sort invalid_subscription_plan subscription_plan_assigned \
         subscription_plan_not_found",
    ),
    (
        "pricing",
        "immutable_price_target invalid_price invalid_price_target pricing_conflict pricing_not_found \
         provider_not_found",
    ),
    (
        "mcp",
        "invalid_header invalid_name invalid_regex invalid_sort invalid_url mcp_server_not_found \
         name_conflict",
    ),
    (
        "monitoring",
        "invalid_interval invalid_name invalid_sort invalid_status_code invalid_url \
         monitoring_service_not_found name_conflict",
    ),
    (
        "faqs",
        "answer_required faq_not_found invalid_position invalid_sort question_required question_too_long",
    ),
    ("prompts", "invalid_pagination invalid_sort"),
    ("dashboard", "invalid_usage_window user_not_found"),
];

/// What was refused, and with which codes, by area.
struct Codes<'a> {
    page: &'a Page<'a>,
    area: &'static str,
    seen: BTreeMap<&'static str, Vec<String>>,
}

impl Codes<'_> {
    async fn refused(&mut self, method: Method, path: &str, body: Value) {
        let answer = self.page.call(method.clone(), &format!("/api/v1{path}"), &body).await;
        let status = answer.status.as_u16();
        assert!(matches!(status, 400 | 404 | 409), "{method} {path} {body}: {status} {}", answer.text());
        let code = answer.json()["error"].as_str().unwrap().to_owned();
        self.seen.entry(self.area).or_default().push(code);
    }

    async fn post(&mut self, path: &str, body: Value) {
        self.refused(Method::POST, path, body).await;
    }

    async fn patch(&mut self, path: &str, body: Value) {
        self.refused(Method::PATCH, path, body).await;
    }

    async fn put(&mut self, path: &str, body: Value) {
        self.refused(Method::PUT, path, body).await;
    }

    async fn delete(&mut self, path: &str) {
        self.refused(Method::DELETE, path, Value::Null).await;
    }

    async fn get(&mut self, path: &str) {
        self.refused(Method::GET, path, Value::Null).await;
    }

    async fn make(&self, path: &str, body: Value) -> String {
        id(&self.page.send(Method::POST, &format!("/api/v1{path}"), body, 201).await)
    }

    async fn rules(&mut self, base: &str) {
        let rules = format!("{base}/rules");
        let rule = |address: &str, priority: i64, action: &str| json!({"address": address, "description": "", "priority": priority, "action": action, "enabled": true});
        let one = self.make(&rules, rule("10.0.0.1", 1, "deny")).await;
        self.post(&rules, rule("x", 2, "deny")).await;
        self.post(&rules, rule("10.0.0.1", 0, "deny")).await;
        self.post(&rules, rule("10.0.0.1", 2, "x")).await;
        self.post(&rules, rule("10.0.0.1", 1, "deny")).await;
        self.get(&format!("{rules}?sortBy=x")).await;
        self.get(&format!("{rules}/{NOBODY}")).await;
        self.patch(&format!("{rules}/{one}/priority"), json!({"direction": "x"})).await;
        self.post(&format!("{base}/simulate"), json!({"clientIp": "x"})).await;
    }
}

pub(super) async fn all(page: &Page<'_>) {
    let mut codes = Codes { page, area: "", seen: BTreeMap::new() };
    accounts(&mut codes).await;
    access(&mut codes).await;
    catalogues(&mut codes).await;
    pages(&mut codes).await;
    for (area, expected) in TRANSLATED {
        let mut seen = codes.seen.remove(area).unwrap_or_default();
        seen.sort();
        seen.dedup();
        let expected: Vec<_> = expected.split_whitespace().collect();
        assert_eq!(seen, expected, "{area}");
    }
}

async fn accounts(codes: &mut Codes<'_>) {
    let ada = codes.page.pass.person("ada@example.com", "user").await;
    let (users, services) = ("/admin/users", "/admin/service-accounts");
    codes.area = "users";
    let one = format!("{users}/{ada}");
    codes.rules(&format!("{one}/firewall")).await;
    codes.put(&format!("{one}/groups"), json!({"groupIds": [NOBODY]})).await;
    let past = json!({"role": "user", "isActive": true, "expiresAt": "2001-01-01T00:00:00.000Z"});
    codes.patch(&one, past).await;
    codes.patch(&format!("{one}/note"), json!({"note": "n".repeat(2001)})).await;
    codes.patch(&one, json!({"role": "root", "isActive": true, "expiresAt": null})).await;
    codes.get(&format!("{users}?sortBy=x")).await;
    codes.put(&format!("{one}/subscription-plan"), json!({"planId": NOBODY})).await;
    codes.delete(&format!("{one}/tokens/{NOBODY}")).await;
    codes.get(&format!("{users}/{NOBODY}")).await;

    codes.area = "service-accounts";
    let body =
        |identifier: &str, name: &str| json!({"identifier": identifier, "name": name, "isActive": true});
    let robot = codes.make(services, body("robot", "Robot")).await;
    let one = format!("{services}/{robot}");
    codes.rules(&format!("{one}/firewall")).await;
    codes.post(services, body("robot", "x")).await;
    codes.post(services, body("a b", "x")).await;
    codes.post(services, body("x", " ")).await;
    codes.patch(&format!("{one}/note"), json!({"note": "n".repeat(2001)})).await;
    codes.get(&format!("{services}?sortBy=x")).await;
    codes.put(&format!("{one}/subscription-plan"), json!({"planId": NOBODY})).await;
    codes.post(&format!("{one}/tokens"), json!({"name": "A"})).await;
    codes.post(&format!("{one}/tokens"), json!({"name": "a", "expiresInDays": 366})).await;
    codes.get(&format!("{services}/{NOBODY}")).await;
    codes.delete(&format!("{one}/tokens/{NOBODY}")).await;

    codes.area = "tokens";
    codes.get("/tokens?sortBy=x").await;
    codes.post("/tokens", json!({"name": "A"})).await;
    codes.post("/tokens", json!({"name": "a", "expiresInDays": 31})).await;
    codes.delete(&format!("/tokens/{NOBODY}")).await;
    codes.area = "firewall";
    codes.rules("/admin/firewall").await;
}

async fn access(codes: &mut Codes<'_>) {
    codes.area = "providers";
    let all = "/admin/providers";
    let body = |name: &str, kind: &str, url: &str| json!({"name": name, "displayName": "x", "type": kind, "baseUrl": url, "config": {}, "enabled": false});
    let url = "http://127.0.0.1:9/v1";
    let provider = codes.make(all, body("corp", "openai", url)).await;
    codes.post(all, body("A b", "openai", url)).await;
    codes.get(&format!("{all}?sortBy=x")).await;
    codes.post(all, body("x", "x", url)).await;
    codes.post(all, body("x", "openai", "x")).await;
    codes.post(all, body("corp", "openai", url)).await;
    codes.get(&format!("{all}/{NOBODY}")).await;

    codes.area = "groups";
    let all = "/admin/groups";
    let body = |name: &str, display: &str, providers: Value, pattern: &str| {
        json!({"name": name, "displayName": display, "description": "", "providerIds": providers,
            "modelPatterns": [pattern], "excludedModelPatterns": []})
    };
    let one = codes.make(all, body("team", "x", json!([provider]), ".*")).await;
    codes.get(&format!("{all}/{NOBODY}")).await;
    codes.post(all, body("x", " ", json!([provider]), ".*")).await;
    codes.post(all, body("A b", "x", json!([provider]), ".*")).await;
    codes.post(all, body("x", "x", json!([provider]), "(")).await;
    codes.get(&format!("{all}?sortBy=x")).await;
    codes.post(all, body("team", "x", json!([provider]), ".*")).await;
    codes.post(all, body("x", "x", json!([NOBODY]), ".*")).await;
    codes.post(all, body("x", "x", json!([]), ".*")).await;
    codes.put(&format!("{all}/{one}/members/{NOBODY}"), Value::Null).await;

    codes.area = "subscriptions";
    let all = "/admin/subscriptions";
    let plans = codes.page.get("/api/v1/admin/subscriptions").await;
    codes.delete(&format!("{all}/{}", id(&plans["items"][0]))).await;
    codes.get(&format!("{all}?sortBy=x")).await;
    codes.post(all, json!({"name": ""})).await;
    let gold = codes.make(all, json!({"name": "Gold"})).await;
    let me = id(&codes.page.get("/auth/session").await);
    let path = format!("/api/v1/admin/users/{me}/subscription-plan");
    codes.page.send(Method::PUT, &path, json!({"planId": gold}), 200).await;
    codes.delete(&format!("{all}/{gold}")).await;
    codes.get(&format!("{all}/{NOBODY}")).await;
}

async fn catalogues(codes: &mut Codes<'_>) {
    codes.area = "pricing";
    let all = "/admin/pricing/models";
    let body = |provider: &str, model: &str, input: f64| json!({"providerName": provider, "model": model, "input": input, "output": 1});
    let one = codes.make(all, body("echo", "m", 1.0)).await;
    codes.patch(&format!("{all}/{one}"), body("echo", "other", 1.0)).await;
    codes.post(all, body("echo", "x", -1.0)).await;
    codes.post(all, body("echo", " ", 1.0)).await;
    codes.post(all, body("echo", "m", 1.0)).await;
    codes.delete(&format!("{all}/{NOBODY}")).await;
    codes.post(all, body("nobody", "x", 1.0)).await;

    codes.area = "mcp";
    let all = "/admin/mcp/servers";
    let body = |name: &str, url: &str, header: &str, pattern: &str| {
        json!({"name": name, "displayName": "x", "url": url, "allowPattern": pattern, "denyPattern": "",
            "headers": [{"name": header, "value": "v", "sensitive": false}], "enabled": false})
    };
    let url = "http://127.0.0.1:9";
    codes.make(all, body("files", url, "x", "")).await;
    codes.post(all, body("x", url, "a b", "")).await;
    codes.post(all, body("A b", url, "x", "")).await;
    codes.post(all, body("x", url, "x", "(")).await;
    codes.get(&format!("{all}?sortBy=x")).await;
    codes.post(all, body("x", "x", "x", "")).await;
    codes.get(&format!("{all}/{NOBODY}")).await;
    codes.post(all, body("files", url, "x", "")).await;

    codes.area = "monitoring";
    let all = "/admin/monitoring/services";
    let body = |name: &str, url: &str, status: i64, interval: i64| {
        json!({"name": name, "displayName": "x", "url": url, "expectedStatusCode": status,
            "intervalSeconds": interval, "enabled": false})
    };
    codes.make(all, body("self", url, 200, 60)).await;
    codes.post(all, body("x", url, 200, 1)).await;
    codes.post(all, body("A b", url, 200, 60)).await;
    codes.get(&format!("{all}?sortBy=x")).await;
    codes.post(all, body("x", url, 99, 60)).await;
    codes.post(all, body("x", "x", 200, 60)).await;
    codes.get(&format!("{all}/{NOBODY}")).await;
    codes.post(all, body("self", url, 200, 60)).await;
}

async fn pages(codes: &mut Codes<'_>) {
    codes.area = "faqs";
    let all = "/admin/faqs";
    let body =
        |question: &str, answer: &str| json!({"question": question, "answer": answer, "published": true});
    let one = codes.make(all, body("q", "a")).await;
    codes.post(all, body("q", " ")).await;
    codes.get(&format!("{all}/{NOBODY}")).await;
    codes.patch(&format!("{all}/{one}/position"), json!({"position": 9})).await;
    codes.get(&format!("{all}?sortBy=x")).await;
    codes.post(all, body(" ", "a")).await;
    codes.post(all, body(&"q".repeat(301), "a")).await;

    codes.area = "prompts";
    codes.get("/me/prompts?page=0").await;
    codes.get("/me/prompts?sortBy=x").await;
    codes.get("/admin/prompts?sortBy=x").await;

    codes.area = "dashboard";
    codes.get("/me/dashboard/tokens?window=14d").await;
    codes.get("/admin/dashboard/tokens?window=14d").await;
    codes.get(&format!("/admin/users/{NOBODY}/statistics?window=7d")).await;
}
