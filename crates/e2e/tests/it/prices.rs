//! What an operator says that models cost, and who may come in, by the binary.

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::{Value, json};

const COMPLETION: &str = r#"{"id": "c", "object": "chat.completion", "model": "m-1", "created": 1, "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000000, "completion_tokens": 1000000, "total_tokens": 2000000}}"#;

async fn call(gateway: &Gateway, method: Method, path: &str, body: Value, status: u16) -> Value {
    gateway.admin(method, path, &body).await.unwrap().expect(status).unwrap()
}

/// Calls until the record of a call says this price.
async fn priced(gateway: &Gateway, project: &Project, upstream: &ScriptedUpstream, wanted: f64) -> Value {
    let mut calls = gateway.usage_now(project).await.unwrap().len();
    for _ in 0..100 {
        upstream.enqueue(Reply::json(&serde_json::from_str(COMPLETION).unwrap()));
        project.chat("up:m-1").await.unwrap().expect(200).unwrap();
        calls += 1;
        let call = gateway.last_call(project, calls).await.unwrap();
        if call["costUsd"].as_f64() == Some(wanted) {
            return call;
        }
    }
    panic!("no call cost {wanted}");
}

async fn journey(gateway: Gateway) {
    let upstream = ScriptedUpstream::start().await.unwrap();
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let project = gateway.project().await.unwrap();
    let seeded = priced(&gateway, &project, &upstream, 35.0).await;
    assert_eq!(seeded["priceBasis"], "fallback", "{seeded}");

    let price = json!({"providerName": "up", "model": "m-1", "input": 1, "output": 2.5});
    let price = call(&gateway, Method::POST, "/pricing/models", price, 201).await;
    let stored = priced(&gateway, &project, &upstream, 3.5).await;
    let version = format!("{}@1", price["id"].as_str().unwrap());
    assert_eq!((&stored["priceBasis"], &stored["priceVersion"]), (&json!("exact"), &json!(version)));

    let kept = call(&gateway, Method::GET, &format!("/pricing/versions/{version}"), Value::Null, 200).await;
    assert_eq!(
        kept["rates"],
        json!({"input": 1.0, "output": 2.5}),
        "the call leads to what it was priced by"
    );
    let range = json!({"from": "2000-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "providerName": "up"});
    let repriced = call(&gateway, Method::POST, "/pricing/repricings", range, 201).await;
    assert_eq!((&repriced["state"], &repriced["dryRun"]), (&json!("done"), &json!(false)), "{repriced}");
    let first = gateway.usage_now(&project).await.unwrap();
    let chats: Vec<_> = first.iter().filter(|call| call["operation"] == "chat_completions").collect();
    assert!(chats.len() >= 2 && chats.iter().all(|call| call["costUsd"] == 3.5), "{first:?}");
    let unpriced = call(&gateway, Method::GET, "/pricing/unpriced", Value::Null, 200).await;
    assert_eq!(unpriced["models"], json!([]));

    let path = format!("/pricing/models/{}", price["id"].as_str().unwrap());
    call(&gateway, Method::DELETE, &path, Value::Null, 204).await;
    let fallback = json!({"input": 1, "output": 1});
    call(&gateway, Method::PATCH, "/pricing/fallback", fallback, 200).await;
    priced(&gateway, &project, &upstream, 2.0).await;

    for (address, priority, action) in [("192.0.2.0/24", 2, "deny"), ("192.0.2.7", 1, "allow")] {
        let rule = json!({"address": address, "priority": priority, "action": action, "enabled": true});
        call(&gateway, Method::POST, "/firewall/rules", rule, 201).await;
    }
    for (client, allowed, rule) in [
        ("192.0.2.7:1", true, json!(1)),
        ("::ffff:192.0.2.8", false, json!(2)),
        ("2001:db8::1", true, json!(null)),
    ] {
        let body = json!({"clientIp": client});
        let verdict = call(&gateway, Method::POST, "/firewall/simulate", body, 200).await;
        assert_eq!(
            (&verdict["allowed"], &verdict["matchedRule"]["priority"]),
            (&json!(allowed), &rule),
            "{client}"
        );
    }
    gateway.stop().await.unwrap();
}

#[tokio::test]
async fn a_price_that_is_set_is_that_of_the_next_calls() {
    let installation = Installation::embedded().unwrap();
    journey(Gateway::run_all(&installation).await.unwrap()).await;
}

#[tokio::test]
async fn a_price_that_is_set_reaches_the_proxies() {
    let installation = Installation::on_postgres().await.unwrap();
    journey(Gateway::separate(&installation).await.unwrap()).await;
}

/// The number that stands behind a name in a text, whatever stands between the two.
fn number_behind(text: &str, name: &str) -> f64 {
    let (_, behind) = text.split_once(name).unwrap_or_else(|| panic!("no {name} in {text}"));
    let digits = behind.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let end = digits.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(digits.len());
    digits[..end].parse().unwrap()
}

#[tokio::test]
async fn header_record_log_and_metric_say_the_same_cost() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_LOG_FORMAT", "json");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let upstream = ScriptedUpstream::start().await.unwrap();
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let price =
        json!({"providerName": "up", "model": "m-1", "input": 1.37, "output": 2.9, "cacheRead": 0.11});
    call(&gateway, Method::POST, "/pricing/models", price, 201).await;
    let project = gateway.project().await.unwrap();
    let mut answer: Value = serde_json::from_str(COMPLETION).unwrap();
    answer["usage"] = json!({"prompt_tokens": 1_234_567, "completion_tokens": 89, "total_tokens": 1_234_656,
        "prompt_tokens_details": {"cached_tokens": 234_567}});
    upstream.enqueue(Reply::json(&answer));
    let answered = project.chat("up:m-1").await.unwrap();
    // A million at 1.37, what was cached at 0.11, and 89 at 2.90, each per million.
    let cost = 1.37 + 234_567.0 * 0.11e-6 + 89.0 * 2.9e-6;
    let agrees = |place: &str, said: f64| {
        assert!((said - cost).abs() < 0.5e-6, "{place}: {said} instead of {cost}");
    };
    agrees("header", answered.header("x-promptgate-cost").unwrap().parse().unwrap());
    let event = gateway.last_call(&project, 1).await.unwrap();
    agrees("record", event["costUsd"].as_f64().unwrap());
    let page = Client::new().get(&format!("{}/metrics", gateway.proxy)).await.unwrap().text();
    let metric = page
        .lines()
        .find(|line| line.starts_with("promptgate_cost_nanodollars_total{") && line.contains("\"up\""))
        .unwrap_or_else(|| panic!("no metric in {page}"));
    agrees("metric", metric.rsplit(' ').next().unwrap().parse::<f64>().unwrap() / 1e9);
    let said = gateway.process().said();
    let lines: Vec<&str> =
        said.lines().filter(|line| line.contains("cost_usd") && line.contains("m-1")).collect();
    let [line] = lines[..] else { panic!("one line of the call: {lines:?}") };
    agrees("log", number_behind(line, "cost_usd"));
    gateway.stop().await.unwrap();
}
