//! Rate limits and budgets, kept by the binaries: on one replica, and on three that share PostgreSQL or Redis.

mod cut;
mod storms;

use std::time::Duration;

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project, Response, eventually};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream, SeenRequest};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway with a provider `up`, and all its data planes.
struct Fleet {
    _installation: Installation,
    gateway: Gateway,
    project: Project,
    /// The provider's id.
    provider: String,
    upstream: ScriptedUpstream,
    proxies: Vec<String>,
}

impl Fleet {
    async fn of(installation: Installation, gateway: Gateway, third: Option<String>) -> Self {
        let upstream = ScriptedUpstream::start().await.unwrap();
        upstream.handle(answer);
        let provider =
            gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
        let project = gateway.project().await.unwrap();
        let proxies = [Some(gateway.proxy.clone()), gateway.second_proxy.clone(), third];
        let proxies = proxies.into_iter().flatten().collect();
        let fleet = Self { _installation: installation, gateway, project, provider, upstream, proxies };
        for proxy in 0..fleet.proxies.len() {
            let client = fleet.project.client.clone();
            let url = fleet.url(proxy, "/v1/models");
            eventually("a data plane that knows the project", PATIENCE, || async {
                client.get(&url).await.is_ok_and(|answer| answer.status == 200).then_some(())
            })
            .await
            .unwrap();
        }
        fleet
    }

    async fn embedded() -> Self {
        let installation = Installation::embedded().unwrap();
        let gateway = Gateway::run_all(&installation).await.unwrap();
        Self::of(installation, gateway, None).await
    }

    async fn three(installation: Installation) -> Self {
        let mut gateway = Gateway::replicated(&installation).await.unwrap();
        let port = promptgate_e2e::free_port().to_string();
        let ports = [("PROMPTGATE_PROXY_PORT", port.as_str())];
        gateway.processes.push(installation.start_with("promptgate-proxy", &[], &ports).unwrap());
        let third = format!("http://127.0.0.1:{port}");
        let (client, ready) = (Client::new(), format!("{third}/readyz"));
        eventually("a third data plane", PATIENCE, || async {
            client.get(&ready).await.is_ok_and(|answer| answer.status == 200).then_some(())
        })
        .await
        .unwrap();
        Self::of(installation, gateway, Some(third)).await
    }

    fn url(&self, proxy: usize, path: &str) -> String {
        format!("{}/api/{}{path}", self.proxies[proxy % self.proxies.len()], self.project.id)
    }

    /// A token with these limits.
    async fn token(&self, limits: Value) -> Client {
        self.token_and_id(limits).await.0
    }

    async fn token_and_id(&self, limits: Value) -> (Client, String) {
        let mut body = json!({"name": "Limited", "scopes": ["chat"]});
        body.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let (token, id) = self.gateway.token(&self.project.id, &body).await.unwrap();
        (Client::new().bearer(&token), id)
    }

    /// So many calls at once, spread over all data planes.
    async fn storm(&self, client: &Client, body: &Value, calls: usize) -> Vec<Response> {
        let one = |call| {
            let (client, url) = (client.clone(), self.url(call, "/v1/chat/completions"));
            async move { client.stream(&url, body).await.unwrap().whole().await.unwrap() }
        };
        futures_util::future::join_all((0..calls).map(one)).await
    }

    /// Waits for the next minute of the wall clock if this one has little left.
    async fn with_time_left(&self) {
        let probe = self.token(json!({"rateLimitPerMinute": 1})).await;
        let answers = self.storm(&probe, &chat(), 2).await;
        let refused = answers.iter().find(|answer| answer.status == 429);
        let rest = refused.and_then(|answer| answer.header("retry-after")?.parse().ok());
        // Two calls in two minutes: the next one has just begun.
        let rest = Duration::from_secs(rest.unwrap_or(60));
        if rest < Duration::from_secs(15) {
            tokio::time::sleep(rest).await;
        }
    }
}

fn chat() -> Value {
    json!({"model": "up:m", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]})
}

/// An answer that keeps to what it was asked for, and uses all of it.
fn answer(seen: &SeenRequest) -> Reply {
    let asked = seen.json();
    let most = asked["max_tokens"].as_u64().or_else(|| asked["max_completion_tokens"].as_u64());
    let written = most.unwrap_or(100_000).min(40);
    let usage = json!({"prompt_tokens": 8, "completion_tokens": written, "total_tokens": 8 + written});
    if asked["stream"] == true {
        let chunk = |delta: Value, reason: Value| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
            format!(
                "data: {}\n\n",
                json!({"id": "c", "object": "chat.completion.chunk", "choices": [choice]})
            )
        };
        return Reply::sse([
            chunk(json!({"role": "assistant", "content": "hello"}), Value::Null),
            chunk(json!({}), json!("stop")),
            format!(
                "data: {}\n\n",
                json!({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage})
            ),
            "data: [DONE]\n\n".to_owned(),
        ]);
    }
    let message = json!({"role": "assistant", "content": "hello"});
    let choices = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
    Reply::json(
        &json!({"id": "c", "object": "chat.completion", "model": "m", "choices": choices, "usage": usage}),
    )
}

