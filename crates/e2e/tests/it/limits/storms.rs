//! Two hundred calls at once against each kind of limit, on one replica and on three.

use std::sync::atomic::{AtomicUsize, Ordering};

use promptgate_e2e::{Installation, Response, eventually};
use promptgate_testkit::upstream::Gate;
use serde_json::json;

use super::{Fleet, PATIENCE, answer, chat, count};

const CALLS: usize = 200;

fn header(answer: &Response, name: &str) -> u64 {
    answer
        .header(name)
        .unwrap_or_default()
        .parse()
        .unwrap_or_else(|_| panic!("{name}: {:?}", answer.header(name)))
}

/// A hundred tokens a minute. A call may take 49, and takes 28.
async fn tokens_a_minute(fleet: &Fleet) {
    fleet.with_time_left().await;
    let client = fleet.token(json!({"tokenRateLimitPerMinute": 100})).await;
    let answers = fleet.storm(&client, &chat(), CALLS).await;
    let admitted = count(&answers, 200);
    assert_eq!(admitted + count(&answers, 429), CALLS);
    assert!((1..=3).contains(&admitted), "{admitted} calls of 28 tokens each");
    for answer in &answers {
        assert_eq!(header(answer, "x-ratelimit-limit-tokens"), 100);
        assert!(header(answer, "x-ratelimit-remaining-tokens") <= 100);
        assert!(answer.header("x-ratelimit-reset-tokens").is_some());
    }
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    let body = refused.json();
    assert_eq!((&body["scope"], &body["limited"]["measure"]), (&json!("minute"), &json!("tokens")));
    assert!((1..=60).contains(&header(refused, "retry-after")));
}

/// Three calls at the same time: the provider never has more of them open.
async fn three_at_a_time(fleet: &Fleet) {
    let client = fleet.token(json!({"maxConcurrentRequests": 3})).await;
    let gate = Gate::new();
    let held = gate.clone();
    fleet.upstream.handle(move |request| answer(request).held_by(&held));
    let refused = AtomicUsize::new(0);
    let one = async |call: usize| {
        let url = fleet.url(call, "/v1/chat/completions");
        let got = client.stream(&url, &chat()).await.unwrap().whole().await.unwrap();
        if got.status == 429 {
            assert_eq!((&got.json()["scope"], header(&got, "retry-after")), (&json!("concurrency"), 1));
            refused.fetch_add(1, Ordering::SeqCst);
        }
        got.status.as_u16()
    };
    let storm = futures_util::future::join_all((0..CALLS).map(one));
    let opened = async {
        let open = eventually("calls that are all refused or open", PATIENCE, || async {
            let open = fleet.upstream.counts().in_flight;
            (open + refused.load(Ordering::SeqCst) == CALLS).then_some(open)
        });
        let open = open.await.unwrap();
        gate.open();
        open
    };
    let (statuses, open) = futures_util::future::join(storm, opened).await;
    fleet.upstream.handle(answer);
    assert!((1..=3).contains(&open), "{open}");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), open);
    // Their places are free again.
    eventually("three places", PATIENCE, || async {
        let answers = fleet.storm(&client, &chat(), 1).await;
        (count(&answers, 200) == 1).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn storms_of_tokens_and_places_on_one_replica() {
    let fleet = Fleet::embedded().await;
    tokens_a_minute(&fleet).await;
    three_at_a_time(&fleet).await;
}

#[tokio::test]
async fn storms_of_tokens_and_places_on_three_replicas_over_postgres() {
    let fleet = Fleet::three(Installation::on_postgres().await.unwrap()).await;
    tokens_a_minute(&fleet).await;
    three_at_a_time(&fleet).await;
}

#[tokio::test]
async fn storms_of_tokens_and_places_on_three_replicas_over_postgres_and_redis() {
    let fleet = Fleet::three(Installation::on_postgres_and_redis().await.unwrap()).await;
    tokens_a_minute(&fleet).await;
    three_at_a_time(&fleet).await;
}
