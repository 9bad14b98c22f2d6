//! Limiters of several processes over the same counters, which may be away.

use std::sync::atomic::Ordering;
use std::time::Duration;

use promptgate_kernel::Clock;
use promptgate_limiter::{Degraded, Denied, LimiterOptions, Use};
use promptgate_limits::{Counters, Limit, Measure, Window};
use tokio_util::sync::CancellationToken;

use crate::world::{ONE, World, limit, storm};

#[tokio::test]
async fn exactly_the_limit_is_admitted_on_one_process_and_on_three() {
    for processes in [1, 3] {
        let world = World::new(processes);
        let minute = limit(Measure::Requests, Window::Minute, 5);
        assert_eq!(storm(&world, std::slice::from_ref(&minute), 60, ONE, ONE).await, 5, "{processes}");
        assert_eq!(storm(&world, std::slice::from_ref(&minute), 60, ONE, ONE).await, 0);
        world.clock.advance(Duration::from_mins(1));
        assert_eq!(storm(&world, std::slice::from_ref(&minute), 60, ONE, ONE).await, 5);
    }
}

#[tokio::test]
async fn a_budget_is_never_passed_and_what_was_not_used_can_be() {
    let world = World::new(3);
    let budget = limit(Measure::Cost, Window::Month, 10_000);
    let needed = Use { cost: 900, ..ONE };
    let used = Use { cost: 100, ..ONE };
    let mut admitted = 0;
    for _ in 0..50 {
        admitted += storm(&world, std::slice::from_ref(&budget), 20, needed, used).await;
        world.settle_down().await;
        let (spent, held) = world.standing(&budget).await;
        assert_eq!((spent, held), (admitted * 100, 0));
        assert!(spent <= 10_000);
    }
    // The last ones cannot reserve what they need, though they would use less.
    assert_eq!(admitted, 92);
}

#[tokio::test]
async fn most_calls_ask_nobody() {
    let world = World::new(1);
    let roomy =
        [limit(Measure::Requests, Window::Hour, 1_000_000), limit(Measure::Cost, Window::Day, 1 << 50)];
    for _ in 0..10_000 {
        world.call(&roomy, ONE).await.unwrap();
    }
    let asked = world.counters.asked.load(Ordering::SeqCst);
    assert!(asked < 10, "{asked}");
    world.settle_down().await;
    assert_eq!(world.standing(&roomy[0]).await, (10_000, 0));
    assert_eq!(world.standing(&roomy[1]).await, (10_000_000, 0));
}

#[tokio::test]
async fn nobody_is_asked_again_for_what_is_used_up() {
    let world = World::new(1);
    let minute = [limit(Measure::Requests, Window::Minute, 2)];
    assert_eq!(storm(&world, &minute, 4, ONE, ONE).await, 2);
    world.settle_down().await;
    assert!(world.limiters[0].reserve(&minute, ONE, world.clock.now()).await.is_err());
    let asked = world.counters.asked.load(Ordering::SeqCst);
    for _ in 0..100 {
        let denied = world.limiters[0].reserve(&minute, ONE, world.clock.now()).await.unwrap_err();
        assert!(matches!(denied, Denied::Over { standing, .. } if standing.used == 2));
    }
    assert_eq!(world.counters.asked.load(Ordering::SeqCst), asked);
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(storm(&world, &minute, 4, ONE, ONE).await, 2);
}

#[tokio::test]
async fn a_refused_call_uses_nothing_and_says_which_limit_stands_in_its_way() {
    let world = World::new(1);
    let limits = [limit(Measure::Requests, Window::Minute, 10), limit(Measure::Tokens, Window::Day, 15)];
    world.call(&limits, ONE).await.unwrap();
    let denied = world.limiters[0].reserve(&limits, ONE, world.clock.now()).await.unwrap_err();
    let Denied::Over { limit, standing, needed, available } = denied else { panic!("{denied:?}") };
    assert_eq!((limit.counter.measure, standing.cap, needed, available), (Measure::Tokens, 15, 10, 5));
    world.settle_down().await;
    assert_eq!(world.standing(&limits[0]).await, (1, 0));
    assert_eq!(world.standing(&limits[1]).await, (10, 0));
}

#[tokio::test]
async fn a_place_is_free_again_when_its_call_is_over_or_its_client_left() {
    let world = World::new(2);
    let places = [limit(Measure::Requests, Window::Now, 2)];
    let one = world.limiters[0].reserve(&places, ONE, world.clock.now()).await.unwrap();
    let two = world.limiters[1].reserve(&places, ONE, world.clock.now()).await.unwrap();
    assert!(world.limiters[1].reserve(&places, ONE, world.clock.now()).await.is_err());
    drop(one);
    two.settle(ONE);
    world.settle_down().await;
    assert_eq!(world.standing(&places[0]).await, (0, 0));
    assert_eq!(storm(&world, &places, 2, ONE, ONE).await, 2);
}

