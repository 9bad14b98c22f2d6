//! Where long texts are read: on threads of their own, as many at a time as the machine has processors.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};

/// Reading a text of this size takes so long that other calls should not wait for it.
pub(crate) const LONG: usize = 128 * 1024;

/// A reader failed. What it has not read must not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReaderFailed;

/// Who reads long texts, for all calls of a process. Requests and answers wait for the same few, in the
/// order in which they came.
#[derive(Debug, Clone)]
pub(crate) struct Readers(Arc<Semaphore>);

impl Readers {
    /// So many at a time.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most.max(1))))
    }

    /// As many as there are processors.
    pub(crate) fn of_this_machine() -> Self {
        Self::new(available_parallelism().map_or(1, usize::from))
    }

    /// Reads a text of so many bytes: a short one at once, a long one as soon as somebody is free. Whoever
    /// waits no longer leaves the queue; what is being read keeps its reader to the end.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        bytes: usize,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ReaderFailed> {
        if bytes < LONG {
            return Ok(read());
        }
        let reader = Arc::clone(&self.0).acquire_owned().await.map_err(|_| ReaderFailed)?;
        let reading = spawn_blocking(move || {
            let _reader = reader;
            read()
        });
        WhileWaitedFor(reading).finish().await
    }
}

#[cfg(test)]
impl Readers {
    /// Keeps all of them busy for as long as the answer is kept.
    pub(crate) fn busy(&self) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(self.0.available_permits()).unwrap();
        Arc::clone(&self.0).try_acquire_many_owned(all).unwrap()
    }
}

/// Work that does not begin when nobody waits for it any more.
struct WhileWaitedFor<T>(JoinHandle<T>);

impl<T> WhileWaitedFor<T> {
    async fn finish(mut self) -> Result<T, ReaderFailed> {
        (&mut self.0).await.map_err(|_| ReaderFailed)
    }
}

impl<T> Drop for WhileWaitedFor<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};

    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn short_texts_wait_for_nobody() {
        let readers = Readers::new(1);
        let taken = Arc::clone(&readers.0).acquire_owned().await.unwrap();
        assert_eq!(readers.read(LONG - 1, || 7).now_or_never(), Some(Ok(7)));
        assert_eq!(readers.read(LONG, || 7).now_or_never(), None);
        drop(taken);
        assert_eq!(readers.read(LONG, || 7).await, Ok(7));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn never_more_are_read_at_a_time_than_there_are_readers() {
        let readers = Readers::new(2);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        // None is done before another one reads, too.
        let pair = Arc::new(Barrier::new(2));
        let reads = (0..20).map(|_| {
            let (now, most, pair) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&pair));
            readers.read(LONG, move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                pair.wait();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        assert!(join_all(reads).await.into_iter().all(|read| read.is_ok()));
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_leaves_the_queue_reads_nothing_and_who_leaves_a_reader_frees_it_at_its_end() {
        let readers = Readers::new(1);
        let (begun, has_begun) = mpsc::channel();
        let (end, may_end) = mpsc::channel::<()>();
        let mut first = Box::pin(readers.read(LONG, move || {
            begun.send(()).unwrap();
            let _ = may_end.recv();
        }));
        assert_eq!(first.as_mut().now_or_never(), None);
        has_begun.recv().unwrap();
        drop(first);
        let second = readers.read(LONG, || unreachable!("nobody waits for it any more"));
        assert_eq!(second.now_or_never(), None);
        assert_eq!(readers.0.available_permits(), 0, "the first is still read");
        end.send(()).unwrap();
        assert_eq!(readers.read(LONG, || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_reader_that_fails_is_no_answer() {
        let readers = Readers::new(1);
        assert_eq!(readers.read(LONG, || -> u8 { panic!("of a bug") }).await, Err(ReaderFailed));
        assert_eq!(readers.read(LONG, || 7).await, Ok(7), "and its place is free");
    }
}
