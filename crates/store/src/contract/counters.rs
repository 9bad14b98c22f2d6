//! Behaviour of the counters of limits. Each function is given two ends, as two replicas have them.

use std::time::Duration;

use futures_util::future::join_all;
use promptgate_kernel::{Clock, SystemClock, Timestamp, TokenId};
use promptgate_limits::{
    Counter, Counters, Demand, Grant, Holder, Limit, Measure, Refused, Settlement, Span, Standing, Subject,
    Taken, Window,
};

use super::samples::{WORKS, clock, entropy};

const LIFE: Duration = Duration::from_mins(1);

/// The machine's time, because a store may forget by its own clock what is over by it.
fn now() -> Timestamp {
    SystemClock.now()
}

fn holder() -> Holder {
    Holder(TokenId::mint(clock(), entropy()).as_uuid().as_u128())
}

fn counter(measure: Measure, window: Window) -> Counter {
    Counter { subject: Subject::Token(TokenId::mint(clock(), entropy())), model: None, measure, window }
}

/// An hour that does not end while a test runs.
fn hour() -> Span {
    let begins = now().minus(Duration::from_mins(1));
    Span { since: begins, bucket: begins, until: begins.plus(Duration::from_hours(1)) }
}

fn limit(cap: u64) -> Limit {
    Limit { counter: counter(Measure::Requests, Window::Hour), cap }
}

fn demand(limit: &Limit, span: Span, least: u64, most: u64) -> Demand {
    Demand { limit: limit.clone(), span, least, most }
}

async fn take(end: &dyn Counters, holder: Holder, demands: &[Demand]) -> Result<Vec<Grant>, Refused> {
    let now = now();
    match end.take(holder, demands, now, now.plus(LIFE)).await.expect(WORKS) {
        Taken::All(grants) => {
            assert_eq!(grants.len(), demands.len());
            Ok(grants)
        }
        Taken::Refused(refused) => Err(refused),
    }
}

async fn standing(end: &dyn Counters, limit: &Limit, span: Span) -> Standing {
    let standings = end.standing(&[(limit.clone(), span)], now()).await.expect(WORKS);
    standings[0]
}

async fn used_and_held(end: &dyn Counters, limit: &Limit, span: Span) -> (u64, u64) {
    let standing = standing(end, limit, span).await;
    (standing.used, standing.held)
}

fn settlement(limit: &Limit, span: Span, spent: u64, freed: u64) -> Settlement {
    Settlement { counter: limit.counter.clone(), bucket: span.bucket, until: span.until, spent, freed }
}

/// Everybody sees at once what anybody took and settled.
pub async fn what_is_taken_is_held_and_what_is_settled_is_used(here: &dyn Counters, there: &dyn Counters) {
    let (limit, span, holder) = (limit(10), hour(), holder());
    let standing_of = standing(there, &limit, span).await;
    assert_eq!(standing_of, Standing { used: 0, held: 0, cap: 10, resets_at: span.until });
    let given = take(here, holder, &[demand(&limit, span, 2, 7)]).await.expect("there is room");
    assert_eq!((given[0].amount, given[0].standing.held, given[0].standing.used), (7, 7, 0));
    assert_eq!(used_and_held(there, &limit, span).await, (0, 7));
    here.settle(holder, 1, &[settlement(&limit, span, 4, 1)], now()).await.expect(WORKS);
    assert_eq!(used_and_held(there, &limit, span).await, (4, 2));
    // Less than would be welcome, because no more is left.
    let given = take(there, self::holder(), &[demand(&limit, span, 1, 100)]).await.expect("there is room");
    assert_eq!((given[0].amount, given[0].standing.room()), (4, 0));
    assert_eq!(used_and_held(here, &limit, span).await, (4, 6));
}

/// Where one counter has no room, the others keep theirs, and it is said which has none.
pub async fn a_refusal_takes_nothing_of_any_counter(here: &dyn Counters, there: &dyn Counters) {
    let (roomy, narrow, span) = (limit(100), limit(3), hour());
    let demands = [demand(&roomy, span, 1, 1), demand(&narrow, span, 4, 4), demand(&roomy, span, 200, 200)];
    let refused = take(here, holder(), &demands).await.expect_err("there is no room");
    assert_eq!((refused.at, refused.standing.cap, refused.standing.room()), (1, 3, 3));
    assert_eq!(used_and_held(there, &roomy, span).await, (0, 0));
    assert!(take(there, holder(), &[demand(&narrow, span, 3, 3)]).await.is_ok());
    let refused = take(here, holder(), &[demand(&narrow, span, 1, 1)]).await.expect_err("there is no room");
    assert_eq!((refused.standing.held, refused.standing.resets_at), (3, span.until));
}

