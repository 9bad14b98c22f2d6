//! Behaviour of a bus, at two ends of it.

use std::time::Duration;

use promptgate_kernel::Revision;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Announcement, Bus, Signal, Subscription};

const DEADLINE: Duration = Duration::from_secs(20);
const RETRY: Duration = Duration::from_millis(100);

fn announcement(revision: i64) -> Announcement {
    Announcement { revision: Revision::from_number(revision) }
}

/// Announces until the subscriber hears it: delivery is best effort, and a connection may not be
/// there yet.
async fn announce_until_heard(bus: &dyn Bus, subscription: &mut dyn Subscription, revision: i64) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        // An error is a lost message; the next one may arrive.
        let _ = bus.announce(announcement(revision)).await;
        if hear(subscription, revision, (Instant::now() + RETRY).min(deadline)).await {
            return;
        }
        assert!(Instant::now() < deadline, "revision {revision} was announced and never heard");
    }
}

/// Whether the announcement is heard before the deadline, among other signals.
async fn hear(subscription: &mut dyn Subscription, revision: i64, deadline: Instant) -> bool {
    while let Ok(signal) = timeout_at(deadline, subscription.next()).await {
        if signal == Signal::Announced(announcement(revision)) {
            return true;
        }
    }
    false
}

/// Who announces is heard here and there, by everybody.
pub async fn an_announcement_reaches_every_subscriber_at_both_ends(here: &dyn Bus, there: &dyn Bus) {
    let mut subscriptions = [here.subscribe().await, there.subscribe().await, there.subscribe().await];
    for (number, subscription) in (1..).zip(&mut subscriptions) {
        announce_until_heard(here, &mut **subscription, number).await;
    }
    // All lines are open now: the next announcement arrives everywhere.
    there.announce(announcement(i64::MAX)).await.expect("the bus is there");
    for subscription in &mut subscriptions {
        assert!(hear(&mut **subscription, i64::MAX, Instant::now() + DEADLINE).await);
    }
}

/// Giving up waiting and waiting again, as a `select!` does, loses no signal.
pub async fn a_cancelled_wait_loses_nothing(here: &dyn Bus, there: &dyn Bus) {
    let mut subscription = there.subscribe().await;
    announce_until_heard(here, &mut *subscription, 1).await;
    for revision in 2..12 {
        here.announce(announcement(revision)).await.expect("the bus is there");
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < deadline, "revision {revision} was never heard");
            match timeout(Duration::from_micros(50), subscription.next()).await {
                Ok(signal) if signal == Signal::Announced(announcement(revision)) => break,
                Ok(_) | Err(_) => {}
            }
        }
    }
}

/// A subscriber that is gone, or that never listens, holds nobody up.
pub async fn a_subscriber_that_left_does_not_disturb(here: &dyn Bus, there: &dyn Bus) {
    let _silent = there.subscribe().await;
    drop(there.subscribe().await);
    let mut subscription = there.subscribe().await;
    announce_until_heard(here, &mut *subscription, 1).await;
    for revision in 2..50 {
        here.announce(announcement(revision)).await.expect("the bus is there");
    }
    assert!(hear(&mut *subscription, 49, Instant::now() + DEADLINE).await);
}