#[tokio::test]
async fn clients_that_leave_while_they_wait_leak_nothing() {
    let world = World::new(1);
    let budget = [limit(Measure::Cost, Window::Month, 100_000), limit(Measure::Requests, Window::Now, 50)];
    for polls in 0..12 {
        let mut reserving = Box::pin(world.limiters[0].reserve(&budget, ONE, world.clock.now()));
        for _ in 0..polls {
            tokio::select! {
                biased;
                reservation = &mut reserving => { drop(reservation); break; }
                () = std::future::ready(()) => {}
            }
            tokio::task::yield_now().await;
        }
    }
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    world.settle_down().await;
    assert_eq!(world.standing(&budget[0]).await, (0, 0));
    assert_eq!(world.standing(&budget[1]).await, (0, 0));
}

#[tokio::test]
async fn an_answer_that_was_lost_leaks_nothing_and_counts_once() {
    let world = World::new(1);
    let budget = [limit(Measure::Cost, Window::Month, 100_000)];
    world.call(&budget, ONE).await.unwrap();
    for trouble in [1, 0, 1, 0] {
        world.counters.trouble(trouble);
        // What it has in hand lasts for a while.
        for _ in 0..5 {
            world.call(&budget, ONE).await.unwrap();
        }
        world.settle_down().await;
    }
    let (spent, held) = world.standing(&budget[0]).await;
    assert!(spent == 21_000 && spent + held <= 100_000, "{held}");
    // What it was given and never knew of goes back when its time is over.
    for _ in 0..3 {
        world.clock.advance(Duration::from_mins(8));
        world.settle_down().await;
    }
    world.counters.sweep(world.clock.now()).await.unwrap();
    assert_eq!(world.standing(&budget[0]).await, (21_000, 0));
}

#[tokio::test]
async fn while_counters_are_away_each_process_keeps_its_share() {
    let world = World::new(4);
    let limits = [limit(Measure::Requests, Window::Hour, 100)];
    world.counters.trouble(2);
    assert_eq!(storm(&world, &limits, 400, ONE, ONE).await, 100);
    assert_eq!(storm(&world, &limits, 400, ONE, ONE).await, 0);
    assert_eq!(world.standing(&limits[0]).await, (0, 0));
    world.counters.trouble(0);
    world.settle_down().await;
    // What they helped themselves to is told.
    assert_eq!(world.standing(&limits[0]).await, (100, 0));
    assert_eq!(storm(&world, &limits, 40, ONE, ONE).await, 0);
}

#[tokio::test]
async fn places_that_nobody_gave_are_free_again_when_their_calls_are_over() {
    let world = World::new(2);
    let places = [limit(Measure::Requests, Window::Now, 10)];
    world.counters.trouble(2);
    for round in 0..3 {
        let mut open = Vec::new();
        while let Ok(reservation) = world.limiters[0].reserve(&places, ONE, world.clock.now()).await {
            open.push(reservation);
        }
        assert_eq!(open.len(), 5, "its share, in round {round}");
        for reservation in open {
            reservation.settle(ONE);
        }
        world.settle_down().await;
    }
    world.counters.trouble(0);
    assert_eq!(storm(&world, &places, 10, ONE, ONE).await, 10);
}

#[tokio::test]
async fn places_of_a_process_that_was_forgotten_are_free_again_too() {
    let world = World::new(1);
    let places = [limit(Measure::Requests, Window::Now, 2)];
    let reserve = || world.limiters[0].reserve(&places, ONE, world.clock.now());
    let given = reserve().await.unwrap();
    world.counters.trouble(2);
    let helped = reserve().await.unwrap();
    world.counters.trouble(0);
    world.clock.advance(Duration::from_hours(1));
    world.counters.sweep(world.clock.now()).await.unwrap();
    world.limiters[0].tell().await;
    world.counters.trouble(2);
    assert!(reserve().await.is_err(), "both are taken, by nobody");
    drop((given, helped));
    let open = [reserve().await.unwrap(), reserve().await.unwrap()];
    assert!(reserve().await.is_err());
    drop(open);
}

