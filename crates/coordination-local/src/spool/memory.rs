//! Custody without a disk.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use promptgate_gateway::ports::{SinkError, UsageSink};
use promptgate_usage::UsageEvent;
use tokio::sync::Notify;

#[derive(Debug, thiserror::Error)]
#[error("{0} usage events wait in memory and no more are taken")]
struct Full(usize);

/// Keeps events in memory, for a process that has no directory to write to. What is gained is that
/// such a process can serve at all; what is given up: a process that is killed loses the events that
/// are not stored yet.
///
/// It is bounded. When the store is away for so long that it is full, [`append`](UsageSink::append)
/// refuses, and [`Self::is_full`] has said so before: a process whose memory is full must report
/// itself not ready and refuse calls, which is the back-pressure that appending itself, being
/// possible from a destructor, cannot exert.
#[derive(Debug)]
pub struct MemorySpool {
    events: Mutex<VecDeque<UsageEvent>>,
    capacity: usize,
    appended: Notify,
}

impl MemorySpool {
    /// A spool that [`is_full`](Self::is_full) from this many events on. It takes an eighth more, for
    /// calls that are under way by then.
    pub fn new(capacity: usize) -> Self {
        Self { events: Mutex::default(), capacity, appended: Notify::new() }
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.events().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no new call may be admitted.
    pub fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    pub(super) async fn appended(&self) {
        self.appended.notified().await;
    }

    /// The oldest events. They stay until they are [`Self::mark_stored`].
    pub(super) fn oldest(&self, limit: usize) -> Vec<UsageEvent> {
        self.events().iter().take(limit).cloned().collect()
    }

    /// Forgets the oldest events.
    pub(super) fn mark_stored(&self, count: usize) {
        self.events().drain(..count);
    }

    fn events(&self) -> MutexGuard<'_, VecDeque<UsageEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UsageSink for MemorySpool {
    fn append(&self, event: &UsageEvent) -> Result<(), SinkError> {
        let mut events = self.events();
        if events.len() >= self.capacity + self.capacity / 8 {
            return Err(SinkError(Full(events.len()).into()));
        }
        events.push_back(event.clone());
        drop(events);
        metrics::counter!("promptgate_spool_events_total").increment(1);
        self.appended.notify_one();
        Ok(())
    }

    fn has_room(&self) -> bool {
        !self.is_full()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn says_that_it_is_full_before_it_refuses() {
        let spool = MemorySpool::new(8);
        for number in 0..8 {
            assert!(!spool.is_full());
            spool.append(&sample::event(number)).unwrap();
        }
        assert!(spool.is_full() && !spool.has_room());
        spool.append(&sample::event(8)).unwrap();
        assert!(spool.append(&sample::event(9)).is_err());
        assert_eq!(spool.oldest(2), [sample::event(0), sample::event(1)]);
        spool.mark_stored(2);
        assert!(!spool.is_full() && spool.has_room());
        spool.append(&sample::event(9)).unwrap();
        assert_eq!(spool.len(), 8);
    }
}
