//! Calls that no client makes.

use std::time::Duration;

use promptgate_endpoints::NewEndpoint;
use promptgate_firewall::guardrails::{AllRules, Holder};
use promptgate_kernel::{Revision, TokenId};
use serde_json::json;

use super::*;
use crate::endpoint::{RunCall, RunKind, RunOutcome};
use crate::scripted::Script;

fn endpoint() -> NewEndpoint {
    NewEndpoint {
        cache_enabled: true,
        cache_ttl_seconds: Some(60),
        sessions_enabled: true,
        streaming_enabled: true,
        prompt: Some("Be kind.".to_owned()),
        ..of_first()
    }
}

async fn run(house: &House, body: Value, kind: RunKind) -> RunOutcome {
    let Value::Object(body) = body else { panic!("a body is an object") };
    let endpoint = &house.configuration.endpoints[0];
    let call = RunCall { project_id: endpoint.project_id, endpoint_id: endpoint.id, body, kind };
    house.scene.gateway.run_endpoint(call).await
}

fn replay() -> RunKind {
    replay_below(&[])
}

/// The same of a token that comes from these, its parent first.
fn replay_below(above: &[TokenId]) -> RunKind {
    RunKind::Replay { request_id: "earlier".to_owned(), token_id: id(3), above: above.to_vec() }
}

#[tokio::test]
async fn a_replay_is_a_call_of_its_own_beside_cache_and_conversations() {
    let house = House::new(endpoint());
    house.scene.upstream.always("first", Script::said("one"));
    house.say("hello").await;
    house.scene.events();
    let sessions = house.scene.memory.sessions();
    let outcome =
        run(&house, json!({"message": "hello", "stream": true, "session_id": id::<TokenId>(9)}), replay())
            .await;
    let told: Value = serde_json::from_slice(&outcome.body).unwrap();
    assert_eq!((outcome.status, &told["content"], outcome.total_tokens), (200, &json!("one"), 5));
    assert_eq!(told["meta"], json!({"request_id": outcome.request_id}));
    assert_eq!(house.sent()["messages"][0]["content"], "Be kind.");
    assert_eq!(house.scene.upstream.calls("first"), 2, "never from the cache");
    assert_eq!((house.scene.memory.sessions(), house.scene.memory.answers()[0].hit_count), (sessions, 0));
    let event = house.scene.event();
    assert_eq!((event.id, event.request_id), (outcome.call_id, outcome.request_id));
    assert_eq!((event.parent_request_id.as_deref(), event.token_id), (Some("earlier"), id(3)));
    assert_eq!(event.endpoint_slug.as_deref(), Some("e"));
}

