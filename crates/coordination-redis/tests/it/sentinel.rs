//! The bus behind a sentinel, whose master is lost.

use std::sync::Arc;
use std::time::Duration;

use promptgate_coordination_redis::{RedisBus, RedisOptions};
use promptgate_kernel::{Clock, SystemClock};
use promptgate_limits::{Counter, Demand, Holder, Limit, Measure, Subject, Taken, Window};
use promptgate_store::{Bus, Signal};
use promptgate_testkit::sentinel::Sentinel;
use tokio::time::timeout;

use crate::{PATIENCE, WORKS, announce, announcement, until_up};

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

#[tokio::test]
async fn another_master_takes_over() {
    let mut sentinel = Sentinel::start().await.expect(WORKS);
    let (here, there) = (connect(&sentinel), connect(&sentinel));
    until_up(&here, true).await;
    until_up(&there, true).await;
    let mut heard = there.subscribe().await;
    announce(&here, 1).await;
    assert_eq!(timeout(PATIENCE, heard.next()).await.expect("in time"), Signal::Announced(announcement(1)));
    takes(&here).await;

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
    let announced_again = async {
        loop {
            let _ = here.announce(announcement(2)).await;
            // What was missed meanwhile is said once.
            if timeout(Duration::from_millis(500), heard.next()).await
                == Ok(Signal::Announced(announcement(2)))
            {
                break;
            }
        }
    };
    timeout(PATIENCE, announced_again).await.expect("announcements reach the other end");
}
