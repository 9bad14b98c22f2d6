//! Items 14, 15 and 16: who answers, and when nobody has to.

use http::Method;
use promptgate_testkit::upstream::Reply;
use promptgate_testkit::vendor;
use serde_json::{Value, json};

use super::House;

fn oops() -> Reply {
    Reply::status(500).with_json(&json!({"error": {"message": "broken pipe dream"}}))
}

#[tokio::test]
async fn item_14_the_chain_is_asked_in_order_and_then_it_is_502() {
    let house = House::new().await;
    let failover = json!([
        {"providerId": house.spare_id, "providerModel": "spare-1"},
        {"providerId": house.claude, "providerModel": "claude-x"},
    ]);
    house.endpoint("safe", json!({"failover": failover, "temperature": 0.5})).await;
    let asked_of = |path: &str| {
        let seen = house.upstream.requests();
        seen.iter().filter(|seen| seen.path.ends_with(path)).count()
    };
    house.say("safe", "hi").await.expect(200).unwrap();
    assert_eq!((asked_of("/chat/completions"), house.spare.counts().requests), (1, 0));

    house
        .upstream
        .handle(|seen| if seen.path.ends_with("/messages") { vendor::answer(seen) } else { oops() });
    let answer = house.say("safe", "hi").await;
    assert_eq!(answer.expect(200).unwrap()["content"], "Hello from chat_completions: hi");
    assert_eq!(answer.header("x-promptgate-provider"), Some("spare"));
    assert_eq!(house.spare.last_request().unwrap().json()["temperature"], 0.5);

    house.spare.otherwise(oops());
    let answer = house.say("safe", "hi").await;
    assert_eq!(answer.expect(200).unwrap()["content"], "Hello from messages: hi");
    let record = house.record_of(&answer).await;
    assert_eq!((&record["provider"], &record["model"]), (&json!("claude"), &json!("claude-x")));

    house.upstream.otherwise(oops());
    let told = house.say("safe", "hi").await.expect(502).unwrap();
    assert!(told["error"].as_str().unwrap().contains("provider"), "{told}");
}

#[tokio::test]
async fn item_14_whoever_is_switched_off_is_skipped_and_503_is_the_last_word() {
    let house = House::new().await;
    let failover = json!([{"providerId": house.spare_id, "providerModel": "spare-1"}]);
    house.endpoint("safe", json!({"failover": failover})).await;
    let switch = async |id: &str, on: bool| {
        house.change(Method::PATCH, &format!("/providers/{id}"), &json!({"enabled": on})).await;
    };
    switch(&house.corp, false).await;
    let answer = house.say("safe", "hi").await;
    answer.expect(200).unwrap();
    assert_eq!(answer.header("x-promptgate-provider"), Some("spare"));
    switch(&house.spare_id, false).await;
    let told = house.say("safe", "hi").await.expect(503).unwrap();
    assert!(told["error"].as_str().unwrap().contains("`corp`"), "{told}");
    switch(&house.corp, true).await;
    let credentials = house.admin(Method::GET, "/credentials?pageSize=100", &Value::Null).await.json();
    let of_corp = credentials["items"].as_array().unwrap().iter();
    let of_corp = of_corp.clone().find(|each| each["providerId"] == house.corp.as_str()).unwrap();
    let path = format!("/credentials/{}", of_corp["id"].as_str().unwrap());
    house.change(Method::PATCH, &path, &json!({"isActive": false})).await;
    let told = house.say("safe", "hi").await.expect(502).unwrap();
    assert_eq!(told["code"], "provider_credential_unusable");
}

#[tokio::test]
async fn a_template_acts_on_the_next_call() {
    let house = House::new().await;
    let template = json!({"name": "Small", "providerId": house.corp, "model": "gpt-small", "temperature": 0.25, "maxOutputTokens": 77});
    let template = house.change(Method::POST, "/provider-templates", &template).await;
    let id = template["id"].as_str().unwrap();
    house
        .endpoint(
            "t",
            json!({"providerTemplateId": id, "providerId": null, "providerModel": null, "topP": 0.5}),
        )
        .await;
    house.say("t", "hi").await.expect(200).unwrap();
    let sent = house.upstream.last_request().unwrap().json();
    assert_eq!(
        (&sent["model"], &sent["temperature"], &sent["top_p"]),
        (&json!("gpt-small"), &json!(0.25), &json!(0.5))
    );
    let path = format!("/provider-templates/{id}");
    house.change(Method::PATCH, &path, &json!({"model": "gpt-large"})).await;
    house.say("t", "hi").await.expect(200).unwrap();
    assert_eq!(house.upstream.last_request().unwrap().json()["model"], "gpt-large");
    house.change(Method::PATCH, &path, &json!({"isActive": false})).await;
    assert_eq!(house.say("t", "hi").await.expect(502).unwrap()["code"], "template_inactive");
}

