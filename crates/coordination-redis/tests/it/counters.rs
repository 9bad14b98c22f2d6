//! What Redis keeps of counters, and for how long.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::time::Duration;

use promptgate_kernel::{Clock, Entropy, OsEntropy, SystemClock, Timestamp, TokenId};
use promptgate_limits::{
    Counter, Counters, Demand, Holder, Limit, Measure, Settlement, Span, Standing, Subject, Taken, Window,
};

use crate::stream::tell;
use crate::{Counting, counting};

const MINUTE: Duration = Duration::from_mins(1);

fn holder() -> Holder {
    let mut random = [0; 16];
    OsEntropy.fill(&mut random);
    Holder(u128::from_be_bytes(random))
}

fn limit(window: Window) -> Limit {
    let subject = Subject::Token(TokenId::mint(&SystemClock, &OsEntropy));
    Limit { counter: Counter { subject, model: None, measure: Measure::Requests, window }, cap: 1_000 }
}

/// Takes three and uses two of them.
async fn use_two(counters: &dyn Counters, limit: &Limit, span: Span, now: Timestamp) -> Standing {
    let holder = holder();
    let demand = Demand { limit: limit.clone(), span, least: 3, most: 3 };
    let taken = counters.take(holder, &[demand], now, now.plus(MINUTE)).await.unwrap();
    assert!(matches!(taken, Taken::All(_)), "{taken:?}");
    let settlement = Settlement {
        counter: limit.counter.clone(),
        bucket: span.bucket,
        until: span.until,
        spent: 2,
        freed: 1,
    };
    assert!(counters.settle(holder, 1, &[settlement], now).await.unwrap());
    counters.standing(&[(limit.clone(), span)], now).await.unwrap()[0]
}

/// What Redis answers to a question about the hash of a counter with a number.
async fn number(counting: &Counting, question: &str, limit: &Limit) -> i64 {
    let answer =
        tell(&counting.redis, &format!("{question} {{promptgate:limits}}:c:{}", limit.counter)).await;
    let number = answer.lines().next().and_then(|line| line.strip_prefix(':'));
    number.unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap()
}

#[tokio::test]
async fn a_counter_in_steady_use_forgets_the_buckets_that_count_no_longer() {
    let counting = counting().await;
    let (turning, sliding) = (limit(Window::Minute), limit(Window::FiveHours));
    let begun = SystemClock.now().minus(MINUTE * 120);
    for minute in 0..=120 {
        let bucket = begun.plus(MINUTE * minute);
        let span = Span { since: bucket, bucket, until: bucket.plus(MINUTE) };
        assert_eq!(use_two(counting.here(), &turning, span, bucket).await.used, 2);
        let span = Span { since: bucket.minus(MINUTE * 9), bucket, until: bucket.plus(MINUTE * 10) };
        let standing = use_two(counting.there(), &sliding, span, bucket).await;
        assert_eq!(standing.used, u64::from(minute.min(9) + 1) * 2);
        let oldest = begun.plus(MINUTE * minute.saturating_sub(9));
        assert_eq!(standing.resets_at, oldest.plus(MINUTE * 10));
    }
    // Of each bucket what was used, and its end. Those of the last two minutes may be somebody's whose
    // clock is behind.
    let left = number(&counting, "HLEN", &turning).await;
    assert!((2..=6).contains(&left), "{left}");
    let left = number(&counting, "HLEN", &sliding).await;
    assert!((20..=26).contains(&left), "{left}");
}

#[tokio::test]
async fn what_is_settled_late_makes_no_key_that_stays() {
    let counting = counting().await;
    let late = limit(Window::Minute);
    let bucket = SystemClock.now().minus(MINUTE * 30);
    let span = Span { since: bucket, bucket, until: bucket.plus(MINUTE) };
    assert_eq!(use_two(counting.here(), &late, span, bucket).await.used, 2);
    let left = number(&counting, "PTTL", &late).await;
    assert!((1..=60_000).contains(&left), "{left}");

    let slots = limit(Window::Now);
    let (zero, never) = (Timestamp::from_micros(0), Timestamp::from_micros(i64::MAX));
    let span = Span { since: zero, bucket: zero, until: never };
    use_two(counting.here(), &slots, span, SystemClock.now()).await;
    assert_eq!(number(&counting, "PTTL", &slots).await, -1, "what is under way counts for ever");
}
