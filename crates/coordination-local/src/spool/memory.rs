//! Custody without a disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use promptgate_gateway::ports::{SinkError, UsageSink};
use promptgate_usage::FinishedCall;
use tokio::sync::Notify;

use super::call;
use super::segment::Limit;

/// The most bytes of contents that are kept; beyond that, events are kept without.
const CONTENT_BYTES: usize = 64 << 20;

#[derive(Debug, thiserror::Error)]
#[error("{0} usage events wait in memory and no more are taken")]
struct Full(usize);

/// Keeps events in memory, and what was said in their calls as long as it is little, for a process that has no directory to write to. What is gained is that
/// such a process can serve at all; what is given up: a process that is killed loses the events that
/// are not stored yet.
///
/// It is bounded. When the store is away for so long that it is full, [`append`](UsageSink::append)
/// refuses, and [`Self::is_full`] has said so before: a process whose memory is full must report
/// itself not ready and refuse calls, which is the back-pressure that appending itself, being
/// possible from a destructor, cannot exert.
#[derive(Debug)]
pub struct MemorySpool {
    waiting: Mutex<Waiting>,
    capacity: usize,
    content_bytes: usize,
    appended: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    calls: VecDeque<Arc<FinishedCall>>,
    /// How many of them were handed on, and wait to be stored.
    brought: usize,
    /// What their contents take.
    content_bytes: usize,
}

impl MemorySpool {
    /// A spool that [`is_full`](Self::is_full) from this many events on. It takes an eighth more, for
    /// calls that are under way by then.
    pub fn new(capacity: usize) -> Self {
        Self { waiting: Mutex::default(), capacity, content_bytes: CONTENT_BYTES, appended: Notify::new() }
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.waiting().calls.len()
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

    /// How many were not handed on yet.
    pub(super) fn unbrought(&self) -> usize {
        let waiting = self.waiting();
        waiting.calls.len() - waiting.brought
    }

    /// The calls that are to be handed on next, and whether there are more. They stay until they are
    /// [marked](Self::mark_brought).
    pub(super) fn next(&self, limit: Limit) -> (Vec<Arc<FinishedCall>>, bool) {
        let mut bytes = 0_u64;
        let fits = |spooled: &&Arc<FinishedCall>| {
            let room = bytes < limit.bytes;
            bytes += spooled.content.as_ref().map_or(0, |content| call::size(content) as u64);
            room
        };
        let waiting = self.waiting();
        let unbrought = waiting.calls.iter().skip(waiting.brought).take(limit.lines);
        let next: Vec<_> = unbrought.take_while(fits).cloned().collect();
        let more = waiting.brought + next.len() < waiting.calls.len();
        (next, more)
    }

    /// So many of the oldest calls.
    pub(super) fn oldest(&self, count: usize) -> Vec<Arc<FinishedCall>> {
        self.waiting().calls.iter().take(count).cloned().collect()
    }

    /// The next calls are handed on. They stay until they are [stored](Self::mark_stored), without what
    /// was said in them.
    pub(super) fn mark_brought(&self, count: usize) {
        let mut waiting = self.waiting();
        let from = waiting.brought;
        let mut freed = 0;
        for spooled in waiting.calls.range_mut(from..from + count) {
            if let Some(content) = &spooled.content {
                freed += call::size(content);
                *spooled = Arc::new(FinishedCall { event: spooled.event.clone(), content: None });
            }
        }
        waiting.content_bytes -= freed;
        waiting.brought += count;
    }

    /// Forgets the oldest calls, which were handed on.
    pub(super) fn mark_stored(&self, count: usize) {
        let mut waiting = self.waiting();
        waiting.calls.drain(..count);
        waiting.brought -= count;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UsageSink for MemorySpool {
    fn append(&self, call: &Arc<FinishedCall>) -> Result<(), SinkError> {
        let call = call::bounded(call);
        let size = call.content.as_ref().map_or(0, call::size);
        let mut waiting = self.waiting();
        if waiting.calls.len() >= self.capacity + self.capacity / 8 {
            return Err(SinkError(Full(waiting.calls.len()).into()));
        }
        let call = if waiting.content_bytes + size > self.content_bytes {
            call::without_content(&call)
        } else {
            waiting.content_bytes += size;
            call
        };
        waiting.calls.push_back(call);
        drop(waiting);
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

    const TWO: Limit = Limit { lines: 2, bytes: u64::MAX };

    #[test]
    fn says_that_it_is_full_before_it_refuses() {
        let spool = MemorySpool::new(8);
        for number in 0..8 {
            assert!(!spool.is_full());
            spool.append(&sample::call(number)).unwrap();
        }
        assert!(spool.is_full() && !spool.has_room());
        spool.append(&sample::call(8)).unwrap();
        assert!(spool.append(&sample::call(9)).is_err());
        assert_eq!(spool.next(TWO), (vec![sample::call(0), sample::call(1)], true));
        spool.mark_brought(2);
        assert_eq!(spool.next(TWO), (vec![sample::call(2), sample::call(3)], true));
        assert!(spool.is_full());
        spool.mark_stored(2);
        assert!(!spool.is_full() && spool.has_room());
        spool.append(&sample::call(9)).unwrap();
        assert_eq!(spool.len(), 8);
    }

    #[test]
    fn contents_give_way_and_events_do_not() {
        let spool = MemorySpool { content_bytes: 1_000, ..MemorySpool::new(8) };
        let append = |number| spool.append(&sample::long_call(number, 400)).unwrap();
        (0..3).for_each(append);
        let kept = |limit| spool.next(limit).0.iter().filter(|call| call.content.is_some()).count();
        let all = Limit { lines: 8, bytes: u64::MAX };
        assert_eq!((spool.len(), kept(all)), (3, 2));
        assert_eq!(spool.next(Limit { bytes: 400, ..all }).0.len(), 1);
        spool.mark_brought(1);
        append(3);
        assert_eq!((spool.len(), spool.unbrought(), kept(all)), (4, 3, 2));
        assert_eq!(spool.oldest(1), [sample::call(0)]);
        spool.mark_brought(3);
        spool.mark_stored(4);
        assert_eq!(spool.waiting().content_bytes, 0);
    }
}
