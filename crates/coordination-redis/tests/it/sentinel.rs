//! The bus, the counters and the stream behind a sentinel, whose master is lost.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use promptgate_coordination_redis::{RedisBus, RedisOptions, RedisStream};
use promptgate_ingest::{Deliveries, Feed, Payload};
use promptgate_kernel::{Clock, SystemClock};
use promptgate_limits::{Counter, Demand, Holder, Limit, Measure, Subject, Taken, Window};
use promptgate_store::{Bus, Signal, Subscription};
use promptgate_testkit::sentinel::Sentinel;
use tokio::time::timeout;

use crate::stream::{calls, feed, quick, some};
use crate::{PATIENCE, WORKS, announcement, until_up};

fn connect(sentinel: &Sentinel) -> RedisBus {
    let options = RedisOptions {
        deadline: Duration::from_millis(200),
        cool_down: Duration::from_millis(100),
        longest_pause: Duration::from_millis(100),
        heartbeat: Duration::from_millis(100),
        ..RedisOptions::default()
    };
    RedisBus::connect(&sentinel.url(), options, Arc::new(SystemClock)).expect(WORKS)
}

/// Takes one of a counter until Redis answers.
async fn takes(bus: &RedisBus) {
    let now = SystemClock.now();
    let counter = Counter {
        subject: Subject::Token("018f4e6e-0000-7000-8000-000000000001".parse().expect("an id")),
        model: None,
        measure: Measure::Requests,
        window: Window::Hour,
    };
    let demand = Demand {
        span: counter.window.span(now, chrono_tz::UTC),
        limit: Limit { counter, cap: 1_000_000 },
        least: 1,
        most: 1,
    };
    let took = async {
        let until = now.plus(Duration::from_mins(1));
        while !matches!(
            bus.counters().take(Holder(7), std::slice::from_ref(&demand), now, until).await,
            Ok(Taken::All(_))
        ) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, took).await.expect("Redis counts");
}

/// Feeds calls until Redis takes them, and reads until the last of them was delivered. Some of them may be
/// delivered twice.
async fn passes(feeder: &dyn Feed, consumer: &dyn Deliveries, numbers: Range<u64>) {
    let calls = calls(numbers);
    let last = &calls.last().expect("there are some").event.id;
    let pass = async {
        loop {
            feed(feeder, &calls).await;
            let delivered = some(consumer).await;
            let ids: Vec<String> = delivered.iter().map(|delivery| delivery.id.clone()).collect();
            let is_through = delivered
                .iter()
                .any(|delivery| matches!(&delivery.payload, Payload::Call(call) if call.event.id == *last));
            // What is not let go is delivered once more.
            let _ = consumer.done(&ids).await;
            if is_through {
                return;
            }
        }
    };
    timeout(PATIENCE, pass).await.expect("the stream goes on");
}

/// Announces a revision until it is heard. Whoever finds its connection anew hears first that it may have missed
/// something.
async fn hears(here: &RedisBus, heard: &mut dyn Subscription, revision: i64) {
    let announced = async {
        loop {
            let _ = here.announce(announcement(revision)).await;
            let until = Duration::from_millis(500);
            while let Ok(signal) = timeout(until, heard.next()).await {
                if signal == Signal::Announced(announcement(revision)) {
                    return;
                }
            }
        }
    };
    timeout(PATIENCE, announced).await.expect("announcements reach the other end");
}

#[tokio::test]
async fn another_master_takes_over() {
    let mut sentinel = Sentinel::start().await.expect(WORKS);
    let (here, there) = (connect(&sentinel), connect(&sentinel));
    until_up(&here, true).await;
    until_up(&there, true).await;
    let mut heard = there.subscribe().await;
    hears(&here, &mut *heard, 1).await;
    takes(&here).await;
    let stream = RedisStream::connect(&sentinel.url(), quick()).expect(WORKS);
    let (feeder, consumer) = (stream.feed(), stream.consumer("one".to_owned()).expect(WORKS));
    passes(&*feeder, &*consumer, 1..3).await;

    sentinel.master.stop().await.expect(WORKS);
    until_up(&here, false).await;
    let turned = async {
        while !sentinel.has_turned() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, turned).await.expect("the replica becomes the master");
    until_up(&here, true).await;
    until_up(&there, true).await;
    takes(&here).await;
    passes(&*feeder, &*consumer, 3..6).await;
    hears(&here, &mut *heard, 2).await;
}
