//! What happens while something else is on its way.

use std::sync::atomic::Ordering;
use std::time::Duration;

use promptgate_kernel::Clock;
use promptgate_limiter::{Denied, Use};
use promptgate_limits::{Limit, Measure, Window};

use tokio::task::JoinSet;

use crate::world::{ONE, World, limit};

fn tokens(tokens: u64) -> Use {
    Use { tokens, ..ONE }
}

/// The answer to one ask is lost, and so its holder may hold what it does not know of. It is ended for that only
/// when the answer to another ask of it is there: what that one was given would be held by nobody.
#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_when_its_holder_is_replaced_stays_held() {
    let world = World::new(1);
    let slow = [limit(Measure::Tokens, Window::Hour, 1_000)];
    let lost = [limit(Measure::Requests, Window::Hour, 1_000)];
    let answer = world.counters.keep_back(&slow[0].counter);
    let mut asking = JoinSet::new();
    asking.spawn({
        let (world, slow) = (world.clone(), slow.clone());
        async move { world.limiters[0].reserve(&slow, tokens(400), world.clock.now()).await }
    });
    while world.standing(&slow[0]).await.1 < 400 {
        tokio::task::yield_now().await;
    }
    world.counters.trouble(1);
    drop(world.limiters[0].reserve(&lost, ONE, world.clock.now()).await);
    world.counters.trouble(0);
    world.limiters[0].tell().await;
    answer.add_permits(1);
    let reservation = asking.join_next().await.unwrap().unwrap().unwrap();
    world.limiters[0].tell().await;
    assert!(world.standing(&slow[0]).await.1 >= 400, "what the call has is held");
    world.finish(reservation, &slow, tokens(300)).await;
    world.settle_down().await;
    // What was lost went back, too.
    assert_eq!((world.standing(&slow[0]).await, world.standing(&lost[0]).await.1), ((300, 0), 0));
}

#[tokio::test]
async fn holders_do_not_pile_up_while_nobody_answers() {
    let world = World::new(1);
    let hour = [limit(Measure::Tokens, Window::Hour, 1_000)];
    let asked = || world.counters.asked.load(Ordering::SeqCst);
    for trouble in [1, 2] {
        world.counters.trouble(trouble);
        for _ in 0..50 {
            drop(world.limiters[0].reserve(&hour, ONE, world.clock.now()).await);
            world.limiters[0].tell().await;
            world.clock.advance(Duration::from_secs(2));
        }
    }
    let before = asked();
    world.limiters[0].tell().await;
    assert!(asked() - before <= 2, "{}", asked() - before);
    world.counters.trouble(0);
    world.settle_down().await;
    assert_eq!(world.standing(&hour[0]).await.1, 0);
}

/// Two processes have all of a limit between them, and the second one needs what the first one cannot use.
async fn part_of_another(is_asked_again: bool) {
    let world = World::new(2);
    let hour = [limit(Measure::Tokens, Window::Hour, 1_000)];
    let reserve = |process: usize, amount: u64| {
        world.limiters[process].reserve(&hour, tokens(amount), world.clock.now())
    };
    drop(reserve(0, 30).await.unwrap());
    let lies_about = world.standing(&hour[0]).await.1;
    let taken = reserve(1, 1_000 - lies_about).await.unwrap();
    assert!(matches!(reserve(1, lies_about).await, Err(Denied::Over { .. })));
    assert!(matches!(reserve(0, lies_about + 1).await, Err(Denied::Over { .. })));
    if is_asked_again {
        drop(reserve(0, 1).await.unwrap());
    }
    // Right away, though it did not lie about for long.
    world.limiters[0].tell().await;
    drop((reserve(1, lies_about).await.unwrap(), taken));
}

#[tokio::test]
async fn what_is_too_little_for_a_call_here_is_there_for_another_process() {
    part_of_another(false).await;
    part_of_another(true).await;
}

#[tokio::test]
async fn a_share_of_a_budget_is_one_of_the_limit_that_counts_now() {
    let world = World::new(1);
    let budget = [limit(Measure::Tokens, Window::Day, 1_000)];
    let span = Window::Day.span(world.clock.now(), chrono_tz::Tz::UTC);
    world.counters.record(&[], &budget[0].counter, span, 800, world.clock.now()).await;
    world.call(&budget, ONE).await.unwrap();
    world.settle_down().await;
    while world.limiters[0].standing(&budget[0], world.clock.now()).await.unwrap().used < 810 {
        tokio::task::yield_now().await;
    }
    world.counters.trouble(2);
    let lowered = [Limit { cap: 860, ..budget[0].clone() }];
    let reserve = |amount: u64| world.limiters[0].reserve(&lowered, tokens(amount), world.clock.now());
    assert!(matches!(reserve(51).await, Err(Denied::Unknown { .. })));
    assert!(reserve(50).await.is_ok());
}

#[tokio::test]
async fn how_a_limit_stands_is_asked_anew_though_the_clock_was_set_back() {
    let world = World::new(1);
    let budget = limit(Measure::Cost, Window::Month, 10_000);
    let standing = || world.limiters[0].standing(&budget, world.clock.now());
    assert_eq!(standing().await.unwrap().used, 0);
    world.clock.set_back(Duration::from_hours(1));
    let span = Window::Month.span(world.clock.now(), chrono_tz::Tz::UTC);
    world.counters.record(&[], &budget.counter, span, 700, world.clock.now()).await;
    for _ in 0..50 {
        if standing().await.unwrap().used == 700 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it is believed for ever");
}
