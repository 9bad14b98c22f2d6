//! Making counters of the ledger goes on when nobody waits for it any more: a limiter has no time to wait
//! until a long history is added up, and the next one who takes finds the counter made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, Shared};
use futures_util::{FutureExt, TryFutureExt};
use promptgate_limits::CountersError;
use tokio::sync::{Mutex as Turn, oneshot};
use tokio_util::task::TaskTracker;

/// What comes of making a counter, for everybody who waits for it; the reason if nothing does.
pub(super) type Filled = Shared<BoxFuture<'static, Result<(), Arc<str>>>>;

/// The counters that this process makes now. One that is not finished when the process ends is not made:
/// whoever takes of it makes it.
#[derive(Debug, Default)]
pub(crate) struct Filling {
    tasks: TaskTracker,
    under_way: Mutex<HashMap<String, Filled>>,
    /// One is made at a time: two would wait for each other in the database, each on a connection that
    /// others need.
    turn: Turn<()>,
}

impl Filling {
    fn under_way(&self) -> MutexGuard<'_, HashMap<String, Filled>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a counter, or joins those who wait for it already.
    pub(super) fn join(
        self: &Arc<Self>,
        counter: &str,
        fill: impl Future<Output = Result<(), CountersError>> + Send + 'static,
    ) -> Filled {
        let (tell, told) = oneshot::channel();
        let filled = {
            let mut under_way = self.under_way();
            if let Some(filled) = under_way.get(counter) {
                return filled.clone();
            }
            let told = told.unwrap_or_else(|_| Err("making it was given up".into()));
            let filled = told.boxed().shared();
            under_way.insert(counter.to_owned(), filled.clone());
            filled
        };
        // Not under the lock: a runtime that ends drops the task at once.
        let place = Place { filling: Arc::clone(self), counter: counter.to_owned() };
        self.tasks.spawn(async move {
            let turn = place.filling.turn.lock().await;
            let result = fill.await.map_err(|error| {
                let counter = place.counter.as_str();
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, counter, "the counter of a budget cannot be made");
                Arc::from(error.to_string())
            });
            drop(turn);
            drop(place);
            // Nobody may be waiting.
            let _ = tell.send(result);
        });
        filled
    }
}

/// A place among what is under way, until it is not.
struct Place {
    filling: Arc<Filling>,
    counter: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.filling.under_way().remove(&self.counter);
    }
}
