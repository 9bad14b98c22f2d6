//! Behaviours of the reference that nothing else shows, each by its number there.

use std::fs;
use std::path::Path;
use std::time::Duration;

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, eventually};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::{Value, json};

use super::{Pass, id, prepared, text};

async fn started() -> Pass {
    let installation = prepared(Installation::embedded().unwrap());
    let gateway = Gateway::run_all(&installation).await.unwrap();
    Pass::over(installation, gateway).await
}

async fn admin(pass: &Pass, method: Method, path: &str, body: Value, status: u16) -> Value {
    pass.gateway.admin(method, path, &body).await.unwrap().expect(status).unwrap()
}

/// A service account with a key; its id and the key.
async fn robot(pass: &Pass) -> (String, String) {
    let body = json!({"identifier": "robot", "name": "Robot"});
    let robot = id(&admin(pass, Method::POST, "/service-accounts", body, 201).await);
    let path = format!("/service-accounts/{robot}/tokens");
    let issued = admin(pass, Method::POST, &path, json!({"name": "ci"}), 201).await;
    (robot, text(&issued["token"]))
}

/// The page that lists them names only tests that exist.
#[test]
fn every_test_that_the_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.parent().unwrap().join("docs/behaviours.md")).unwrap();
    let mut named = 0;
    for (file, test) in page.split('`').filter_map(|word| word.split_once(".rs::")) {
        let code = fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_default();
        assert!(code.contains(&format!("fn {test}(")), "there is no {file}.rs::{test}");
        named += 1;
    }
    assert!(named > 100, "{named}");
}

#[tokio::test]
async fn h8_numbers_of_everybody_are_for_administrators() {
    let pass = started().await;
    pass.person("manager@example.com", "manager").await;
    let page = pass.signed_in("manager@example.com").await.at_admin();
    for path in [
        "/prompts",
        "/dashboard/tokens",
        "/dashboard/messages",
        "/dashboard/duration",
        "/dashboard/activity",
        "/dashboard/top-models",
        "/dashboard/top-provider-names",
        "/dashboard/top-provider-types",
        "/dashboard/adoption",
        "/dashboard/top-identities",
    ] {
        page.get(path, &[]).await.refused(403, "insufficient_role");
    }
}

#[tokio::test]
async fn u6_lists_of_accounts_sum_what_was_used() {
    let pass = started().await;
    let (robot, key) = robot(&pass).await;
    let page = pass.signed_in(super::ADMINISTRATOR).await;
    let own = page.post("/api/v1/tokens", &[], json!({"name": "laptop"})).await.is(201);
    let sums = async |path: &str| {
        let page = admin(&pass, Method::GET, path, Value::Null, 200).await;
        let account = page["items"][0].clone();
        (account["inputTokens"].as_u64().unwrap(), account["outputTokens"].as_u64().unwrap())
    };
    for path in ["/users", "/service-accounts"] {
        assert_eq!(sums(path).await, (0, 0), "{path}");
    }
    for key in [&key, &text(&own["token"])] {
        pass.chat(key, "one two three").await;
    }
    let recorded = async |path: &str| {
        eventually(&format!("sums in {path}"), Duration::from_mins(1), || async {
            let (input, output) = sums(path).await;
            (input > 0 && output > 0).then_some((input, output))
        })
        .await
        .unwrap()
    };
    let once = recorded("/service-accounts").await;
    assert_eq!(recorded("/users").await, once, "the same call, the same sums");
    let path = format!("/service-accounts/{robot}/subscription-plan");
    let changed = admin(&pass, Method::PUT, &path, json!({"planId": null}), 200).await;
    assert_eq!(changed["inputTokens"], once.0, "answers to an assignment have them too");
}

#[tokio::test]
async fn u11_an_account_takes_its_keys_and_rules_along() {
    let pass = started().await;
    let (robot, key) = robot(&pass).await;
    pass.chat(&key, "still here").await;
    let rules = format!("/service-accounts/{robot}/firewall/rules");
    let rule = json!({"address": "10.0.0.1", "priority": 1, "action": "deny"});
    let rule = id(&admin(&pass, Method::POST, &rules, rule, 201).await);
    admin(&pass, Method::DELETE, &format!("/service-accounts/{robot}"), Value::Null, 204).await;
    admin(&pass, Method::GET, &format!("{rules}/{rule}"), Value::Null, 404).await;
    let url = format!("{}/echo/v1/models", pass.gateway.proxy);
    eventually("a key that opens nothing", Duration::from_secs(1), || async {
        let answer = Client::new().bearer(&key).get(&url).await.ok()?;
        matches!(answer.status.as_u16(), 401 | 403).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn d10_a_call_knows_its_client_through_a_trusted_proxy() {
    let installation =
        Installation::embedded().unwrap().set("PROMPTGATE_PROXY_TRUSTED_PROXIES", "127.0.0.1/32");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let project = gateway.project().await.unwrap();
    let client = project.client.clone().header("x-forwarded-for", "198.51.100.1, 203.0.113.9");
    let body = json!({"model": "echo:echo", "messages": [{"role": "user", "content": "hi"}]});
    client.post(&project.url("/v1/chat/completions"), &body).await.unwrap().expect(200).unwrap();
    let events = gateway.usage(&project, 2).await.unwrap();
    assert_eq!(events[0]["clientIp"], "203.0.113.9", "the nearest that is not trusted");
}

#[tokio::test]
async fn r3_ollama_without_a_key_is_asked_with_its_usual_one() {
    let upstream = ScriptedUpstream::start().await.unwrap();
    upstream.otherwise(Reply::json(&json!({"data": [{"id": "llama", "object": "model"}]})));
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let none = json!({"apiKey": ""});
    gateway.provider_with("local", "ollama", &format!("{}/v1", upstream.url()), &none).await.unwrap();
    let project = gateway.project().await.unwrap();
    let url = format!("{}/local/v1/models", gateway.proxy);
    project.client.get(&url).await.unwrap().expect(200).unwrap();
    assert_eq!(upstream.last_request().unwrap().headers["authorization"], "Bearer ollama");
}
