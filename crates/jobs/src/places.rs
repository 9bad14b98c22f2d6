//! How much is carried out at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Job;
use crate::chore::Span;

/// How many runs one process carries out at once. They are neither urgent nor heavy.
const ALL: usize = 4;
/// How many of them may take more than a moment.
const ABOVE_SHORT: usize = 3;
/// How many of them may take for hours.
const LONG: usize = 2;

/// The places for runs at once: what takes long leaves some to what is short, so that removing what has piled
/// up holds up neither anything else nor, least of all, the sweep of limits.
pub(crate) struct Places {
    all: Arc<Semaphore>,
    above_short: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// A place, and which runs may have it.
pub(crate) struct Place {
    _any: OwnedSemaphorePermit,
    above_short: Option<OwnedSemaphorePermit>,
    long: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(crate) const COUNT: usize = ALL;

    pub(crate) fn new() -> Self {
        let [all, above_short, long] =
            [ALL, ABOVE_SHORT, LONG].map(|places| Arc::new(Semaphore::new(places)));
        Self { all, above_short, long }
    }

    /// A place, if there is one, for runs as long as may have one.
    pub(crate) fn take(&self) -> Option<Place> {
        let take = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
        let any = take(&self.all)?;
        let above_short = take(&self.above_short);
        let long = above_short.as_ref().and_then(|_| take(&self.long));
        Some(Place { _any: any, above_short, long })
    }

    /// Waits until nothing is carried out any more.
    pub(crate) async fn all_free(&self) {
        let all = u32::try_from(ALL).unwrap_or(u32::MAX);
        drop(self.all.acquire_many(all).await);
    }
}

impl Place {
    /// Whether a run of the job may have it.
    pub(crate) const fn suits(&self, job: &Job) -> bool {
        match job.span() {
            Span::Short => true,
            Span::Usual => self.above_short.is_some(),
            Span::Long => self.long.is_some(),
        }
    }

    /// Leaves to others what a run of the job does not need of it.
    pub(crate) fn for_run_of(self, job: Option<&Job>) -> Self {
        match job.map(Job::span) {
            Some(Span::Short) => Self { above_short: None, long: None, ..self },
            Some(Span::Usual) => Self { long: None, ..self },
            Some(Span::Long) | None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_takes_long_leaves_places_to_what_does_not() {
        let job = |limit| Job::every("x", Duration::from_secs(1), || async { Ok(0) }).within(limit);
        let [short, usual, long] =
            [Duration::from_mins(1), Duration::from_mins(30), Duration::from_hours(6)].map(job);
        let places = Places::new();
        let take =
            |job: &Job| places.take().filter(|place| place.suits(job)).map(|it| it.for_run_of(Some(job)));
        let first = [take(&long), take(&long)];
        assert!(first.iter().all(Option::is_some) && take(&long).is_none(), "two for the long ones");
        let third = take(&usual);
        assert!(third.is_some() && take(&usual).is_none(), "one more for those that are not short");
        let fourth = take(&short);
        assert!(fourth.is_some() && take(&short).is_none());
        drop(first);
        // A short one takes away nothing from the long ones.
        let again = [take(&short), take(&long)];
        assert!(again.iter().all(Option::is_some));
        drop((third, fourth, again));
        assert!((0..ALL).map(|_| take(&short)).collect::<Vec<_>>().iter().all(Option::is_some));
    }
}
