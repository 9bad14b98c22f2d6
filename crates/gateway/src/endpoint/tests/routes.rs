//! Who is asked, and in which order.

use std::time::Duration;

use promptgate_access::Providers;
use promptgate_endpoints::NewEndpoint;
use promptgate_kernel::CredentialId;
use promptgate_tokens::Token;
use serde_json::json;

use super::*;
use crate::scripted::Script;
use crate::testing::{account, default_plan, group, standing};

fn with_failover() -> NewEndpoint {
    NewEndpoint {
        failover: Some(json!([
            {"provider_id": second().id, "provider_model": "gpt-b"},
            {"provider_id": claude().id, "provider_model": "claude-c"},
        ])),
        temperature: Some(0.5),
        ..of_first()
    }
}

#[tokio::test(start_paused = true)]
async fn the_chain_is_asked_in_order_across_vendors() {
    let house = House::new(with_failover());
    let upstream = &house.scene.upstream;
    upstream.always("first", Script::fails(500));
    upstream.always("second", Script::Unreachable);
    let said = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-c-1","content":[{"type":"text","text":"Hi"}],
        "stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}}"#;
    upstream.always("claude", Script::json(200, said));
    let got = house.say("hello").await;
    assert_eq!(got.status, 200, "{}", got.body);
    assert_eq!((&got.json()["content"], &got.json()["model"]), (&json!("Hi"), &json!("claude-c-1")));
    assert_eq!(house.sent()["temperature"], 0.5, "sampling is the endpoint's");
    let event = house.scene.event();
    let asked: Vec<_> = event.tried.iter().map(|tried| tried.provider.as_str()).collect();
    assert_eq!((asked.first(), asked.last()), (Some(&"first"), Some(&"claude")));
    assert_eq!((event.provider.as_deref(), event.model.as_deref()), (Some("claude"), Some("claude-c")));
}

#[tokio::test(start_paused = true)]
async fn after_the_last_one_it_is_502_with_the_providers_words() {
    let house = House::new(with_failover());
    for host in ["first", "second", "claude"] {
        house.scene.upstream.always(host, Script::fails(503));
    }
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["ok"]), (502, &json!(false)));
    assert!(got.json()["error"].as_str().unwrap().contains("no 503"), "{}", got.body);
    for host in ["first", "second", "claude"] {
        assert!(house.scene.upstream.calls(host) >= 1, "{host} was asked");
    }
    assert_eq!(house.scene.event().status, 502);
}

#[tokio::test]
async fn an_endpoint_is_no_way_round_what_a_group_excludes() {
    let mut house = House::new(NewEndpoint {
        provider_model: Some("models/gemini-2.5-pro".to_owned()),
        failover: Some(json!([
            {"provider_id": second().id, "provider_model": "models/models/gemini-2.5-pro"},
            {"provider_id": claude().id, "provider_model": "claude-c"},
        ])),
        ..of_first()
    });
    house.change(|configuration| {
        for provider in &mut configuration.providers[..2] {
            provider.kind = ProviderKind::Google;
        }
        let groups = vec![group("a", Providers::All, &[], &["^gemini"])];
        configuration.group_members = vec![(account(1), groups[0].id)];
        configuration.groups = groups;
        configuration.accounts = vec![standing(1)];
        configuration.plans = vec![default_plan()];
    });
    house.scene.tokens.put(Token { owner: Some(account(1)), ..house.scene.token.clone() });
    let said = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-c","content":[{"type":"text","text":"Hi"}],
        "stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}}"#;
    house.scene.upstream.always("claude", Script::json(200, said));
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["content"]), (200, &json!("Hi")), "{}", got.body);
    assert_eq!((house.scene.upstream.calls("first"), house.scene.upstream.calls("second")), (0, 0));
}

#[tokio::test]
async fn what_the_provider_does_not_take_is_502_too() {
    let house = House::new(of_first());
    house.scene.upstream.always("first", Script::json(400, r#"{"error":{"message":"too long"}}"#));
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["code"]), (502, &json!("upstream_rejected")));
    assert!(got.json()["error"].as_str().unwrap().ends_with("answered 400: too long"), "{}", got.body);
    assert_eq!(got.header("x-should-retry"), "false");
}

#[tokio::test]
async fn whoever_is_switched_off_is_passed_over_and_503_when_nobody_is_left() {
    let mut house = House::new(with_failover());
    house.provider("first", |provider| provider.enabled = false);
    house.scene.upstream.always("second", Script::said("second"));
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["content"]), (200, &json!("second")));
    for name in ["second", "claude"] {
        house.provider(name, |provider| provider.enabled = false);
    }
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["code"]), (503, &json!("provider_disabled")));
    assert!(got.json()["error"].as_str().unwrap().contains("`first`"), "{}", got.body);
}