fn count(answers: &[Response], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn five_a_minute(fleet: &Fleet) {
    fleet.with_time_left().await;
    let client = fleet.token(json!({"rateLimitPerMinute": 5})).await;
    let answers = fleet.storm(&client, &chat(), 60).await;
    assert_eq!((count(&answers, 200), count(&answers, 429)), (5, 55));
    for refused in answers.iter().filter(|answer| answer.status == 429) {
        let body = refused.json();
        assert_eq!((&body["scope"], &body["error"]["type"]), (&json!("minute"), &json!("rate_limit_error")));
        let rest: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        let millis: u64 = refused.header("retry-after-ms").unwrap().parse().unwrap();
        assert!((1..=60).contains(&rest) && millis.div_ceil(1_000) == rest, "{rest} {millis}");
        assert_eq!(refused.header("x-ratelimit-limit-requests"), Some("5"));
        assert_eq!(refused.header("x-ratelimit-remaining-requests"), Some("0"));
    }
}

/// What the calls of a token cost, all of them recorded.
async fn spent(fleet: &Fleet, token: &str, admitted: usize) -> f64 {
    let recorded = || async {
        let events = fleet.gateway.usage_now(&fleet.project).await.ok()?;
        let answered: Vec<_> = events
            .iter()
            .filter(|event| event["tokenId"] == token && event["status"] == 200)
            .map(|event| event["costUsd"].as_f64().unwrap())
            .collect();
        (answered.len() >= admitted).then(|| answered.iter().sum())
    };
    eventually("every call's record", PATIENCE, recorded).await.unwrap()
}

async fn a_cent(fleet: &Fleet) {
    let (client, token) = fleet.token_and_id(json!({"monthlyBudgetUsdCap": 0.01})).await;
    let mut admitted = 0;
    for body in [
        json!({"model": "up:m", "max_tokens": 30, "stream": true, "messages": [{"role": "user", "content": "Hello"}]}),
        json!({"model": "up:m", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}),
    ] {
        let answers = fleet.storm(&client, &body, 200).await;
        let ok = count(&answers, 200);
        assert_eq!(ok + count(&answers, 402), 200, "{:?}", answers.iter().map(|answer| answer.status));
        admitted += ok;
        if let Some(refused) = answers.iter().find(|answer| answer.status == 402) {
            let body = refused.json();
            assert_eq!((&body["type"], &body["limit"]), (&json!("budget_exhausted"), &json!(0.01)));
            assert!(body["resets_at"].as_str().unwrap().contains("-01T00:00:00"), "{body}");
        }
        let spent = spent(fleet, &token, admitted).await;
        assert!(spent <= 0.01, "{admitted} calls cost ${spent}");
    }
    assert!(admitted >= 2, "{admitted}");
    // Nothing stays reserved: what is left is spent to the last call that fits.
    let small =
        json!({"model": "up:m", "max_tokens": 16, "messages": [{"role": "user", "content": "Hello"}]});
    let left = eventually("a budget that is spent", PATIENCE, || async {
        let answers = fleet.storm(&client, &small, 3).await;
        let refused = answers.iter().find(|answer| answer.status == 402)?.json();
        (refused["reserved"] == 0.0).then(|| 0.01 - refused["spent"].as_f64().unwrap())
    })
    .await
    .unwrap();
    // 29 tokens may be read, and 16 written, at five and thirty dollars a million.
    assert!((0.0..0.000_7).contains(&left), "{left}");
}

#[tokio::test]
async fn limits_hold_on_one_replica() {
    let fleet = Fleet::embedded().await;
    five_a_minute(&fleet).await;
    a_cent(&fleet).await;
}

#[tokio::test]
async fn limits_hold_on_three_replicas_over_postgres() {
    let installation = Installation::on_postgres().await.unwrap();
    let fleet = Fleet::three(installation).await;
    five_a_minute(&fleet).await;
    a_cent(&fleet).await;
}

#[tokio::test]
async fn limits_hold_on_three_replicas_over_postgres_and_redis() {
    let installation = Installation::on_postgres_and_redis().await.unwrap();
    let fleet = Fleet::three(installation).await;
    five_a_minute(&fleet).await;
    a_cent(&fleet).await;
}

#[tokio::test]
async fn limits_of_calls_at_the_same_time_and_of_streams_that_do_not_end() {
    let fleet = Fleet::embedded().await;
    let client = fleet.token(json!({"maxConcurrentRequests": 1})).await;
    let url = fleet.url(0, "/v1/chat/completions");
    let body = json!({"model": "up:m", "max_tokens": 20, "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    let word = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"},\"finish_reason\":null}]}\n\n";
    fleet.upstream.enqueue(Reply::sse([word]).stall());
    let mut open = client.stream(&url, &body).await.unwrap();
    open.read_until("word").await.unwrap();
    let refused = client.post(&url, &chat()).await.unwrap();
    assert_eq!((refused.status.as_u16(), &refused.json()["scope"]), (429, &json!("concurrency")));
    drop(open);
    eventually("a place that is free again", PATIENCE, || async {
        (client.post(&url, &chat()).await.unwrap().status == 200).then_some(())
    })
    .await
    .unwrap();

    // Five tokens to read, twenty-four for frames, and twenty to write: no room for more.
    let client = fleet.token(json!({"dailyTokenCap": 46})).await;
    let endless = (0..400).map(|_| word).chain(["data: [DONE]\n\n"]);
    fleet.upstream.enqueue(Reply::sse(endless));
    let got = client.stream(&url, &body).await.unwrap().whole().await.unwrap().text();
    assert_eq!(got.matches("\"word\"").count(), 21, "{got}");
    let events: Vec<&str> = got.trim_end().split("\n\n").collect();
    assert_eq!(events[events.len() - 1], "data: [DONE]");
    assert!(events[events.len() - 2].contains("\"finish_reason\":\"length\""), "{got}");
}

#[tokio::test]
async fn limits_kept_in_the_process_are_shown_by_it() {
    let fleet = Fleet::embedded().await;
    let limits = json!({"rateLimitPerHour": 9, "tokenRateLimitPerHour": 10_000, "maxConcurrentRequests": 3});
    let (client, id) = fleet.token_and_id(limits).await;
    let word = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"},\"finish_reason\":null}]}\n\n";
    let answers = fleet.storm(&client, &chat(), 2).await;
    assert_eq!(count(&answers, 200), 2);
    fleet.upstream.enqueue(Reply::sse([word]).stall());
    let body = json!({"model": "up:m", "max_tokens": 20, "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    let mut open = client.stream(&fleet.url(0, "/v1/chat/completions"), &body).await.unwrap();
    open.read_until("word").await.unwrap();
    let path = format!("/tokens/{id}/limits");
    let figures = |shown: &Value, measure: &str, window: &str| {
        let limits = shown["limits"].as_array().unwrap();
        let found = limits.iter().find(|limit| limit["measure"] == measure && limit["window"] == window);
        ["spent", "reserved", "remaining"].map(|name| found.and_then(|limit| limit[name].as_u64()))
    };
    let shown =
        async || fleet.gateway.admin(Method::GET, &path, &Value::Null).await.unwrap().expect(200).unwrap();
    // What the process has in hand for its next calls goes back when none comes; an hour may turn meanwhile.
    eventually("two calls that ended and one under way", PATIENCE, || async {
        let shown = shown().await;
        let [requests, places] = ["hour", "now"].map(|window| figures(&shown, "requests", window));
        let [tokens, reserved, _] = figures(&shown, "tokens", "hour").map(Option::unwrap_or_default);
        let is_told =
            matches!(requests, [Some(0 | 2), Some(1), Some(6 | 8)]) && places == [Some(0), Some(1), Some(2)];
        (is_told && (tokens == 56 || tokens == 0) && reserved > 20).then_some(())
    })
    .await
    .unwrap();
    drop(open);
    eventually("a place that is free again", PATIENCE, || async {
        (figures(&shown().await, "requests", "now") == [Some(0), Some(0), Some(3)]).then_some(())
    })
    .await
    .unwrap();
    // The token may ask for itself on either port.
    for server in [&fleet.gateway.api, &fleet.gateway.proxy] {
        let url = format!("{server}/api/{}/tokens/self/limits", fleet.project.id);
        let own = client.get(&url).await.unwrap().expect(200).unwrap();
        assert_eq!(figures(&own["data"], "requests", "now"), [Some(0), Some(0), Some(3)]);
    }
}

#[tokio::test]
async fn limits_of_a_token_take_the_place_of_its_endpoints() {
    let fleet = Fleet::embedded().await;
    let project = fleet.gateway.project_of("ai_gateway").await.unwrap();
    let endpoint = json!({"name": "E", "slug": "e", "providerId": fleet.provider, "providerModel": "m",
        "rateLimitPerMinute": 1, "maxOutputTokens": 20});
    let path = format!("/projects/{}/endpoints", project.id);
    fleet.gateway.admin(Method::POST, &path, &endpoint).await.unwrap().expect(201).unwrap();
    fleet.gateway.caught_up().await.unwrap();
    fleet.with_time_left().await;
    let limited = json!({"name": "Looser", "scopes": ["chat"], "rateLimitPerMinute": 3});
    let (looser, _) = fleet.gateway.token(&project.id, &limited).await.unwrap();
    let url = format!("{}/api/{}/e", fleet.gateway.proxy, project.id);
    let statuses = async |client: Client| {
        let mut statuses = Vec::new();
        for _ in 0..4 {
            let answer = client.post(&url, &json!({"message": "Hi"})).await.unwrap();
            statuses.push(answer.status.as_u16());
        }
        statuses
    };
    assert_eq!(statuses(Client::new().bearer(&looser)).await, [200, 200, 200, 429]);
    assert_eq!(statuses(project.client.clone()).await, [200, 429, 429, 429]);
    let refused = project.client.post(&url, &json!({"message": "Hi"})).await.unwrap();
    let body = refused.json();
    assert_eq!((&body["ok"], &body["scope"]), (&json!(false), &json!("minute")));
    assert_eq!(body["retry_after"].to_string(), refused.header("retry-after").unwrap());
}
