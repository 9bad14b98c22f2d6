//! The bus of one process.

use async_trait::async_trait;
use promptgate_store::{Announcement, Bus, BusError, Signal, Subscription};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// What a listener may fall behind before it is told to look for itself.
const CAPACITY: usize = 256;

/// Carries announcements between the tasks of one process. Clones are the same bus.
#[derive(Debug, Clone)]
pub struct LocalBus {
    announcements: broadcast::Sender<Announcement>,
}

impl LocalBus {
    /// A bus without listeners.
    pub fn new() -> Self {
        Self { announcements: broadcast::Sender::new(CAPACITY) }
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn announce(&self, announcement: Announcement) -> Result<(), BusError> {
        // It fails when nobody listens, which is nobody's loss.
        let _ = self.announcements.send(announcement);
        Ok(())
    }

    async fn subscribe(&self) -> Box<dyn Subscription> {
        Box::new(LocalSubscription { received: self.announcements.subscribe(), _bus: self.clone() })
    }
}

/// Holds the bus, so that it cannot close under the listener.
struct LocalSubscription {
    received: broadcast::Receiver<Announcement>,
    _bus: LocalBus,
}

#[async_trait]
impl Subscription for LocalSubscription {
    async fn next(&mut self) -> Signal {
        match self.received.recv().await {
            Ok(announcement) => Signal::Announced(announcement),
            Err(RecvError::Lagged(_)) => Signal::Missed,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::Revision;

    fn announcement(revision: i64) -> Announcement {
        Announcement { revision: Revision::from_number(revision) }
    }

    #[tokio::test]
    async fn every_listener_hears_every_announcement_in_order() {
        let bus = LocalBus::new();
        bus.announce(announcement(1)).await.unwrap();
        let (mut first, mut second) = (bus.subscribe().await, bus.subscribe().await);
        for revision in 2..4 {
            bus.announce(announcement(revision)).await.unwrap();
        }
        for listener in [&mut first, &mut second] {
            assert_eq!(listener.next().await, Signal::Announced(announcement(2)));
            assert_eq!(listener.next().await, Signal::Announced(announcement(3)));
        }
    }

    #[tokio::test]
    async fn a_listener_that_fell_behind_is_told_so_and_goes_on() {
        let bus = LocalBus::new();
        let mut listener = bus.subscribe().await;
        let last = i64::try_from(CAPACITY).unwrap() + 10;
        for revision in 1..=last {
            bus.announce(announcement(revision)).await.unwrap();
        }
        assert_eq!(listener.next().await, Signal::Missed);
        let mut heard = Vec::new();
        for _ in 0..CAPACITY {
            heard.push(listener.next().await);
        }
        assert_eq!(heard.last(), Some(&Signal::Announced(announcement(last))));
    }
}