#[tokio::test]
async fn of_a_budget_each_process_shares_what_was_last_heard_to_be_left() {
    let world = World::new(2);
    let budgets = [Window::Day, Window::FiveHours].map(|window| [limit(Measure::Tokens, window, 1_000)]);
    let now = world.clock.now();
    for budget in &budgets {
        let Limit { counter, .. } = &budget[0];
        world.counters.record(&[], counter, counter.window.span(now, chrono_tz::Tz::UTC), 800, now).await;
        world.call(budget, ONE).await.unwrap();
    }
    // It was heard of, and then there is nothing in hand any more.
    world.settle_down().await;
    world.counters.trouble(2);
    for limits in budgets {
        let reserve = |process: usize| world.limiters[process].reserve(&limits, ONE, world.clock.now());
        assert!(matches!(reserve(1).await, Err(Denied::Unknown { .. })), "it knows nothing of it");
        for _ in 0..9 {
            reserve(0).await.unwrap();
        }
        // A later bucket of the same window is no new share.
        world.clock.advance(Duration::from_mins(2));
        assert!(matches!(reserve(0).await, Err(Denied::Unknown { .. })));
    }
}

#[tokio::test]
async fn nobody_waits_for_how_a_limit_stands_while_counters_are_away() {
    let world = World::new(1);
    let budget = limit(Measure::Cost, Window::Month, 10_000);
    let standing = || world.limiters[0].standing(&budget, world.clock.now());
    world.counters.trouble(2);
    assert_eq!(standing().await, None);
    let asked = world.counters.asked.load(Ordering::SeqCst);
    for _ in 0..10 {
        assert_eq!(standing().await, None);
    }
    assert_eq!(world.counters.asked.load(Ordering::SeqCst), asked);
    world.counters.trouble(0);
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(standing().await.unwrap().used, 0);
}

#[tokio::test]
async fn where_a_limit_says_so_nobody_gets_in_while_counters_are_away() {
    let options = LimiterOptions { degraded: Degraded::Refuse, ..LimiterOptions::default() };
    let world = World::with(1, &options);
    let limits = [limit(Measure::Requests, Window::Hour, 100), limit(Measure::Cost, Window::Day, 1 << 40)];
    for _ in 0..2 {
        world.call(&limits, ONE).await.unwrap();
    }
    world.counters.trouble(2);
    // What is in hand may be spent.
    assert!(!world.limiters[0].reserve(&limits[1..], ONE, world.clock.now()).await.unwrap().is_degraded());
    let lots = Use { cost: 1 << 39, ..ONE };
    let denied = world.limiters[0].reserve(&limits, lots, world.clock.now()).await.unwrap_err();
    assert!(matches!(denied, Denied::Unknown { limit } if limit.counter.measure == Measure::Cost));
    assert!(world.limiters[0].is_degraded());
    assert!(world.limiters[0].reserve(&limits[..1], ONE, world.clock.now()).await.is_ok());
    world.counters.trouble(0);
    world.clock.advance(Duration::from_secs(2));
    assert!(world.limiters[0].reserve(&limits, lots, world.clock.now()).await.is_ok());
    assert!(!world.limiters[0].is_degraded());
}

#[tokio::test]
async fn a_process_that_was_taken_for_dead_goes_on() {
    let world = World::new(1);
    let budget = [limit(Measure::Cost, Window::Month, 100_000)];
    let open = world.limiters[0].reserve(&budget, ONE, world.clock.now()).await.unwrap();
    // It was stopped for an hour, and swept away.
    world.clock.advance(Duration::from_hours(1));
    world.counters.sweep(world.clock.now()).await.unwrap();
    assert_eq!(world.standing(&budget[0]).await, (0, 0));
    world.finish(open, &budget, ONE).await;
    for _ in 0..3 {
        world.call(&budget, ONE).await.unwrap();
        world.settle_down().await;
    }
    assert_eq!(world.standing(&budget[0]).await, (4_000, 0));
}

#[tokio::test]
async fn shutdown_gives_back_what_is_held_but_for_calls_that_are_not_recorded_yet() {
    let world = World::new(1);
    let limits =
        [limit(Measure::Cost, Window::Month, 1 << 40), limit(Measure::Requests, Window::Hour, 1 << 40)];
    world.call(&limits, ONE).await.unwrap();
    let late = world.limiters[0].reserve(&limits, ONE, world.clock.now()).await.unwrap();
    let held = late.settle(Use { cost: 600, ..ONE });
    assert!(world.standing(&limits[0]).await.1 > 1_600);
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    world.limiters[0].run(shutdown).await;
    assert_eq!(world.standing(&limits[0]).await, (1_000, 600));
    assert_eq!(world.standing(&limits[1]).await, (2, 0));
    let span = Window::Month.span(world.clock.now(), chrono_tz::Tz::UTC);
    world.counters.record(&held, &limits[0].counter, span, 600, world.clock.now()).await;
    assert_eq!(world.standing(&limits[0]).await, (1_600, 0));
}

