//! A waker that keeps still while its task is at work anyway.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

const DRIVING: u8 = 1;
const WOKEN: u8 = 2;

/// Stands between a connection and the task that drives it.
///
/// Both ends of a connection are polled by one task. Each of them wakes the other's task whenever it
/// hands something over, so that the task would be scheduled once more for all that it has just done.
#[derive(Default)]
pub(crate) struct Gate {
    state: AtomicU8,
    task: Mutex<Option<Waker>>,
}

impl Gate {
    /// From now on `task` drives; it hears of nothing until [`end`](Self::end).
    pub(crate) fn begin(&self, task: &Waker) {
        let mut current = self.task();
        if !current.as_ref().is_some_and(|current| current.will_wake(task)) {
            *current = Some(task.clone());
        }
        drop(current);
        self.state.store(DRIVING, Ordering::SeqCst);
    }

    /// The task is about to do something else. Says whether it was woken meanwhile, and therefore has
    /// to look again.
    pub(crate) fn end(&self) -> bool {
        self.state.swap(0, Ordering::SeqCst) & WOKEN != 0
    }

    /// Whether something has happened since the task did something else.
    pub(crate) fn is_woken(&self) -> bool {
        self.state.load(Ordering::SeqCst) & WOKEN != 0
    }

    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.fetch_or(WOKEN, Ordering::SeqCst) & DRIVING == 0 {
            let task = self.task().clone();
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_task_is_woken_only_while_it_does_something_else() {
        let (count, gate) = (Arc::new(Count::default()), Arc::new(Gate::default()));
        let (task, waker) = (Waker::from(Arc::clone(&count)), Waker::from(Arc::clone(&gate)));
        let woken = || count.0.load(Ordering::SeqCst);
        waker.wake_by_ref();
        assert!(gate.is_woken());
        gate.begin(&task);
        assert!(!gate.end(), "what was before is seen now");
        gate.begin(&task);
        waker.wake_by_ref();
        assert_eq!(woken(), 0);
        assert!(gate.end(), "it has to look again");
        assert!(!gate.is_woken());
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_eq!(woken(), 2);
        assert!(gate.is_woken());
        let other = Arc::new(Count::default());
        gate.begin(&Waker::from(Arc::clone(&other)));
        assert!(!gate.end());
        waker.wake_by_ref();
        assert_eq!((woken(), other.0.load(Ordering::SeqCst)), (2, 1));
        drop(task);
        assert_eq!(Arc::strong_count(&count), 1, "a task that drives no more is not held on to");
    }
}
