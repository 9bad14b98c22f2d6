//! Who is called, and how often.

use std::time::Duration;

use promptgate_kernel::SecretString;
use promptgate_kernel::Timestamp;
use promptgate_kernel::testing::SeededEntropy;
use promptgate_providers::{Operation, Provider, ProviderKind};
use tokio::time::{Instant, advance};

use crate::scripted::{Got, Scene, Script, credential_of, provider_at};
use crate::testing::keys;

const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn openai(name: &str) -> Provider {
    provider_at(name, ProviderKind::OpenAi)
}

/// Two providers of the same model.
fn two() -> Scene {
    Scene::new(vec![openai("one"), openai("two")], vec![])
}

fn alone() -> Scene {
    Scene::new(vec![openai("one")], vec![])
}

fn code(got: &Got) -> String {
    got.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_the_next_one_answers() {
    let failures = [
        Script::Unreachable,
        Script::SlowConnect,
        Script::Silence,
        Script::fails(500),
        Script::fails(503),
        Script::fails(529),
        Script::fails(408),
        Script::fails(409),
        Script::fails(429),
        Script::fails(401),
        Script::fails(403),
        Script::json(200, ""),
        Script::json(200, "<html>"),
        Script::json(200, r#"{"error":{"message":"overloaded","code":502}}"#),
        Script::said("x").header("content-encoding", "gzip"),
        Script::json(302, ""),
        Script::json(204, ""),
    ];
    for failure in failures {
        let scene = two();
        scene.upstream.next("one", failure.clone());
        scene.upstream.always("two", Script::said("hello"));
        let got = scene.chat(ASK).await;
        assert_eq!((got.status, got.header("x-promptgate-attempts")), (200, "2"), "{failure:?}: {got:?}");
        assert_eq!(got.json()["choices"][0]["message"]["content"], "hello");
        assert_eq!(got.header("x-promptgate-provider"), "two");
        let event = scene.event();
        assert_eq!((event.attempts, event.tried.len()), (2, 2));
        assert!(event.tried[0].fault.is_some() && event.tried[1].fault.is_none(), "{:?}", event.tried);
        assert_eq!(event.provider.as_deref(), Some("two"));
        assert!(event.trace.iter().any(|note| note.starts_with("attempt 1 at `one`")), "{:?}", event.trace);
    }
}

#[tokio::test]
async fn what_the_request_is_to_blame_for_is_told_at_once() {
    for status in [400, 404, 413, 422] {
        let scene = two();
        scene.upstream.always("one", Script::fails(status));
        let got = scene.chat(ASK).await;
        assert_eq!(
            (got.status, got.json()["error"]["message"].as_str()),
            (status, Some(&*format!("no {status}")))
        );
        assert_eq!(scene.upstream.calls("two"), 0);
        assert_eq!(scene.event().error_code.as_deref(), Some("upstream_rejected"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_kept_while_others_answer_and_told_when_nobody_does() {
    let scene = two();
    scene.upstream.next("one", Script::fails(429).header("retry-after", "7"));
    scene.upstream.always("one", Script::said("one"));
    scene.upstream.always("two", Script::said("two"));
    assert_eq!(scene.chat(ASK).await.status, 200);
    advance(Duration::from_secs(6)).await;
    assert_eq!(scene.chat(ASK).await.header("x-promptgate-provider"), "two");
    assert_eq!(scene.upstream.calls("one"), 1, "it has its pause");
    advance(Duration::from_secs(1)).await;
    assert_eq!(scene.chat(ASK).await.header("x-promptgate-provider"), "one");

    let scene = two();
    scene.upstream.next("one", Script::fails(429).header("retry-after", "9"));
    scene.upstream.next("two", Script::fails(429).header("retry-after-ms", "4500"));
    let got = scene.chat(ASK).await;
    assert_eq!((got.status, code(&got).as_str()), (429, ""), "the provider's own words: {got:?}");
    assert_eq!((got.header("retry-after"), got.header("retry-after-ms")), ("5", "4500"));
    advance(Duration::from_secs(2)).await;
    let got = scene.chat(ASK).await;
    assert_eq!((got.status, code(&got).as_str()), (429, "upstream_rate_limited"));
    assert_eq!((got.header("retry-after"), got.header("retry-after-ms")), ("3", "2500"));
    assert_eq!(got.header("x-promptgate-attempts"), "0", "nobody is called in its pause");
}

#[tokio::test(start_paused = true)]
async fn the_only_one_is_asked_again_as_the_vendors_clients_do() {
    for failure in [Script::Unreachable, Script::fails(500), Script::fails(408), Script::fails(409)] {
        let scene = alone();
        scene.upstream.next("one", failure.clone());
        scene.upstream.next("one", Script::said("hello"));
        let begun = Instant::now();
        let got = scene.chat(ASK).await;
        assert_eq!((got.status, got.header("x-promptgate-attempts")), (200, "2"), "{failure:?}");
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_millis(100) && waited <= Duration::from_millis(200), "{waited:?}");
    }
    let scene = alone();
    scene.upstream.always("one", Script::fails(500));
    let got = scene.chat(ASK).await;
    assert_eq!((got.status, code(&got).as_str(), scene.upstream.calls("one")), (502, "upstream_error", 3));
    assert_eq!(scene.event().tried.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_short_pause_is_waited_for_and_a_long_one_told() {
    let scene = alone();
    scene.upstream.next("one", Script::fails(429).header("retry-after", "1"));
    scene.upstream.next("one", Script::said("hello"));
    let begun = Instant::now();
    assert_eq!(scene.chat(ASK).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_secs(1));

    for failure in [Script::fails(429).header("retry-after", "7"), Script::fails(429)] {
        let scene = alone();
        scene.upstream.next("one", failure);
        let got = scene.chat(ASK).await;
        assert_eq!((got.status, scene.upstream.calls("one")), (429, 1));
        assert!(!got.header("retry-after").is_empty() && !got.header("retry-after-ms").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn repetitions_stay_inside_their_budget() {
    let scene = alone();
    // Two of five calls fail, so that the breaker stays closed.
    for at in 0..1_000 {
        scene.upstream.next("one", if at % 5 < 2 { Script::fails(500) } else { Script::said("x") });
    }
    let begun = Instant::now();
    let (mut requests, mut failed) = (0, 0);
    for _ in 0..300 {
        failed += usize::from(scene.chat(ASK).await.status != 200);
        requests += 1;
    }
    let floor = 3 + usize::try_from(begun.elapsed().as_secs() / 2).unwrap();
    let calls = scene.upstream.calls("one");
    assert!(calls <= requests + requests / 5 + floor, "{calls} calls for {requests} requests");
    assert!(calls > requests + requests / 10, "{calls}: it is used, too");
    assert!(failed > 0, "or it would not have been put to the test");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_fails_half_of_its_calls_is_seen_by_no_client() {
    let scene = two();
    let ways = [
        Script::Unreachable,
        Script::fails(500),
        Script::fails(429).header("retry-after", "1"),
        Script::json(200, "{"),
        Script::fails(529),
    ];
    for at in 0..1_000_usize {
        scene.upstream.next("one", ways[at % ways.len()].clone());
        scene.upstream.next("one", Script::said("one"));
    }
    scene.upstream.always("two", Script::said("two"));
    for _ in 0..500 {
        let got = scene.chat(ASK).await;
        assert_eq!(got.status, 200, "{got:?}");
        advance(Duration::from_millis(100)).await;
    }
    assert!(scene.upstream.calls("two") <= 500, "each request asks it at most once");
    assert!(scene.upstream.calls("one") > 50, "it is not given up for good");
}

#[tokio::test(start_paused = true)]
async fn a_dead_provider_is_left_alone_and_probed() {
    let scene = two();
    scene.upstream.always("one", Script::Unreachable);
    scene.upstream.always("two", Script::said("two"));
    for _ in 0..20 {
        assert_eq!(scene.chat(ASK).await.status, 200);
    }
    assert_eq!(scene.upstream.calls("one"), 5, "then it is left alone");
    advance(Duration::from_secs(2)).await;
    scene.upstream.always("one", Script::said("one"));
    assert_eq!(scene.chat(ASK).await.header("x-promptgate-provider"), "one", "the probe");
    assert_eq!(scene.chat(ASK).await.header("x-promptgate-provider"), "one");

    let scene = alone();
    scene.upstream.always("one", Script::Unreachable);
    for _ in 0..2 {
        assert_eq!(scene.chat(ASK).await.status, 502);
    }
    assert_eq!(scene.upstream.calls("one"), 5, "the second request is not repeated any more");
    let before = scene.upstream.calls("one");
    let got = scene.chat(ASK).await;
    assert_eq!((got.status, code(&got).as_str()), (503, "upstream_unavailable"));
    assert!(got.body.contains("upstream_unreachable") && !got.header("retry-after").is_empty(), "{got:?}");
    assert_eq!(scene.upstream.calls("one"), before);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_outlives_a_change_of_the_configuration() {
    let scene = two();
    scene.upstream.next("one", Script::fails(429).header("retry-after", "60"));
    scene.upstream.always("two", Script::said("two"));
    scene.chat(ASK).await;
    let again = Scene::new(vec![openai("one"), openai("two")], vec![]);
    let snapshot = std::sync::Arc::try_unwrap(again.snapshot.load());
    drop(snapshot);
    scene.snapshot.store(again.snapshot.load().at(promptgate_kernel::Revision::from_number(7)));
    assert_eq!(scene.chat(ASK).await.header("x-promptgate-provider"), "two");
    assert_eq!(scene.upstream.calls("one"), 1);
}

#[tokio::test]
async fn a_refused_credential_rests_and_the_next_one_serves() {
    let one = openai("one");
    let credentials = vec![credential_of(&one, "sk-first-secret"), credential_of(&one, "sk-second-secret")];
    let ids: Vec<_> = credentials.iter().map(|credential| credential.id).collect();
    let scene = Scene::new(vec![one], credentials);
    for _ in 0..4 {
        scene.upstream.next("one", Script::fails(401));
        scene.upstream.next("one", Script::said("x"));
    }
    let got = scene.chat(ASK).await;
    assert_eq!((got.status, got.header("x-promptgate-attempts")), (200, "2"));
    let seen = scene.upstream.seen();
    assert_ne!(seen[0].header("authorization"), seen[1].header("authorization"));
    let event = scene.event();
    assert_eq!(event.tried[0].fault.as_deref(), Some("upstream_auth_failed"));
    assert!(
        ids.contains(&event.credential_id.unwrap()) && event.tried[0].credential_id != event.credential_id
    );
    // The next call goes to the one that serves.
    scene.upstream.next("one", Script::said("x"));
    scene.chat(ASK).await;
    assert_eq!(scene.upstream.seen()[2].header("authorization"), seen[1].header("authorization"));
}

#[tokio::test]
async fn a_provider_that_fails_is_left_before_its_other_credentials_are_tried() {
    let one = openai("one");
    let credentials = vec![credential_of(&one, "sk-first-secret"), credential_of(&one, "sk-second-secret")];
    let scene = Scene::new(vec![one, openai("two")], credentials);
    scene.upstream.next("one", Script::fails(500));
    scene.upstream.always("two", Script::said("x"));
    assert_eq!(scene.chat(ASK).await.header("x-promptgate-provider"), "two");
    assert_eq!(scene.upstream.seen().len(), 2);
}

#[tokio::test]
async fn the_secret_before_a_rotation_serves_where_the_new_one_is_refused() {
    let one = openai("one");
    let old = credential_of(&one, "sk-old-secret-00");
    let entropy = SeededEntropy::new(77);
    let (secret, overlap) = (SecretString::new("sk-new-secret-00".into()), Duration::from_hours(1));
    let rotated = old.rotate(&secret, overlap, &keys(1), &entropy, Timestamp::default()).unwrap();
    let scene = Scene::new(vec![one], vec![rotated]);
    scene.upstream.next("one", Script::fails(401));
    scene.upstream.always("one", Script::said("x"));
    let got = scene.chat(ASK).await;
    assert_eq!((got.status, got.header("x-promptgate-attempts")), (200, "2"), "{got:?}");
    scene.chat(ASK).await;
    let sent: Vec<_> =
        scene.upstream.seen().iter().map(|call| call.header("authorization").to_owned()).collect();
    assert_eq!(sent, ["Bearer sk-new-secret-00", "Bearer sk-old-secret-00", "Bearer sk-old-secret-00"]);

    // When the provider takes the new one at last, it may refuse the old one at once.
    scene.upstream.next("one", Script::fails(401));
    assert_eq!(scene.chat(ASK).await.status, 200);
    let seen = scene.upstream.seen();
    let last = seen.last().unwrap();
    assert_eq!(last.header("authorization"), "Bearer sk-new-secret-00");
}

#[tokio::test]
async fn the_only_credential_that_is_refused_is_an_error_of_ours() {
    let one = openai("one");
    let credentials = vec![credential_of(&one, "sk-only-secret-0")];
    let scene = Scene::new(vec![one], credentials);
    scene.upstream.always("one", Script::fails(401));
    for _ in 0..2 {
        let got = scene.chat(ASK).await;
        assert_eq!((got.status, code(&got).as_str()), (502, "upstream_auth_failed"));
    }
    assert_eq!(scene.upstream.calls("one"), 2, "it is asked, because there is no other");
}

#[tokio::test]
async fn credentials_share_the_calls_by_weight() {
    let one = openai("one");
    let mut light = credential_of(&one, "sk-light-secret");
    let mut heavy = credential_of(&one, "sk-heavy-secret");
    (light.weight, heavy.weight) = (10, 90);
    let scene = Scene::new(vec![one], vec![light, heavy]);
    scene.upstream.always("one", Script::said("x"));
    for _ in 0..300 {
        scene.chat(ASK).await;
    }
    let heavy =
        scene.upstream.seen().iter().filter(|call| call.header("authorization").contains("heavy")).count();
    assert!(heavy > 180 && heavy < 300, "{heavy} of 300");
}

#[tokio::test(start_paused = true)]
async fn calls_are_bounded_in_number() {
    let names = ["one", "two", "three", "four", "five", "six"];
    let scene = Scene::new(names.map(openai).to_vec(), vec![]);
    for name in names {
        scene.upstream.always(name, Script::fails(500));
    }
    let got = scene.chat(ASK).await;
    assert_eq!((got.status, got.header("x-promptgate-attempts")), (502, "4"));
    assert_eq!(scene.upstream.seen().len(), 4);
}

#[tokio::test]
async fn betas_that_a_provider_does_not_know_are_left_out_and_reported() {
    let scene = Scene::new(vec![provider_at("claude", ProviderKind::Anthropic)], vec![]);
    let answer = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#;
    scene.upstream.always("claude", Script::json(200, answer));
    let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let betas = [("anthropic-beta", "never-heard-of-2099-01-01"), ("openai-beta", "x")];
    let got = crate::scripted::read(scene.send(Operation::Messages, body, &betas).await).await;
    assert_eq!(got.status, 200, "{got:?}");
    let dropped = "anthropic-beta: never-heard-of-2099-01-01, openai-beta";
    assert_eq!(got.header("x-promptgate-dropped"), dropped);
    assert_eq!(scene.event().dropped.join(", "), dropped);
    let seen = &scene.upstream.seen()[0];
    assert!(!seen.headers.contains_key("anthropic-beta") && !seen.headers.contains_key("openai-beta"));
    assert_eq!(seen.header("anthropic-version"), "2023-06-01");
    assert_eq!(seen.body, body);
}
