//! Providers that fail while another one could answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::Method;
use promptgate_e2e::{Gateway, Installation, Project, eventually};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream, SeenRequest};
use promptgate_testkit::vendor;
use serde_json::{Value, json};

struct Pair {
    _installation: Installation,
    gateway: Gateway,
    project: Project,
    first: ScriptedUpstream,
    second: ScriptedUpstream,
}

impl Pair {
    /// Two providers that both list the model `m-1`; the first one is asked first.
    async fn new() -> Self {
        let [first, second] =
            [ScriptedUpstream::start().await.unwrap(), ScriptedUpstream::start().await.unwrap()];
        second.handle(vendor::answer);
        let installation = Installation::embedded().unwrap();
        let gateway = Gateway::run_all(&installation).await.unwrap();
        provider(&gateway, "first", &first, json!({"firstByteTimeoutMs": 700, "idleTimeoutMs": 700})).await;
        provider(&gateway, "second", &second, json!({})).await;
        let project = gateway.project().await.unwrap();
        Self { _installation: installation, gateway, project, first, second }
    }
}

async fn provider(gateway: &Gateway, name: &str, upstream: &ScriptedUpstream, config: Value) {
    let body = json!({
        "name": name, "displayName": name, "type": "openai_compatible", "baseUrl": format!("{}/v1", upstream.url()),
        "apiKey": format!("key-of-{name}"), "models": ["m-1"], "config": config,
    });
    gateway.admin(Method::POST, "/providers", &body).await.unwrap().expect(201).unwrap();
}

const ROLE: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const WORD: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Once\"},\"finish_reason\":null}]}\n\n";
const ERROR: &str =
    "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"overloaded_error\",\"code\":529}}\n\n";

fn text_of(stream: &str) -> String {
    stream
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect()
}

