//! Providers that refuse, stall, break off or lie.

use std::time::{Duration, Instant};

use promptgate_e2e::{Gateway, Installation, Project};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::{Value, json};

const FIRST_EVENT: &str =
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"}}]}\n\n";

struct Trouble {
    _installation: Installation,
    gateway: Gateway,
    project: Project,
    upstream: ScriptedUpstream,
}

impl Trouble {
    async fn new() -> Self {
        let upstream = ScriptedUpstream::start().await.unwrap();
        let installation = Installation::embedded()
            .unwrap()
            .set("PROMPTGATE_PROXY_FIRST_BYTE_TIMEOUT", "500ms")
            .set("PROMPTGATE_PROXY_IDLE_TIMEOUT", "500ms");
        let gateway = Gateway::run_all(&installation).await.unwrap();
        let base = format!("{}/v1", upstream.url());
        gateway.provider("up", "openai_compatible", &base).await.unwrap();
        let project = gateway.project().await.unwrap();
        Self { _installation: installation, gateway, project, upstream }
    }

    /// The event of the last call; every earlier call, and the set-up's list of models, has one too.
    async fn last_event(&self, calls: usize) -> Value {
        self.gateway.usage(&self.project, calls + 1).await.unwrap().remove(0)
    }
}

#[tokio::test]
async fn refusals_of_the_provider_reach_the_client_as_what_they_are() {
    let trouble = Trouble::new().await;
    trouble.upstream.otherwise(Reply::status(500).with_json(&json!({"error": {"message": "oops"}})));
    let answer = trouble.project.chat("up:m").await.unwrap();
    assert!(answer.status.is_server_error(), "{}", answer.status);
    assert!(answer.json()["error"]["message"].is_string(), "{}", answer.text());
    assert_eq!(trouble.last_event(1).await["outcome"], "upstream_failed");

    let body =
        json!({"error": {"message": "slow down", "type": "rate_limit_error", "param": null, "code": "busy"}});
    trouble.upstream.enqueue(Reply::status(429).header("retry-after", "7").with_json(&body));
    let answer = trouble.project.chat("up:m").await.unwrap();
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert!(answer.json()["error"]["message"].is_string(), "{}", answer.text());
    let event = trouble.last_event(2).await;
    assert_eq!((&event["outcome"], &event["status"]), (&"upstream_failed".into(), &429.into()), "{event}");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_a_timeout_of_its_own() {
    let trouble = Trouble::new().await;
    trouble.upstream.enqueue(Reply::never());
    let started = Instant::now();
    let answer = trouble.project.chat("up:m").await.unwrap();
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "upstream_first_byte_timeout", "{}", answer.text());
    assert!(started.elapsed() < Duration::from_secs(10));
    trouble.upstream.wait_until(|counts| counts.aborted == 1).await.unwrap();
    assert_eq!(trouble.last_event(1).await["outcome"], "upstream_failed");
}

#[tokio::test]
async fn a_provider_that_hangs_up_is_a_bad_gateway() {
    let trouble = Trouble::new().await;
    trouble.upstream.otherwise(Reply::hang_up());
    let answer = trouble.project.chat("up:m").await.unwrap();
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(trouble.last_event(1).await["outcome"], "upstream_failed");
}

#[tokio::test]
async fn a_stream_that_stalls_or_breaks_ends_with_one_error_event() {
    let trouble = Trouble::new().await;
    for (calls, reply) in [Reply::sse([FIRST_EVENT]).stall(), Reply::sse([FIRST_EVENT]).drop_connection()]
        .into_iter()
        .enumerate()
    {
        trouble.upstream.enqueue(reply);
        let answer = trouble.project.stream("up:m").await.unwrap().whole().await.unwrap();
        assert_eq!(answer.status, 200);
        let text = answer.text();
        let rest = text.strip_prefix(FIRST_EVENT).unwrap_or_else(|| panic!("{text}"));
        let event = rest.trim_end().strip_prefix("data: ").unwrap_or_else(|| panic!("{text}"));
        let event: Value =
            serde_json::from_str(event).unwrap_or_else(|_| panic!("more than one event: {text}"));
        assert!(event["error"]["message"].is_string(), "{event}");
        let event = trouble.last_event(calls + 1).await;
        assert_eq!(
            (&event["outcome"], &event["estimated"]),
            (&"upstream_failed".into(), &true.into()),
            "{event}"
        );
    }
}

#[tokio::test]
async fn usage_that_cannot_be_true_is_replaced_by_an_estimate() {
    let trouble = Trouble::new().await;
    let lies = [
        json!({"prompt_tokens": -5, "completion_tokens": 7, "total_tokens": 2}),
        json!({"prompt_tokens": "many", "completion_tokens": 7}),
        json!({"prompt_tokens": 1e300, "completion_tokens": 7}),
        json!([1, 2, 3]),
        Value::Null,
    ];
    for (number, usage) in lies.into_iter().enumerate() {
        let choices = json!([{"index": 0, "message": {"role": "assistant", "content": "Hello there"}}]);
        trouble.upstream.enqueue(Reply::json(&json!({"id": "c", "choices": choices, "usage": usage})));
        let answer = trouble.project.chat("up:m").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let event = trouble.last_event(number + 1).await;
        assert_eq!(event["estimated"], true, "{usage}: {event}");
        let [input, output] = ["input", "output"].map(|class| event["tokens"][class].as_u64().unwrap());
        assert!((1..1000).contains(&input) && (1..1000).contains(&output), "{usage}: {event}");
    }
}

#[tokio::test]
async fn cached_tokens_beyond_the_prompt_are_not_counted_twice() {
    let trouble = Trouble::new().await;
    let usage = json!({
        "prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 50},
    });
    let choices = json!([{"index": 0, "message": {"role": "assistant", "content": "Hello there"}}]);
    trouble.upstream.enqueue(Reply::json(&json!({"id": "c", "choices": choices, "usage": usage})));
    trouble.project.chat("up:m").await.unwrap().expect(200).unwrap();
    let event = trouble.last_event(1).await;
    let tokens = &event["tokens"];
    let count = |class: &str| tokens[class].as_u64().unwrap_or_else(|| panic!("{class}: {event}"));
    assert_eq!(count("input") + count("cacheRead"), 10, "{event}");
    assert_eq!((count("output"), count("total")), (7, 17), "{event}");
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_a_bad_gateway() {
    let trouble = Trouble::new().await;
    let nowhere = format!("http://127.0.0.1:{}/v1", promptgate_e2e::free_port());
    trouble.gateway.provider("gone", "openai_compatible", &nowhere).await.unwrap();
    let project = trouble.gateway.project().await.unwrap();
    let answer = project.chat("gone:m").await.unwrap();
    assert_eq!(answer.status, 502, "{}", answer.text());
}
