//! The response cache.

use std::time::Duration;

use promptgate_endpoints::NewEndpoint;
use promptgate_kernel::Money;
use serde_json::json;

use super::*;
use crate::scripted::Script;

fn cached() -> NewEndpoint {
    NewEndpoint { cache_enabled: true, cache_ttl_seconds: Some(60), streaming_enabled: true, ..of_first() }
}

#[tokio::test]
async fn an_equal_call_is_answered_without_a_provider_and_costs_nothing() {
    let house = House::new(cached());
    house.scene.upstream.always("first", Script::said("one"));
    let miss = house.say("hello").await;
    assert_eq!(miss.header("x-promptgate-cache"), "miss");
    let paid = house.scene.event();
    assert!(!paid.cache_hit && paid.cost > Money::ZERO);
    let hit = house.say("hello").await;
    assert_eq!((hit.status, hit.header("x-promptgate-cache")), (200, "hit"));
    let (mut first, mut second) = (miss.json(), hit.json());
    assert_ne!(first["meta"].take(), second["meta"].take(), "each call has its own id");
    assert_eq!(first, second);
    assert_eq!(house.scene.upstream.calls("first"), 1);
    let event = house.scene.event();
    assert_eq!((event.cache_hit, event.cached_tokens, event.tokens.total()), (true, 5, 0));
    assert_eq!((event.cost, event.attempts, event.status), (Money::ZERO, 0, 200));
    assert_eq!((event.saved, paid.saved), (paid.cost, Money::ZERO));
    assert_eq!(house.scene.memory.answers()[0].hit_count, 1);
    house.say("another").await;
    assert_eq!(house.scene.upstream.calls("first"), 2);
    house.scene.clock.advance(Duration::from_secs(61));
    assert_eq!(house.say("hello").await.header("x-promptgate-cache"), "miss");
}

#[tokio::test]
async fn streams_failures_and_other_tools_are_not_taken_from_it() {
    let house = House::new(cached());
    house.scene.upstream.next("first", Script::json(401, r#"{"error":{"message":"who"}}"#));
    assert_eq!(house.say("hello").await.status, 502);
    assert!(house.scene.memory.answers().is_empty());
    house.scene.upstream.always("first", Script::streams("streamed"));
    let got = house.ask(&json!({"message": "hello", "stream": true})).await;
    assert_eq!((got.status, got.header("x-promptgate-cache")), (200, "off"));
    assert!(house.scene.memory.answers().is_empty());
    house.scene.upstream.always("first", Script::said("one"));
    house.say("hello").await;
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let got = house.ask(&json!({"message": "hello", "tools": tools})).await;
    assert_eq!(got.header("x-promptgate-cache"), "miss");
}

#[tokio::test]
async fn while_it_is_away_calls_go_on_without_it() {
    let house = House::new(cached());
    house.scene.upstream.always("first", Script::said("one"));
    house.scene.memory.break_down(true);
    for _ in 0..2 {
        let got = house.say("hello").await;
        assert_eq!((got.status, got.header("x-promptgate-cache")), (200, "miss"));
    }
    assert_eq!(house.scene.upstream.calls("first"), 2);
}

#[tokio::test]
async fn a_hit_is_a_turn_of_its_conversation() {
    let house = House::new(NewEndpoint { sessions_enabled: true, ..cached() });
    house.scene.upstream.always("first", Script::said("one"));
    house.say("hello").await;
    let hit = house.say("hello").await;
    assert_eq!(hit.header("x-promptgate-cache"), "hit");
    let id = hit.header("x-promptgate-session-id").parse().unwrap();
    let (kept, said) = house.scene.memory.said(id).unwrap();
    assert_eq!((said.len(), kept.total_tokens), (2, 0));
    assert_eq!(said[1], json!({"role": "assistant", "content": "one"}));
}

#[tokio::test]
async fn a_hit_needs_no_provider_at_all() {
    let mut house = House::new(cached());
    house.scene.upstream.always("first", Script::said("one"));
    house.say("hello").await;
    house.provider("first", |provider| provider.enabled = false);
    assert_eq!(house.say("hello").await.header("x-promptgate-cache"), "hit");
    assert_eq!(house.say("other").await.status, 503);
}
