//! What is held, whoever holds it, and for how long.

use std::sync::atomic::Ordering;
use std::time::Duration;

use promptgate_kernel::Clock;
use promptgate_limiter::{Degraded, Denied, LimiterOptions, Reservation, Use};
use promptgate_limits::{Counters, Limit, Measure, Window};

use crate::world::{ONE, World, limit};

/// Reserves so many tokens for a call of now.
async fn reserve(world: &World, limits: &[Limit], tokens: u64) -> Result<Reservation, Denied> {
    world.limiters[0].reserve(limits, Use { tokens, ..ONE }, world.clock.now()).await
}

#[tokio::test]
async fn a_limit_that_was_lowered_counts_at_once() {
    let world = World::new(1);
    let lowered =
        |cap| [limit(Measure::Tokens, Window::Day, cap), limit(Measure::Tokens, Window::Minute, cap)];
    let before = lowered(8_000);
    for _ in 0..5 {
        world.call(&before, ONE).await.unwrap();
    }
    assert!(world.standing(&before[0]).await.1 > 100, "it has some in advance");
    let after = lowered(50);
    for limit in &after {
        assert!(reserve(&world, std::slice::from_ref(limit), 10).await.is_err(), "all of it is used");
    }
    world.settle_down().await;
    for limit in &after {
        assert_eq!(world.standing(limit).await, (50, 0));
        assert!(reserve(&world, std::slice::from_ref(limit), 10).await.is_err());
    }
    // Where it is lowered to more than was used, the rest is there when what lay about has gone back.
    let left = lowered(70);
    world.call(&before, ONE).await.unwrap();
    assert!(reserve(&world, &left, 10).await.is_err());
    world.settle_down().await;
    let open = reserve(&world, &left, 10).await.unwrap();
    assert_eq!(world.limiters[0].left(&left[0], world.clock.now()), Some(0));
    assert!(reserve(&world, &left, 10).await.is_err());
    drop(open);
    assert!(reserve(&world, &before, 10).await.is_ok());
}

#[tokio::test]
async fn what_was_given_back_of_a_larger_limit_is_not_spent_under_a_smaller_one() {
    let world = World::new(1);
    let (before, after) =
        ([limit(Measure::Tokens, Window::Day, 1_000)], [limit(Measure::Tokens, Window::Day, 100)]);
    let large = reserve(&world, &before, 500).await.unwrap();
    assert!(reserve(&world, &after, 10).await.is_err());
    world.finish(large, &before, Use { tokens: 95, ..ONE }).await;
    assert!(reserve(&world, &after, 10).await.is_err(), "five are left");
    world.settle_down().await;
    assert!(reserve(&world, &after, 10).await.is_err());
    assert!(reserve(&world, &after, 5).await.is_ok());
}

#[tokio::test]
async fn a_process_that_is_refused_for_longer_than_a_life_keeps_what_it_holds() {
    let world = World::new(1);
    let places = [limit(Measure::Requests, Window::Now, 1)];
    let open = world.limiters[0].reserve(&places, ONE, world.clock.now()).await.unwrap();
    for _ in 0..16 * 60 {
        world.clock.advance(Duration::from_secs(1));
        assert!(world.limiters[0].reserve(&places, ONE, world.clock.now()).await.is_err());
        world.limiters[0].tell().await;
    }
    world.counters.sweep(world.clock.now()).await.unwrap();
    assert_eq!(world.standing(&places[0]).await, (0, 1));
    assert!(world.limiters[0].reserve(&places, ONE, world.clock.now()).await.is_err());
    drop(open);
    world.limiters[0].tell().await;
    assert!(world.limiters[0].reserve(&places, ONE, world.clock.now()).await.is_ok());
}

#[tokio::test]
async fn of_a_call_that_two_holders_gave_to_both_hold_their_part() {
    let options = LimiterOptions { degraded: Degraded::Refuse, ..LimiterOptions::default() };
    let world = World::with(1, &options);
    let budget = [limit(Measure::Tokens, Window::Day, 300)];
    let tokens = |tokens| Use { tokens, ..ONE };
    let limiter = &world.limiters[0];
    let mut open = limiter.reserve(&budget, tokens(100), world.clock.now()).await.unwrap();
    // Another one goes on with what the first holder has.
    let other = limiter.reserve(&budget, tokens(100), world.clock.now()).await.unwrap();
    let first = open.holder();
    world.counters.trouble(1);
    assert!(limiter.reserve(&budget, tokens(60), world.clock.now()).await.is_err());
    world.counters.trouble(0);
    world.clock.advance(Duration::from_secs(2));
    // Somebody else has the place of the one that may hold what it does not know of.
    limiter.tell().await;
    open.adjust(&budget, tokens(130)).await.unwrap();
    let (used, held) = world.standing(&budget[0]).await;
    assert_eq!((used, held), (0, 290));
    let holds = open.settle(tokens(120));
    let of: Vec<_> = holds.iter().map(|hold| (Some(hold.holder) == first, hold.amount)).collect();
    assert_eq!(of, [(true, 100), (false, 20)]);
    let span = Window::Day.span(world.clock.now(), chrono_tz::Tz::UTC);
    world.counters.record(&holds, &budget[0].counter, span, 120, world.clock.now()).await;
    world.settle_down().await;
    // What the other call may use is held as before, and what nobody knows of.
    assert_eq!(world.standing(&budget[0]).await, (120, 100 + 60));
    world.finish(other, &budget, tokens(100)).await;
    world.settle_down().await;
    assert_eq!(world.standing(&budget[0]).await, (220, 60));
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_nothing() {
    let world = World::new(1);
    let hour = Duration::from_hours(1);
    let budget = [limit(Measure::Cost, Window::Month, 1_000)];
    let reserve = || world.limiters[0].reserve(&budget, ONE, world.clock.now());
    // Nobody could be asked, and was not asked again for a moment.
    world.counters.trouble(2);
    assert_eq!(world.limiters[0].standing(&budget[0], world.clock.now()).await, None);
    assert!(reserve().await.is_err());
    world.counters.trouble(0);
    assert!(reserve().await.is_err());
    world.clock.set_back(hour);
    assert_eq!(world.limiters[0].standing(&budget[0], world.clock.now()).await.unwrap().used, 0);
    drop(reserve().await.unwrap());
    // It was used up, and is put right.
    world.settle_down().await;
    let span = Window::Month.span(world.clock.now(), chrono_tz::Tz::UTC);
    world.counters.record(&[], &budget[0].counter, span, 500, world.clock.now()).await;
    assert!(reserve().await.is_err());
    world.clock.set_back(hour);
    let roomy = [Limit { cap: 1_400, ..budget[0].clone() }];
    let asked = world.counters.asked.load(Ordering::SeqCst);
    assert!(world.limiters[0].reserve(&roomy, ONE, world.clock.now()).await.is_err());
    assert!(world.counters.asked.load(Ordering::SeqCst) > asked, "it is asked again");
    // What lies about goes back.
    let wide = [Limit { cap: 100_000, ..budget[0].clone() }];
    drop(world.limiters[0].reserve(&wide, ONE, world.clock.now()).await.unwrap());
    assert!(world.standing(&budget[0]).await.1 > 0);
    world.clock.set_back(hour);
    world.limiters[0].tell().await;
    assert_eq!(world.standing(&budget[0]).await, (500, 0));
}