#[tokio::test]
async fn row_05_a_cooldown_is_kept_and_the_second_provider_answers() {
    let pair = Pair::new().await;
    let busy = json!({"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}});
    pair.first.otherwise(Reply::status(429).header("retry-after", "7").with_json(&busy));
    for _ in 0..3 {
        let answer = pair.project.chat("m-1").await.unwrap();
        answer.expect(200).unwrap();
        assert_eq!(answer.header("x-promptgate-provider"), Some("second"));
    }
    assert_eq!(pair.first.counts().requests, 1, "it said to wait seven seconds");

    // Nobody else answers here: the truth, in seconds and in milliseconds.
    let alone = pair.project.chat("first:m-1").await.unwrap();
    alone.expect(429).unwrap();
    let seconds: u64 = alone.header("retry-after").unwrap().parse().unwrap();
    let millis: u64 = alone.header("retry-after-ms").unwrap().parse().unwrap();
    assert!((1..=7).contains(&seconds) && (1..=7_000).contains(&millis), "{seconds} s, {millis} ms");
    assert_eq!(pair.first.counts().requests, 1, "not even then is it asked again");
}

#[tokio::test]
async fn row_18_what_fails_before_the_first_word_is_replaced_invisibly() {
    let pair = Pair::new().await;
    let failures = [
        Reply::sse([ERROR]),
        Reply::sse([ROLE, ERROR]),
        Reply::sse([ROLE]).stall(),
        Reply::sse([ROLE]).drop_connection(),
        Reply::sse::<&str>([]),
        Reply::status(500).with_json(&json!({"error": {"message": "oops"}})),
        Reply::never(),
        Reply::hang_up(),
    ];
    for (number, failure) in failures.into_iter().enumerate() {
        pair.first.enqueue(failure);
        let answer = pair.project.stream("m-1").await.unwrap().whole().await.unwrap();
        assert_eq!(answer.status, 200, "{number}: {}", answer.text());
        assert_eq!(text_of(&answer.text()), "Hello from chat_completions: Hello", "{number}");
        assert_eq!(answer.text().matches("[DONE]").count(), 1, "{number}");
        assert!(!answer.text().contains("error"), "{number}: {}", answer.text());
    }
}

#[tokio::test]
async fn row_18_after_the_first_word_there_is_one_error_and_no_word_twice() {
    let pair = Pair::new().await;
    for failure in [Reply::sse([ROLE, WORD, ERROR]), Reply::sse([ROLE, WORD]).drop_connection()] {
        pair.first.enqueue(failure);
        let answer = pair.project.stream("first:m-1").await.unwrap().whole().await.unwrap();
        let text = answer.text();
        assert_eq!(answer.status, 200);
        assert_eq!(text_of(&text), "Once", "{text}");
        assert_eq!(text.matches("\"error\":").count(), 1, "{text}");
    }
    assert_eq!(pair.second.counts().requests, 0, "text went out already");
}

#[tokio::test]
async fn attempts_are_in_a_header_the_record_and_the_log() {
    let pair = Pair::new().await;
    pair.first.enqueue(Reply::status(500).with_json(&json!({"error": {"message": "oops"}})));
    let answer = pair.project.chat("m-1").await.unwrap();
    answer.expect(200).unwrap();
    assert_eq!(answer.header("x-promptgate-attempts"), Some("2"));
    assert_eq!(answer.header("x-promptgate-provider"), Some("second"));
    let call = pair.gateway.last_call(&pair.project, 2).await.unwrap();
    assert_eq!((&call["attempts"], &call["provider"]), (&json!(2), &json!("second")), "{call}");
    let tried = call["tried"].as_array().unwrap();
    let told: Vec<_> =
        tried.iter().map(|each| (&each["provider"], &each["fault"], &each["status"])).collect();
    let (none, upstream_error) = (Value::Null, json!("upstream_error"));
    let names = [json!("first"), json!("second")];
    let statuses = [json!(500), json!(200)];
    assert_eq!(told, [(&names[0], &upstream_error, &statuses[0]), (&names[1], &none, &statuses[1])]);
    let said = pair.gateway.process().said();
    assert!(said.contains("attempt 1 at first: upstream_error"), "{said}");
}

#[tokio::test]
async fn row_19_each_kind_of_waiting_has_its_own_code() {
    let upstream = ScriptedUpstream::start().await.unwrap();
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    provider(&gateway, "slow-start", &upstream, json!({"firstByteTimeoutMs": 300})).await;
    provider(&gateway, "slow-middle", &upstream, json!({"idleTimeoutMs": 300})).await;
    provider(&gateway, "slow-whole", &upstream, json!({"totalTimeoutMs": 300})).await;
    let project = gateway.project().await.unwrap();
    let half = Reply::status(200).header("content-type", "application/json").chunk("{").stall();
    for (name, reply, code) in [
        ("slow-start", Reply::never(), "upstream_first_byte_timeout"),
        ("slow-middle", half, "upstream_idle_timeout"),
        ("slow-whole", Reply::never(), "upstream_total_timeout"),
    ] {
        upstream.otherwise(reply);
        let started = Instant::now();
        let answer = project.chat(&format!("{name}:m-1")).await.unwrap();
        let body = answer.expect(504).unwrap();
        assert_eq!(body["error"]["code"], code, "{body}");
        assert!(started.elapsed() < Duration::from_secs(20), "{name}");
    }
    upstream.wait_until(|counts| counts.in_flight == 0).await.unwrap();
}

#[tokio::test]
async fn a_stream_outlives_every_total_deadline() {
    let upstream = ScriptedUpstream::start().await.unwrap();
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    provider(&gateway, "long", &upstream, json!({"totalTimeoutMs": 200, "idleTimeoutMs": 5000})).await;
    let project = gateway.project().await.unwrap();
    let gate = promptgate_testkit::upstream::Gate::new();
    upstream.enqueue(Reply::sse([ROLE, WORD]).wait(&gate).chunk(WORD).chunk("data: [DONE]\n\n"));
    let mut stream = project.stream("long:m-1").await.unwrap();
    stream.read_until("Once").await.unwrap();
    let until = Instant::now() + Duration::from_millis(600);
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    gate.release();
    let rest = stream.whole().await.unwrap();
    assert!(rest.text().contains("Once") && rest.text().contains("[DONE]"), "{}", rest.text());
}

/// In how many ways a provider fails below.
const WAYS: usize = 10;

/// Fails every second call, each time in another way.
fn half_broken(number: usize, request: &SeenRequest) -> Reply {
    let oops = json!({"error": {"message": "oops", "type": "server_error"}});
    if number.is_multiple_of(2) {
        return vendor::answer(request);
    }
    match (number / 2) % WAYS {
        0 => Reply::status(500).with_json(&oops),
        1 => Reply::status(503).with_json(&oops),
        2 => Reply::status(529).with_json(&oops),
        3 => Reply::hang_up(),
        4 => Reply::status(408).with_json(&oops),
        5 => Reply::sse([ROLE, ERROR]),
        6 => Reply::sse([ROLE]).drop_connection(),
        7 => Reply::sse([ROLE]).stall(),
        8 => Reply::never(),
        _ => Reply::status(200).with_body("application/json", ""),
    }
}

#[tokio::test]
async fn a_provider_that_fails_half_of_its_calls_is_seen_by_nobody() {
    const CALLS: usize = 200;
    let pair = Pair::new().await;
    let numbers = AtomicUsize::new(0);
    pair.first.handle(move |request| half_broken(numbers.fetch_add(1, Ordering::Relaxed), request));
    let mut made = 0;
    // It is left alone at times; until each way has been seen it goes on.
    while made < CALLS || pair.first.counts().requests < 2 * WAYS {
        made += 10;
        assert!(made < 20 * CALLS, "{:?}", pair.first.counts());
        let calls = (0..10_usize).map(|number| {
            let project = pair.project.clone();
            async move {
                if number.is_multiple_of(2) {
                    project.stream("m-1").await.unwrap().whole().await.unwrap()
                } else {
                    project.chat("m-1").await.unwrap()
                }
            }
        });
        for answer in join_all(calls).await {
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.text().contains("Hello"), "{}", answer.text());
            assert!(!answer.text().contains("\"error\""), "{}", answer.text());
        }
    }
    let asked = pair.first.counts().requests;
    assert!(asked <= made + made / 5 + 10, "{asked} calls of the broken provider for {made} calls");
    let events = pair.gateway.usage(&pair.project, made + 1).await.unwrap();
    assert!(events.iter().all(|event| event["outcome"] == "completed"), "one call, one event");
    assert_eq!(events.len(), made + 1);
}

/// The added load on a provider that is alone stays inside the budget. It fails often, but never so often
/// that it is left alone for a while.
#[tokio::test]
async fn retries_add_no_more_than_their_budget() {
    const CALLS: usize = 100;
    let upstream = ScriptedUpstream::start().await.unwrap();
    let numbers = AtomicUsize::new(0);
    upstream.handle(move |request| match numbers.fetch_add(1, Ordering::Relaxed) % 5 {
        0 | 1 => Reply::status(500).with_json(&json!({"error": {"message": "oops"}})),
        _ => vendor::answer(request),
    });
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    provider(&gateway, "alone", &upstream, json!({})).await;
    let project = gateway.project().await.unwrap();
    let mut failed = 0;
    let began = Instant::now();
    for _ in 0..CALLS {
        let answer = project.chat("alone:m-1").await.unwrap();
        assert!(matches!(answer.status.as_u16(), 200 | 502), "{}", answer.text());
        failed += usize::from(answer.status == 502);
    }
    let asked = upstream.counts().requests;
    assert!(asked > CALLS && failed > 0, "{asked} upstream calls, {failed} failures: some are repeated");
    // Who calls seldom may repeat now and then all the same: three times in two seconds.
    let floor = 3 * (1 + usize::try_from(began.elapsed().as_secs()).unwrap().div_ceil(2)) + 1;
    assert!(asked <= CALLS + CALLS / 5 + floor, "{asked} upstream calls for {CALLS} calls");
}

#[tokio::test]
async fn a_provider_that_keeps_failing_is_left_alone_and_taken_back_when_it_answers() {
    const CALLS: usize = 40;
    let pair = Pair::new().await;
    pair.first.otherwise(Reply::status(500).with_json(&json!({"error": {"message": "oops"}})));
    for _ in 0..CALLS {
        pair.project.chat("m-1").await.unwrap().expect(200).unwrap();
    }
    let asked = pair.first.counts().requests;
    assert!((5..CALLS / 2).contains(&asked), "five failures in a row, then only probes: {asked}");
    pair.first.handle(vendor::answer);
    eventually("an answer of the first provider", Duration::from_mins(1), || async {
        let answer = pair.project.chat("m-1").await.ok()?;
        (answer.status == 200 && answer.header("x-promptgate-provider") == Some("first")).then_some(())
    })
    .await
    .unwrap();
    let before = pair.second.counts().requests;
    for _ in 0..10 {
        pair.project.chat("m-1").await.unwrap().expect(200).unwrap();
    }
    assert_eq!(pair.second.counts().requests, before, "it has all calls again");
}