#[tokio::test]
async fn a_credential_that_is_off_fails_over_and_then_it_is_502() {
    let chosen: CredentialId = credential(&first()).id;
    let new = NewEndpoint { credential_id: Some(chosen), provider_id: None, ..with_failover() };
    let mut house = House::new(new);
    house.scene.upstream.always("first", Script::said("first"));
    house.scene.upstream.always("second", Script::said("second"));
    assert_eq!(house.say("hello").await.json()["content"], "first", "the credential says whose it is");
    house.change(|configuration| configuration.credentials[0].active = false);
    assert_eq!(house.say("hello").await.json()["content"], "second");
    house.change(|configuration| configuration.credentials.iter_mut().for_each(|each| each.active = false));
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["code"]), (502, &json!("provider_credential_unusable")));
}

#[tokio::test]
async fn a_template_is_read_at_the_time_of_the_call() {
    let new = NewEndpoint {
        provider_id: None,
        provider_model: None,
        provider_template_id: Some(id(1)),
        top_p: Some(0.5),
        ..of_first()
    };
    let mut house = House::new(new);
    house.scene.upstream.always("second", Script::said("small"));
    house.scene.upstream.always("first", Script::said("large"));
    assert_eq!(house.say("hello").await.status, 200);
    let sent = house.sent();
    assert_eq!(
        (&sent["model"], &sent["temperature"], &sent["top_p"]),
        (&json!("small-1"), &json!(0.25), &json!(0.5))
    );
    assert_eq!(sent.get("max_completion_tokens").or(sent.get("max_tokens")), Some(&json!(77)));
    house.change(|configuration| {
        let template = &mut configuration.templates[0];
        (template.provider_id, template.model) = (first().id, "large-1".to_owned());
    });
    assert_eq!(house.say("hello").await.json()["content"], "large");
    assert_eq!(house.sent()["model"], "large-1");
    house.change(|configuration| configuration.templates[0].active = false);
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["code"]), (502, &json!("template_inactive")));
    house.change(|configuration| configuration.templates.clear());
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["code"]), (502, &json!("endpoint_without_target")));
}

const RULES: &str = r#"
rules:
  - when: {input_tokens: ">= 1000"}
    use: {template: small}
    decision: long
  - when: {messages_count: ">= 3"}
    use: {credential: second, model: gpt-deep}
  - when: {time_of_day: "00:00-24:00", monthly_spend_pct: ">= 0"}
    use: {model: never}
"#;

#[tokio::test]
async fn the_first_rule_that_holds_decides_and_is_logged() {
    let house = House::new(NewEndpoint { routing_rules: Some(RULES.to_owned()), ..of_first() });
    house.scene.upstream.always("first", Script::said("first"));
    house.scene.upstream.always("second", Script::said("second"));
    let turns = |count: usize| {
        let said = json!({"role": "user", "content": "hi"});
        json!({"messages": vec![said; count]})
    };
    for (body, host, model, decision) in [
        (json!({"message": "x".repeat(4_000)}), "second", "small-1", Some("long")),
        (turns(3), "second", "gpt-deep", Some("rule 2")),
        // Without a budget, no part of it is spent.
        (turns(1), "first", "gpt-4o", None),
    ] {
        let got = house.ask(&body).await;
        assert_eq!((got.status, &got.json()["content"]), (200, &json!(host)), "{}", got.body);
        assert_eq!(house.sent()["model"], model);
        assert_eq!(house.scene.event().routing_decision.as_deref(), decision);
    }
}

#[tokio::test(start_paused = true)]
async fn the_endpoints_time_outs_take_the_place_of_others() {
    let timeouts = Some(json!({"first_byte_ms": 1_500}));
    let house = House::new(NewEndpoint { timeouts, ..of_first() });
    house.scene.upstream.always("first", Script::Silence);
    let begun = tokio::time::Instant::now();
    let got = house.say("hello").await;
    assert_eq!((got.status, &got.json()["code"]), (502, &json!("upstream_first_byte_timeout")));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_long_chain_is_asked_to_its_end() {
    let entry = |number: u8| json!({"provider_id": second().id, "provider_model": format!("m-{number}")});
    let mut chain: Vec<_> = (0..9).map(entry).collect();
    chain.push(json!({"provider_id": claude().id, "provider_model": "claude-c"}));
    let house = House::new(NewEndpoint { failover: Some(json!(chain)), ..of_first() });
    let busy = || Script::json(429, r#"{"error":{"message":"slow down"}}"#);
    house.scene.upstream.always("first", busy());
    house.scene.upstream.always("second", Script::json(401, r#"{"error":{"message":"who"}}"#));
    house.scene.upstream.always("claude", busy());
    let got = house.say("hello").await;
    assert_eq!(got.status, 502, "{}", got.body);
    assert_eq!(house.scene.upstream.calls("claude"), 1, "the last of eleven");
}
