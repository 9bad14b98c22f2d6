//! Requests that are sent again, over scripted providers.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use promptgate_access::Providers;
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{CallId, Timestamp};
use promptgate_providers::{Operation, ProviderKind};
use promptgate_tokens::Token;
use promptgate_usage::{IdempotencyKey, IdempotencyRecord, IdempotencyState, Outcome};
use tokio::time::{Instant, advance, sleep, timeout};

use super::claim::LEASE;
use super::outcome::MAX_BODY;
use super::{hash_of_call, hash_of_key};
use crate::pipeline::Gateway;
use crate::receive::Route;
use crate::reply::ReplyBody;
use crate::scripted::{Got, Piece, Scene, Script, chunk, done, finish, provider_at, read};
use crate::snapshot::{Configuration, Snapshot};
use crate::testing::{account, compiler, default_plan, group, secret_of, standing, token_for};

const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const ASK_STREAM: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const KEY: (&str, &str) = ("idempotency-key", "k-1");
const CHAT: Operation = Operation::ChatCompletions;

fn scene() -> Scene {
    Scene::new(vec![provider_at("one", ProviderKind::OpenAi)], vec![])
}

async fn keyed(scene: &Scene, body: &str) -> Got {
    read(scene.send(CHAT, body, &[KEY]).await).await
}

async fn at(gateway: &Gateway, scene: &Scene, body: &str) -> Response<ReplyBody> {
    gateway.call(scene.request(CHAT, body, &[KEY])).await
}

fn slow(pause: u64) -> Script {
    Script::sse([
        chunk(""),
        chunk("he"),
        Piece::Pause(Duration::from_secs(pause)),
        chunk("llo"),
        finish(),
        done(),
    ])
}

fn is_replay(got: &Got) -> bool {
    got.header("x-promptgate-idempotent-replay") == "true"
}