#[tokio::test]
async fn item_15_the_first_rule_that_holds_decides_and_bad_rules_are_refused() {
    let house = House::new().await;
    let template =
        json!({"name": "Long", "slug": "long", "providerId": house.spare_id, "model": "spare-long"});
    house.change(Method::POST, "/provider-templates", &template).await;
    let rules = "rules:\n  - when: {input_tokens: '>= 100'}\n    use: {template: long}\n    decision: long input\n  \
                 - when: {input_tokens: '>= 10', messages_count: '< 5'}\n    use: {model: gpt-mid, decision: middle}\n";
    house.endpoint("routed", json!({"routingRules": rules})).await;
    for (length, provider, model, decision) in [
        (400, "spare", "spare-long", json!("long input")),
        (40, "corp", "gpt-mid", json!("middle")),
        (4, "corp", "gpt-4o", Value::Null),
    ] {
        let answer = house.say("routed", &"x".repeat(length)).await;
        answer.expect(200).unwrap();
        assert_eq!(answer.header("x-promptgate-provider"), Some(provider));
        assert_eq!(answer.header("x-promptgate-model"), Some(model));
        let record = house.record_of(&answer).await;
        assert_eq!(record["routingDecision"], decision, "{record}");
    }
    for wrong in [
        "rules: {",
        "rules: [{when: {input_tokens: '>= x'}, use: {model: m}}]",
        "rules: [{use: {template: nothing}}]",
        "rules: [{use: {credential: nobody}}]",
    ] {
        let body =
            json!({"name": "w", "providerId": house.corp, "providerModel": "m", "routingRules": wrong});
        let refused = house.admin(Method::POST, &house.endpoints(), &body).await;
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text());
        assert!(refused.text().contains("routingRules"), "{}", refused.text());
    }
}

#[tokio::test]
async fn item_16_a_hit_asks_nobody_and_costs_nothing() {
    let house = House::new().await;
    let id = house
        .endpoint("cached", json!({"cacheEnabled": true, "cacheTtlSeconds": 600, "streamingEnabled": true}))
        .await;
    let miss = house.say("cached", "hi").await;
    assert_eq!(miss.header("x-promptgate-cache"), Some("miss"));
    let first = house.record_of(&miss).await;
    assert_eq!(first["cacheHit"], false);
    let hit = house.say("cached", "hi").await;
    assert_eq!(hit.header("x-promptgate-cache"), Some("hit"));
    let (mut told, mut again) = (miss.expect(200).unwrap(), hit.expect(200).unwrap());
    assert_ne!(told["meta"].take(), again["meta"].take());
    assert_eq!(told, again);
    assert_eq!(house.upstream.counts().requests, 1);
    let record = house.record_of(&hit).await;
    assert_eq!(
        (&record["cacheHit"], &record["cachedTokens"]),
        (&json!(true), &told["usage"]["total_tokens"])
    );
    assert_eq!((record["costUsd"].as_f64(), &record["attempts"]), (Some(0.0), &json!(0)), "{record}");

    // Streams and replays go by it.
    let url = house.project.url("/cached");
    let stream = house.project.client.stream(&url, &json!({"message": "hi", "stream": true})).await.unwrap();
    assert_eq!(stream.whole().await.unwrap().header("x-promptgate-cache"), Some("off"));
    assert_eq!(house.upstream.counts().requests, 2);
    let request_id = first["requestId"].as_str().unwrap();
    let path = format!("/projects/{}/calls/{request_id}/replay", house.project.id);
    let replayed = house.admin(Method::POST, &path, &json!({})).await.expect(200).unwrap();
    assert_eq!((&replayed["status"], &replayed["body"]["content"]), (&json!(200), &told["content"]));
    assert_eq!(house.upstream.counts().requests, 3);
    let record = house.record(replayed["requestId"].as_str().unwrap()).await;
    assert_eq!((&record["parentRequestId"], &record["cacheHit"]), (&json!(request_id), &json!(false)));

    // Golden sets share it; another prompt is another key; what is purged is asked again.
    let path = format!("{}/{id}/evals", house.endpoints());
    let item = json!({"name": "greets", "input": {"message": "hi"}, "expected": {"contains": ["HELLO"]}});
    let eval = house.admin(Method::POST, &path, &json!({"name": "golden", "items": [item]})).await;
    let runs = format!("{path}/{}/runs", eval.expect(201).unwrap()["id"].as_str().unwrap());
    let run = house.admin(Method::POST, &runs, &Value::Null).await;
    assert!(run.status.is_success(), "{}", run.text());
    assert_eq!((&run.json()["passed"], &run.json()["failed"]), (&json!(1), &json!(0)), "{}", run.text());
    assert_eq!(house.upstream.counts().requests, 3);
    let path = format!("{}/{id}", house.endpoints());
    house.change(Method::PATCH, &path, &json!({"prompt": "Anew."})).await;
    assert_eq!(house.say("cached", "hi").await.header("x-promptgate-cache"), Some("miss"));
    house.change(Method::DELETE, &format!("{path}/cache"), &Value::Null).await;
    assert_eq!(house.say("cached", "hi").await.header("x-promptgate-cache"), Some("miss"));
}

#[tokio::test]
async fn an_endpoint_has_its_own_patience() {
    let house = House::new().await;
    house.endpoint("hasty", json!({"timeouts": {"firstByteMs": 300}})).await;
    house.endpoint("brief", json!({"timeouts": {"totalMs": 300}})).await;
    for (slug, code) in [("hasty", "upstream_first_byte_timeout"), ("brief", "upstream_total_timeout")] {
        house.upstream.enqueue(Reply::never());
        let answer = house.say(slug, "hi").await;
        assert_eq!(answer.expect(502).unwrap()["code"], code);
        assert_eq!(house.record_of(&answer).await["errorCode"], code);
    }
}