/// What is counted of one thing does not count of another, nor in another bucket.
pub async fn counters_and_buckets_are_kept_apart(here: &dyn Counters, there: &dyn Counters) {
    let (limit, span, holder) = (limit(5), hour(), holder());
    let of_a_model = Limit {
        counter: Counter { model: Some("gpt: «5» \u{0}\n".into()), ..limit.counter.clone() },
        cap: 5,
    };
    let next =
        Span { since: span.until, bucket: span.until, until: span.until.plus(Duration::from_hours(1)) };
    for demand in [demand(&limit, span, 5, 5), demand(&of_a_model, span, 4, 4), demand(&limit, next, 3, 3)] {
        take(here, holder, &[demand]).await.expect("there is room");
    }
    assert_eq!(used_and_held(there, &of_a_model, span).await, (0, 4));
    assert_eq!(used_and_held(there, &limit, next).await, (0, 3));
    // A bucket that is over is no part of the next one, wherever it is settled.
    here.settle(holder, 1, &[settlement(&limit, span, 5, 0)], now()).await.expect(WORKS);
    assert_eq!(used_and_held(there, &limit, next).await, (0, 3));
    // Nor does the next one count in a bucket that it follows, for a call that goes on in that.
    here.settle(holder, 2, &[settlement(&limit, next, 2, 0)], now()).await.expect(WORKS);
    assert_eq!(used_and_held(there, &limit, next).await, (2, 1));
    let before = standing(there, &limit, span).await;
    assert_eq!((before.used, before.held, before.resets_at), (5, 0, span.until));
    let wider = Limit { cap: 9, ..limit.clone() };
    let given = take(here, holder, &[demand(&wider, span, 4, 9)]).await.expect("there is room");
    assert_eq!(given[0].amount, 4);
    assert_eq!(used_and_held(there, &limit, next).await, (2, 1));
}

/// All buckets that have not left the window count, and room comes back when the oldest leaves.
pub async fn a_window_that_slides_adds_up_its_buckets(here: &dyn Counters, there: &dyn Counters) {
    let limit = Limit { counter: counter(Measure::Requests, Window::SevenDays), cap: 100 };
    let hour = Duration::from_hours(1);
    let begins = now().minus(hour * 3);
    let at = |hours: u32, since: u32| {
        let bucket = begins.plus(hour * hours);
        Span { since: begins.plus(hour * since), bucket, until: bucket.plus(hour * 168) }
    };
    let holder = holder();
    for (step, hours) in [(1, 0), (2, 1), (3, 2)] {
        take(here, holder, &[demand(&limit, at(hours, 0), 20, 20)]).await.expect("there is room");
        here.settle(holder, step, &[settlement(&limit, at(hours, 0), 20, 0)], now()).await.expect(WORKS);
    }
    let all = standing(there, &limit, at(2, 0)).await;
    assert_eq!((all.used, all.held, all.resets_at), (60, 0, at(0, 0).until));
    let later = standing(there, &limit, at(2, 1)).await;
    assert_eq!((later.used, later.resets_at), (40, at(1, 0).until));
    let refused = take(there, self::holder(), &[demand(&limit, at(2, 0), 41, 41)]).await;
    assert!(refused.is_err());
}

/// A settlement whose answer was lost may be sent again, and one that comes late changes nothing.
pub async fn a_step_counts_once(here: &dyn Counters, there: &dyn Counters) {
    let (limit, span, holder) = (limit(10), hour(), holder());
    take(here, holder, &[demand(&limit, span, 10, 10)]).await.expect("there is room");
    let settlements = [settlement(&limit, span, 2, 1)];
    for end in [here, there, here] {
        end.settle(holder, 2, &settlements, now()).await.expect(WORKS);
    }
    here.settle(holder, 1, &settlements, now()).await.expect(WORKS);
    assert_eq!(used_and_held(there, &limit, span).await, (2, 7));
    // What was used counts, also where it is more than was held.
    assert!(here.settle(holder, 3, &[settlement(&limit, span, 12, 100)], now()).await.expect(WORKS));
    assert_eq!(used_and_held(there, &limit, span).await, (14, 0));
    assert_eq!(standing(there, &limit, span).await.room(), 0);
    // Nothing counts of somebody who never held anything.
    assert!(!here.settle(self::holder(), 1, &[settlement(&limit, span, 1, 0)], now()).await.expect(WORKS));
    assert_eq!(used_and_held(there, &limit, span).await, (14, 0));
}

/// Whoever ends gives back what he holds, and what he used stays used.
pub async fn whoever_ends_holds_nothing(here: &dyn Counters, there: &dyn Counters) {
    let (one, other, span, holder) = (limit(10), limit(10), hour(), holder());
    take(here, holder, &[demand(&one, span, 6, 6), demand(&other, span, 3, 3)]).await.expect("there is room");
    take(there, self::holder(), &[demand(&one, span, 2, 2)]).await.expect("there is room");
    here.settle(holder, 1, &[settlement(&one, span, 1, 0)], now()).await.expect(WORKS);
    here.end(holder).await.expect(WORKS);
    assert_eq!(used_and_held(there, &one, span).await, (1, 2));
    assert_eq!(used_and_held(there, &other, span).await, (0, 0));
    assert!(!here.settle(holder, 2, &[settlement(&one, span, 1, 0)], now()).await.expect(WORKS));
    there.end(holder).await.expect(WORKS);
}

