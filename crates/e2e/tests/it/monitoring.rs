//! A service that fails and comes back, as an operator sees it through the binary.

use std::time::Duration;

use http::Method;
use promptgate_e2e::{Gateway, Installation};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const PATH: &str = "/monitoring/services";

async fn call(gateway: &Gateway, method: Method, path: &str, body: Value, status: u16) -> Value {
    gateway.admin(method, path, &body).await.unwrap().expect(status).unwrap()
}

#[tokio::test]
async fn a_service_that_fails_is_degraded_and_ok_when_it_is_back() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_SSRF_ALLOWED_HOSTS", "127.0.0.1");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let upstream = ScriptedUpstream::start().await.unwrap();
    upstream.otherwise(Reply::status(503));
    let body = json!({"name": "search", "url": format!("{}/health", upstream.url())});
    let made = call(&gateway, Method::POST, PATH, body, 201).await;
    assert_eq!((&made["status"], &made["lastCheckedAt"]), (&json!("ok"), &Value::Null));
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());

    // The scheduler asks every 15 seconds whose turn it is, and this one was never looked at.
    let begun = Instant::now();
    let failed = loop {
        let service = call(&gateway, Method::GET, &path, Value::Null, 200).await;
        if service["status"] == "degraded" {
            break service;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "nobody looked: {service}");
        sleep(Duration::from_millis(200)).await;
    };
    assert_eq!((&failed["lastStatusCode"], &failed["consecutiveFailures"]), (&json!(503), &json!(1)));
    assert_eq!(failed["lastError"], "expected HTTP 200, got 503");
    assert_eq!(upstream.last_request().unwrap().method, Method::GET);

    let check = format!("{path}/check");
    upstream.otherwise(Reply::hang_up());
    let silent = call(&gateway, Method::POST, &check, Value::Null, 200).await;
    assert_eq!((&silent["status"], &silent["lastStatusCode"]), (&json!("degraded"), &Value::Null));
    assert_eq!(silent["consecutiveFailures"], 2);

    upstream.otherwise(Reply::status(200));
    let back = call(&gateway, Method::POST, &check, Value::Null, 200).await;
    assert_eq!((&back["status"], &back["lastError"]), (&json!("ok"), &json!("")));
    assert_eq!((&back["lastStatusCode"], &back["consecutiveFailures"]), (&json!(200), &json!(0)));
}

#[tokio::test]
async fn twelve_guides_are_there_once_and_a_deleted_one_stays_away() {
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let identifiers = |listed: &Value| {
        let items = listed["items"].as_array().unwrap().iter();
        items.map(|guide| guide["identifier"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let listed = call(&gateway, Method::GET, "/setup-guides", Value::Null, 200).await;
    assert_eq!(identifiers(&listed).len(), 12, "{listed}");
    assert_eq!((identifiers(&listed)[0].as_str(), &listed["items"][11]["position"]), ("curl", &json!(11)));
    let path = format!("/setup-guides/{}", listed["items"][0]["id"].as_str().unwrap());
    call(&gateway, Method::DELETE, &path, Value::Null, 204).await;
    gateway.stop().await.unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let listed = call(&gateway, Method::GET, "/setup-guides", Value::Null, 200).await;
    assert_eq!(identifiers(&listed)[0], "python");
    assert_eq!(identifiers(&listed).len(), 11);
}