#[tokio::test]
async fn a_call_counts_when_it_arrived() {
    let world = World::new(1);
    let limits = [limit(Measure::Tokens, Window::Day, 100), limit(Measure::Requests, Window::Minute, 5)];
    let arrived = world.clock.now();
    world.clock.advance(Duration::from_hours(24));
    let reservation = world.limiters[0].reserve(&limits, ONE, arrived).await.unwrap();
    for limit in &limits {
        let span = limit.counter.window.span(arrived, chrono_tz::Tz::UTC);
        let standing = world.counters.standing(&[(limit.clone(), span)], arrived).await.unwrap()[0];
        assert!(standing.held > 0, "{}", limit.counter);
        assert_eq!(world.standing(limit).await, (0, 0));
    }
    drop(reservation);
}

#[tokio::test]
async fn a_reservation_grows_and_shrinks_with_its_call() {
    let world = World::new(1);
    let limits = [limit(Measure::Tokens, Window::Day, 100), limit(Measure::Requests, Window::Now, 1)];
    let mut open = world.limiters[0].reserve(&limits, ONE, world.clock.now()).await.unwrap();
    let tokens = |tokens| Use { tokens, ..ONE };
    open.adjust(&limits, tokens(70)).await.unwrap();
    assert_eq!(world.limiters[0].left(&limits[0], world.clock.now()), Some(30));
    let denied = open.adjust(&limits, tokens(101)).await.unwrap_err();
    let Denied::Over { needed, available, .. } = denied else { panic!("{denied:?}") };
    assert_eq!((needed, available), (101, 100));
    open.adjust(&limits, tokens(100)).await.unwrap();
    open.adjust(&limits, tokens(20)).await.unwrap();
    assert_eq!(world.limiters[0].left(&limits[0], world.clock.now()), Some(80));
    world.finish(open, &limits, tokens(15)).await;
    world.settle_down().await;
    assert_eq!(world.standing(&limits[0]).await, (15, 0));
    assert_eq!(world.standing(&limits[1]).await, (0, 0));
}

#[tokio::test]
async fn what_nobody_gave_is_held_by_nobody() {
    let world = World::new(1);
    let budget = [limit(Measure::Cost, Window::Month, 100_000), limit(Measure::Tokens, Window::Day, 100_000)];
    world.call(&budget[..1], ONE).await.unwrap();
    world.limiters[0].standing(&budget[1], world.clock.now()).await.unwrap();
    world.counters.trouble(2);
    // Of the one the process has something in hand, of the other it helps itself.
    let open = world.limiters[0].reserve(&budget, ONE, world.clock.now()).await.unwrap();
    assert!(open.is_degraded());
    assert_eq!(open.holder(), None);
    world.finish(open, &budget, ONE).await;
    world.counters.trouble(0);
    world.clock.advance(Duration::from_secs(2));
    world.settle_down().await;
    assert_eq!(world.standing(&budget[0]).await, (2_000, 0));
    assert_eq!(world.standing(&budget[1]).await, (10, 0));
}

#[tokio::test]
async fn how_a_limit_stands_is_remembered_for_a_while() {
    let world = World::new(1);
    let budget = [limit(Measure::Cost, Window::Month, 10_000)];
    let used = || async { world.limiters[0].standing(&budget[0], world.clock.now()).await.unwrap().used };
    assert_eq!(used().await, 0);
    let span = Window::Month.span(world.clock.now(), chrono_tz::Tz::UTC);
    world.counters.record(&[], &budget[0].counter, span, 700, world.clock.now()).await;
    assert_eq!(used().await, 0, "it was heard a moment ago");
    world.clock.advance(Duration::from_secs(6));
    assert_eq!(used().await, 0, "nobody waits for the answer");
    while used().await != 700 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_call_used_beyond_its_reservation_counts() {
    let world = World::new(1);
    let budget = [limit(Measure::Cost, Window::Day, 10_000)];
    let open = world.limiters[0].reserve(&budget, ONE, world.clock.now()).await.unwrap();
    world.finish(open, &budget, Use { cost: 9_500, ..ONE }).await;
    world.settle_down().await;
    assert_eq!(world.standing(&budget[0]).await, (9_500, 0));
    assert!(world.limiters[0].reserve(&budget, ONE, world.clock.now()).await.is_err());
}