#[tokio::test]
async fn a_golden_set_shares_the_cache_and_sees_what_clients_see() {
    let house = House::new(endpoint());
    house.scene.upstream.next("first", Script::said("one"));
    house.say("hello").await;
    house.scene.events();
    let outcome = run(&house, json!({"message": "hello"}), RunKind::Eval).await;
    assert_eq!((outcome.status, outcome.total_tokens), (200, 5));
    let event = house.scene.event();
    assert_eq!((event.cache_hit, event.parent_request_id, event.id), (true, None, outcome.call_id));
    let refused = run(&house, json!({"other": 1}), RunKind::Eval).await;
    assert_eq!(refused.status, 422);
    house.scene.upstream.next("first", Script::json(401, r#"{"error":{"message":"who"}}"#));
    assert_eq!(run(&house, json!({"message": "x"}), RunKind::Eval).await.status, 502);
}

#[tokio::test]
async fn it_answers_while_it_is_off_for_clients() {
    let mut house = House::new(endpoint());
    house.scene.upstream.always("first", Script::said("one"));
    house.change(|configuration| configuration.endpoints[0].is_active = false);
    assert_eq!(house.say("hello").await.status, 404);
    assert_eq!(run(&house, json!({"message": "hello"}), replay()).await.status, 200);
    house.change(|configuration| configuration.endpoints.clear());
    let call = RunCall {
        project_id: house.scene.project.id,
        endpoint_id: id(9),
        body: serde_json::Map::new(),
        kind: RunKind::Eval,
    };
    assert_eq!(house.scene.gateway.run_endpoint(call).await.status, 404);
}

#[tokio::test]
async fn a_replay_goes_by_the_rules_of_all_tokens_that_its_own_comes_from() {
    let mut house = House::new(endpoint());
    let words = |word: &str| {
        serde_json::from_value(json!({"keyword_blocklist": {"enabled": true, "words": [word]}})).unwrap()
    };
    house.change(|configuration| {
        configuration.guardrails =
            vec![(Holder::Token(id(4)), words("zebra")), (Holder::Token(id(5)), words("horse"))];
    });
    house.scene.upstream.always("first", Script::said("one"));
    let status = async |above: &[TokenId], message: &str| {
        run(&house, json!({"message": message}), replay_below(above)).await.status
    };
    assert_eq!((status(&[], "a zebra").await, status(&[id(4)], "a zebra").await), (200, 422));
    // What the nearer one says counts before what the other one says.
    let line = [id(5), id(4)];
    assert_eq!((status(&line, "a horse").await, status(&line, "a zebra").await), (422, 200));
}

#[tokio::test]
async fn what_is_governed_by_rules_that_nobody_can_read_is_not_asked() {
    let holders = [Holder::Global, Holder::Project(House::new(endpoint()).scene.project.id)];
    for holder in holders {
        let mut house = House::new(endpoint());
        house.scene.upstream.always("first", Script::said("one"));
        house.change(|configuration| {
            let mut kept = AllRules::default();
            kept.add(holder, r#"{"pii_filter":{"enabled":"perhaps"}}"#);
            configuration.guardrail_faults = kept.faults;
        });
        for kind in [replay(), RunKind::Eval] {
            assert_refused(&run(&house, json!({"message": "hello"}), kind).await);
        }
        assert_eq!(house.scene.upstream.calls("first"), 0, "{holder:?}");
    }

    let mut house = House::new(endpoint());
    house.scene.upstream.always("first", Script::said("one"));
    house.change(|configuration| {
        let document = json!({"pii_filter": {"enabled": true, "mode": "shout"}});
        configuration.endpoints[0].guardrails = document.as_object().unwrap().clone();
    });
    for kind in [replay(), RunKind::Eval] {
        assert_refused(&run(&house, json!({"message": "hello"}), kind).await);
    }
    assert_eq!(house.scene.upstream.calls("first"), 0);
}

#[track_caller]
fn assert_refused(outcome: &RunOutcome) {
    let told = String::from_utf8_lossy(&outcome.body);
    assert!(outcome.status == 503 && told.contains("cannot be read"), "{} {told}", outcome.status);
}

#[tokio::test(start_paused = true)]
async fn a_revision_is_awaited_but_not_for_ever() {
    let mut house = House::new(endpoint());
    let gateway = house.scene.gateway.clone();
    assert!(gateway.reaches(Revision::default(), Duration::ZERO).await);
    let later = Revision::from_number(3);
    assert!(!gateway.reaches(later, Duration::from_secs(1)).await);
    house.change(|configuration| configuration.revision = later);
    assert!(gateway.reaches(later, Duration::ZERO).await);
}

#[tokio::test]
async fn who_has_a_call_made_is_told_what_refused_it_and_no_token_is_blamed() {
    let mut house = House::new(endpoint());
    let rules = serde_json::from_value(json!({"keyword_blocklist": {"enabled": true, "words": ["zebra"]}}));
    house.change(|configuration| {
        configuration.guardrails = vec![(Holder::Global, rules.unwrap())];
    });
    house.scene.upstream.always("first", Script::said("one"));
    for kind in [replay(), RunKind::Eval] {
        let refused = run(&house, json!({"message": "a zebra"}), kind.clone()).await;
        assert_eq!((refused.status, refused.refused_by.as_deref()), (422, Some("keyword_blocklist")));
        assert_eq!(run(&house, json!({"message": "a horse"}), kind).await.refused_by, None);
    }
    assert_eq!(house.scene.gateway.shared().failures.take().len(), 0);
    assert_eq!(house.say("a zebra").await.status, 422);
    assert_eq!(house.scene.gateway.shared().failures.take().len(), 1);
}