/// Of two hundred that want one of forty, forty get it.
pub async fn a_storm_takes_no_more_than_there_is(here: &dyn Counters, there: &dyn Counters) {
    let (limit, span) = (limit(40), hour());
    let demands = [demand(&limit, span, 1, 1)];
    let calls = (0..200).map(|call| take(if call % 2 == 0 { here } else { there }, holder(), &demands));
    let taken = join_all(calls).await.into_iter().flatten().count();
    assert_eq!(taken, 40);
    assert_eq!(used_and_held(here, &limit, span).await, (0, 40));
}

/// Whoever wants the same counters in another order waits, and never for ever.
pub async fn a_storm_over_several_counters_ends(here: &dyn Counters, there: &dyn Counters) {
    let (span, limits) = (hour(), [limit(1_000), limit(1_000), limit(1_000)]);
    let calls = (0..60_usize).map(|call| {
        let limits = &limits;
        async move {
            let end = if call % 2 == 0 { here } else { there };
            let holder = holder();
            let order = [call % 3, (call + 1) % 3, (call + 2) % 3];
            let order = if call % 4 < 2 { order } else { [order[2], order[1], order[0]] };
            let demands = order.map(|at| demand(&limits[at], span, 3, 3));
            take(end, holder, &demands).await.expect("there is room");
            let settlements = order.map(|at| settlement(&limits[at], span, 2, 1));
            end.settle(holder, 1, &settlements, now()).await.expect(WORKS);
            end.sweep(now()).await.expect(WORKS);
        }
    });
    join_all(calls).await;
    for limit in &limits {
        assert_eq!(used_and_held(here, limit, span).await, (120, 0));
    }
}

/// What the dead held of an hour is used, because nobody knows; of a day it is free, because the usage
/// events tell.
pub async fn the_dead_are_swept(here: &dyn Counters, there: &dyn Counters) {
    let (span, hourly) = (hour(), limit(10));
    let daily = Limit { counter: counter(Measure::Cost, Window::Day), cap: 10 };
    let living = Limit { counter: counter(Measure::Requests, Window::Now), cap: 10 };
    let span_of_now = Span {
        since: Timestamp::from_micros(0),
        bucket: Timestamp::from_micros(0),
        until: Timestamp::from_micros(i64::MAX),
    };
    let holder = holder();
    let demands =
        [demand(&hourly, span, 4, 4), demand(&daily, span, 4, 4), demand(&living, span_of_now, 4, 4)];
    take(here, holder, &demands).await.expect("there is room");
    there.sweep(now()).await.expect(WORKS);
    assert_eq!(used_and_held(there, &hourly, span).await, (0, 4));
    there.sweep(now().plus(LIFE * 2)).await.expect(WORKS);
    assert_eq!(used_and_held(here, &hourly, span).await, (4, 0));
    assert_eq!(used_and_held(here, &daily, span).await, (0, 0));
    assert_eq!(used_and_held(here, &living, span_of_now).await, (0, 0));
    // Who comes back from the dead has nothing left to settle.
    assert!(!here.settle(holder, 9, &[settlement(&hourly, span, 4, 0)], now()).await.expect(WORKS));
    assert_eq!(used_and_held(here, &hourly, span).await, (4, 0));
    assert!(!here.extend(holder, now().plus(LIFE), now()).await.expect(WORKS));
}

/// What is held for longer is not swept before that.
pub async fn whoever_extends_lives_on(here: &dyn Counters, there: &dyn Counters) {
    let (limit, span, holder) = (limit(10), hour(), holder());
    take(here, holder, &[demand(&limit, span, 4, 4)]).await.expect("there is room");
    assert!(here.extend(holder, now().plus(LIFE * 5), now()).await.expect(WORKS));
    there.sweep(now().plus(LIFE * 2)).await.expect(WORKS);
    assert_eq!(used_and_held(there, &limit, span).await, (0, 4));
    assert!(!here.extend(holder, now().plus(LIFE * 9), now().plus(LIFE * 6)).await.expect(WORKS));
    there.sweep(now().plus(LIFE * 6)).await.expect(WORKS);
    assert_eq!(used_and_held(there, &limit, span).await, (4, 0));
}

/// A cap may be as large as anybody likes.
pub async fn huge_caps_are_no_trouble(here: &dyn Counters, there: &dyn Counters) {
    let (limit, span, holder) = (limit(u64::MAX), hour(), holder());
    let lots = 1 << 50;
    take(here, holder, &[demand(&limit, span, lots, lots)]).await.expect("there is room");
    here.settle(holder, 1, &[settlement(&limit, span, lots - 1, 1)], now()).await.expect(WORKS);
    assert_eq!(used_and_held(there, &limit, span).await, (lots - 1, 0));
}