fn assert_same(first: &Got, again: &Got) {
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert!(!is_replay(first) && is_replay(again));
    let kept = [
        "content-type",
        "x-promptgate-provider",
        "x-promptgate-model",
        "x-promptgate-cost",
        "x-promptgate-attempts",
    ];
    for name in kept {
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
}

#[tokio::test]
async fn the_same_request_again_is_answered_without_a_call() {
    let scene = scene();
    scene.upstream.next("one", Script::said("hello"));
    let first = keyed(&scene, ASK).await;
    let event = scene.event();
    let again = keyed(&scene, ASK).await;
    assert_same(&first, &again);
    assert_eq!((first.status, again.header("x-promptgate-attempts")), (200, "1"));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"), "it is another request");
    let elsewhere = read(at(&scene.replica(), &scene, ASK).await).await;
    assert_same(&first, &elsewhere);
    assert_eq!(scene.upstream.calls("one"), 1);
    assert!(scene.events().is_empty(), "it is booked once");
    let [kept] = &scene.outcomes.records()[..] else { panic!("one record") };
    let IdempotencyState::Done(answer) = &kept.state else { panic!("{kept:?}") };
    assert_eq!(kept.call_id, event.id);
    assert!(!answer.body.as_text().contains("hello"), "it is sealed");
}

#[tokio::test]
async fn a_stream_is_answered_with_the_same_events() {
    let scene = scene();
    scene.upstream.next("one", slow(0));
    let first = keyed(&scene, ASK_STREAM).await;
    assert!(first.body.contains("he") && first.body.ends_with("data: [DONE]\n\n"), "{first:?}");
    let again = keyed(&scene, ASK_STREAM).await;
    assert_same(&first, &again);
    assert_eq!(again.header("cache-control"), "no-cache");
    assert_eq!((scene.upstream.calls("one"), scene.events().len()), (1, 1));
}

#[tokio::test]
async fn the_key_is_the_gateways_own_business() {
    let scene = scene();
    scene.upstream.next("one", Script::said("hello"));
    keyed(&scene, ASK).await;
    assert_eq!(scene.upstream.seen()[0].header("idempotency-key"), "");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_meanwhile_waits_for_the_outcome() {
    let scene = scene();
    scene.upstream.next("one", slow(20));
    let begun = Instant::now();
    let first = scene.send(CHAT, ASK_STREAM, &[KEY]).await;
    let replica = scene.replica();
    let (first, again, elsewhere) = tokio::join!(read(first), keyed(&scene, ASK_STREAM), async {
        read(at(&replica, &scene, ASK_STREAM).await).await
    });
    assert_eq!(first.status, 200);
    assert_same(&first, &again);
    assert_same(&first, &elsewhere);
    assert!(begun.elapsed() <= Duration::from_secs(22), "{:?}", begun.elapsed());
    assert_eq!((scene.upstream.calls("one"), scene.events().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let scene = scene();
    scene.upstream.next("one", Script::sse([chunk("he"), Piece::Stall]));
    let first = scene.send(CHAT, ASK_STREAM, &[KEY]).await;
    let again = keyed(&scene, ASK_STREAM).await;
    assert_eq!((again.status, &again.json()["error"]["code"]), (409, &"idempotency_in_progress".into()));
    assert_eq!((again.header("retry-after"), again.header("x-should-retry")), ("1", "true"));
    assert!(scene.events().is_empty(), "the call is booked when it ends");
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_without_its_client() {
    for body in [ASK, ASK_STREAM] {
        let scene = scene();
        let script = if body == ASK {
            let said = Script::said("hello");
            let Script::Answer { status, headers, mut pieces } = said else { unreachable!() };
            pieces.insert(0, Piece::Pause(Duration::from_secs(5)));
            Script::Answer { status, headers, pieces }
        } else {
            slow(5)
        };
        scene.upstream.next("one", script);
        let call = async { read(scene.send(CHAT, body, &[KEY]).await).await };
        assert!(timeout(Duration::from_secs(1), call).await.is_err(), "the client waits no longer");
        let again = keyed(&scene, body).await;
        assert!(again.status == 200 && is_replay(&again) && again.body.contains("llo"), "{again:?}");
        assert_eq!(scene.upstream.calls("one"), 1);
        assert_eq!(scene.event().outcome, Outcome::Completed);
    }
}

/// A change of the configuration, of the token or of the process.
type Change = fn(&Scene);

/// A configuration in which the account may call all but one model.
fn configured(scene: &Scene, change: impl FnOnce(&mut Configuration)) {
    let mut configuration = Configuration {
        projects: vec![scene.project.clone()],
        providers: vec![provider_at("one", ProviderKind::OpenAi)],
        ..Configuration::default()
    };
    excluding(&mut configuration, &["^other$"]);
    change(&mut configuration);
    scene.snapshot.store(Snapshot::compile(configuration, &compiler()).0);
}

fn excluding(configuration: &mut Configuration, models: &[&str]) {
    let group = group("a", Providers::All, &[], models);
    configuration.group_members = vec![(account(1), group.id)];
    configuration.groups = vec![group];
    configuration.accounts = vec![standing(1)];
    configuration.plans = vec![default_plan()];
}

#[tokio::test]
async fn an_outcome_is_told_again_only_to_who_may_still_make_the_call() {
    let changes: [(Change, &str); 5] = [
        (|scene| configured(scene, |all| all.providers[0].enabled = false), "provider_disabled"),
        (|scene| configured(scene, |all| all.providers.clear()), ""),
        (|scene| configured(scene, |all| excluding(all, &["^m$"])), "group_access_denied"),
        (|scene| configured(scene, |all| all.projects[0].active = false), ""),
        (|scene| scene.gateway.stop_admitting(), ""),
    ];
    for (number, (change, code)) in changes.into_iter().enumerate() {
        let scene = scene();
        scene.tokens.put(Token { owner: Some(account(1)), ..scene.token.clone() });
        configured(&scene, |_| {});
        scene.upstream.next("one", Script::said("hello"));
        assert_eq!(keyed(&scene, ASK).await.status, 200);
        assert!(is_replay(&keyed(&scene, ASK).await), "nothing has changed yet");
        scene.events();
        change(&scene);
        let refused = keyed(&scene, ASK).await;
        assert!(refused.status >= 400 && !is_replay(&refused), "{number}: {refused:?}");
        assert!(!refused.body.contains("hello"), "{number}");
        if !code.is_empty() {
            assert_eq!(refused.json()["error"]["code"], code);
        }
        assert_eq!(scene.upstream.calls("one"), 1, "{number}");
        assert_ne!(scene.event().outcome, Outcome::Completed, "a refusal is a call of its own");
    }
}

#[tokio::test]
async fn an_outcome_that_an_older_version_kept_is_told_again() {
    let scene = scene();
    scene.upstream.next("one", Script::said("hello"));
    keyed(&scene, ASK).await;
    let [kept] = &scene.outcomes.records()[..] else { panic!("one record") };
    let IdempotencyState::Done(answer) = &kept.state else { panic!("{kept:?}") };
    let mut older = answer.clone();
    older.headers.retain(|(name, _)| !name.starts_with(':'));
    assert_eq!(older.headers.len() + 2, answer.headers.len(), "the provider and the model are kept");
    let check = |answer| {
        let route = Route::Model(CHAT);
        super::again::check(answer, (route, scene.project.id), &scene.token, scene.gateway.shared())
    };
    configured(&scene, |all| all.providers[0].enabled = false);
    assert!(check(answer).is_err() && check(&older).is_ok());
}

#[tokio::test]
async fn a_refused_request_with_a_key_is_counted_once() {
    let scene = scene();
    let mut stranger = scene.request(CHAT, ASK, &[KEY]);
    stranger.headers.insert("authorization", format!("Bearer {}", secret_of(99)).parse().unwrap());
    assert_eq!(scene.gateway.call(stranger).await.status(), 401);
    let counted = scene.gateway.shared().failures.take();
    assert_eq!(counted.iter().map(|(_, tally)| tally.count).sum::<u64>(), 1);
}

#[tokio::test]
async fn another_question_under_the_same_key_is_a_mistake() {
    let scene = scene();
    scene.upstream.always("one", Script::said("hello"));
    keyed(&scene, ASK).await;
    let other = keyed(&scene, ASK_STREAM).await;
    assert_eq!((other.status, &other.json()["error"]["code"]), (422, &"idempotency_key_reused".into()));
    let route = read(scene.send(Operation::Responses, ASK, &[KEY]).await).await;
    assert_eq!(route.status, 422, "the same body to another route");
    assert_eq!(scene.upstream.calls("one"), 1);
    assert_eq!(scene.events().len(), 3, "these are calls of their own");
}

#[tokio::test]
async fn keys_belong_to_tokens() {
    let mut scene = scene();
    scene.upstream.always("one", Script::said("hello"));
    keyed(&scene, ASK).await;
    scene.tokens.put(token_for(&scene.project, 6).1);
    scene.secret = secret_of(6);
    let other = keyed(&scene, ASK).await;
    assert!(other.status == 200 && !is_replay(&other));
    assert_eq!(scene.upstream.calls("one"), 2);
}

#[tokio::test(start_paused = true)]
async fn what_should_be_tried_again_is_tried_again() {
    let failures = [
        (ASK, Script::fails(503), 503),
        (ASK, Script::fails(401), 502),
        (ASK, Script::fails(429), 429),
        (ASK_STREAM, Script::sse([chunk("he"), Piece::Break]), 200),
    ];
    for (body, failure, status) in failures {
        let scene = scene();
        scene.upstream.always("one", failure.clone());
        assert_eq!(keyed(&scene, body).await.status, status, "{failure:?}");
        scene.events();
        scene.upstream.always("one", if body == ASK { Script::said("hello") } else { slow(0) });
        advance(Duration::from_mins(10)).await;
        scene.clock.advance(Duration::from_mins(10));
        let again = keyed(&scene, body).await;
        assert!(again.status == 200 && !is_replay(&again) && again.body.contains("llo"), "{again:?}");
        assert_eq!(scene.event().outcome, Outcome::Completed, "it really was another call");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_request_stays_wrong() {
    let scene = scene();
    scene.upstream.next("one", Script::fails(400));
    let first = keyed(&scene, ASK).await;
    assert_eq!(first.status, 400);
    assert_same(&first, &keyed(&scene, ASK).await);
    assert_eq!((scene.upstream.calls("one"), scene.events().len()), (1, 1));
}

#[tokio::test]
async fn a_key_is_one_short_word() {
    let scene = scene();
    let long: &'static str = "x".repeat(256).leak();
    for keys in [&["two words"][..], &[""], &[long], &["a", "b"]] {
        let headers: Vec<_> = keys.iter().map(|key| ("idempotency-key", *key)).collect();
        let got = read(scene.send(CHAT, ASK, &headers).await).await;
        let error = &got.json()["error"];
        assert_eq!((got.status, &error["code"]), (400, &"invalid_idempotency_key".into()), "{keys:?}");
        assert_eq!(error["param"], "Idempotency-Key");
    }
    let mut foreign = scene.request(CHAT, ASK, &[]).headers;
    foreign.insert(KEY.0, http::HeaderValue::from_bytes(b"\xc3\xbc").unwrap());
    assert_eq!(hash_of_key(&foreign), Err(super::IdempotencyRefusal::Invalid));
    let mut stranger = scene.request(CHAT, ASK, &[("idempotency-key", "")]);
    stranger.headers.remove("authorization");
    assert_eq!(scene.gateway.call(stranger).await.status(), 401, "who calls is asked first");
    scene.upstream.next("one", Script::said("hello"));
    let longest: &'static str = "x".repeat(255).leak();
    assert_eq!(scene.send(CHAT, ASK, &[("idempotency-key", longest)]).await.status(), 200);
}

#[tokio::test]
async fn without_a_store_only_requests_with_a_key_are_refused() {
    let scene = scene();
    scene.upstream.always("one", Script::said("hello"));
    scene.outcomes.break_down(true);
    let refused = keyed(&scene, ASK).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &"idempotency_unavailable".into()));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(scene.chat(ASK).await.status, 200);
    assert_eq!(scene.upstream.calls("one"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_waits_for_a_store_that_is_away_for_a_while() {
    let scene = scene();
    scene.upstream.next("one", slow(2));
    let first = scene.send(CHAT, ASK_STREAM, &[KEY]).await;
    scene.outcomes.break_down(true);
    let first = read(first).await;
    assert!(first.body.ends_with("data: [DONE]\n\n"), "the client has its answer");
    sleep(Duration::from_secs(4)).await;
    scene.outcomes.break_down(false);
    assert_same(&first, &keyed(&scene, ASK_STREAM).await);
    assert_eq!(scene.upstream.calls("one"), 1);
}

#[tokio::test]
async fn what_is_too_large_is_not_kept_and_not_asked_for_again() {
    let scene = scene();
    scene.upstream.always("one", Script::said(&"x".repeat(MAX_BODY)));
    assert_eq!(keyed(&scene, ASK).await.status, 200);
    scene.events();
    let again = keyed(&scene, ASK).await;
    assert_eq!(
        (again.status, &again.json()["error"]["code"]),
        (409, &"idempotency_outcome_too_large".into())
    );
    assert_eq!(again.header("x-should-retry"), "false");
    assert_eq!((scene.upstream.calls("one"), scene.events().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_key_of_a_process_that_died_is_free_after_its_lease() {
    let scene = scene();
    scene.upstream.next("one", Script::said("hello"));
    let request = scene.request(CHAT, ASK, &[KEY]);
    let key = IdempotencyKey { token_id: scene.token.id, hash: hash_of_key(&request.headers).unwrap() };
    let asked = hash_of_call(&request, &bytes::Bytes::from_static(ASK.as_bytes()));
    let call = CallId::mint(&TestClock::at_millis(5), &SeededEntropy::new(5));
    let now = promptgate_kernel::Clock::now(&*scene.clock);
    let dead = IdempotencyRecord::begin(key, asked, call, now, now.plus(LEASE));
    assert_eq!(super::IdempotencySource::claim(&*scene.outcomes, &dead).await.unwrap(), None);
    let clock = Arc::clone(&scene.clock);
    let time_passes = async move {
        sleep(LEASE).await;
        clock.advance(LEASE);
    };
    let begun = Instant::now();
    let (got, ()) = tokio::join!(keyed(&scene, ASK), time_passes);
    assert!(got.status == 200 && !is_replay(&got), "{got:?}");
    assert!(begun.elapsed() < LEASE + Duration::from_secs(2));
    assert_eq!(scene.events().len(), 1, "it was made after all");
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_held_for_as_long_as_the_call_lasts() {
    let scene = scene();
    scene.upstream.next("one", slow(60));
    let first = scene.send(CHAT, ASK_STREAM, &[KEY]).await;
    let expiry = || -> Timestamp { scene.outcomes.records()[0].expires_at };
    let before = expiry();
    for _ in 0..10 {
        sleep(Duration::from_secs(5)).await;
        scene.clock.advance(Duration::from_secs(5));
    }
    assert!(scene.outcomes.renewals() >= 9 && expiry() > before.plus(Duration::from_secs(30)));
    read(first).await;
    let again = keyed(&scene, ASK_STREAM).await;
    assert!(is_replay(&again));
    scene.clock.advance(Duration::from_hours(25));
    scene.upstream.next("one", slow(0));
    assert!(!is_replay(&keyed(&scene, ASK_STREAM).await), "it is kept for a day");
}
