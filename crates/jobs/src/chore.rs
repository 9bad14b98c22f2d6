//! What there is to do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use promptgate_schedule::{Cadence, Retry};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Why a chore went wrong.
pub type ChoreError = Box<dyn std::error::Error + Send + Sync>;

/// How a chore ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Nothing is left to do; of so much it did something.
    Whole(u64),
    /// It was told to stop, and somebody else is to go on.
    Stopped(u64),
}

/// Something that is done again and again. Doing it twice is the same as doing it once: whoever carries
/// it out may end in the middle, and somebody else begins anew.
#[async_trait]
pub trait Chore: Send + Sync {
    /// Does it, in parts that are short; stops between two of them once `stop` is cancelled.
    async fn carry_out(&self, stop: &CancellationToken) -> Result<Done, ChoreError>;
}

#[async_trait]
impl<F, W> Chore for F
where
    F: Fn() -> W + Send + Sync,
    W: Future<Output = Result<u64, ChoreError>> + Send,
{
    async fn carry_out(&self, _: &CancellationToken) -> Result<Done, ChoreError> {
        self().await.map(Done::Whole)
    }
}

/// A chore that is done part by part, each of which says of how much it did something.
pub(crate) struct InParts<P> {
    pub(crate) part: P,
    /// A part that did less than this was the last one.
    pub(crate) full: u64,
    pub(crate) pause: Duration,
}

#[async_trait]
impl<P, W, E> Chore for InParts<P>
where
    P: Fn() -> W + Send + Sync,
    W: Future<Output = Result<u64, E>> + Send,
    E: Into<ChoreError> + Send,
{
    async fn carry_out(&self, stop: &CancellationToken) -> Result<Done, ChoreError> {
        in_parts(self.full, self.pause, stop, || (self.part)()).await
    }
}

/// Does part after part until one does less than a `full` one.
pub(crate) async fn in_parts<W, E>(
    full: u64,
    pause: Duration,
    stop: &CancellationToken,
    part: impl Fn() -> W,
) -> Result<Done, ChoreError>
where
    W: Future<Output = Result<u64, E>>,
    E: Into<ChoreError>,
{
    let mut amount = 0;
    loop {
        let some = part().await.map_err(Into::into)?;
        amount += some;
        if some < full {
            return Ok(Done::Whole(amount));
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Done::Stopped(amount)),
            () = sleep(pause) => {}
        }
    }
}

/// How long runs of a job take, which decides how many of its like are carried out at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// A moment.
    Short,
    /// Minutes.
    Usual,
    /// Hours, where much has piled up.
    Long,
}

/// A chore and when it is due.
#[derive(Clone)]
pub struct Job {
    /// Its name in the store, in logs and metrics.
    pub name: &'static str,
    /// When it is due.
    pub cadence: Cadence,
    /// The longest that one run may take; one that takes longer is cut off and counts as failed.
    pub limit: Duration,
    /// How often a run that fails is tried.
    pub retry: Retry,
    /// What is done.
    pub chore: Arc<dyn Chore>,
}

impl Job {
    /// The longest that a run takes unless its job says otherwise.
    const LIMIT: Duration = Duration::from_mins(30);

    /// What takes so long at most is short.
    const SHORT: Duration = Duration::from_mins(1);

    /// How long a run takes at most, roughly.
    pub(crate) const fn span(&self) -> Span {
        match self.limit.as_secs() {
            limit if limit <= Self::SHORT.as_secs() => Span::Short,
            limit if limit <= Self::LIMIT.as_secs() => Span::Usual,
            _ => Span::Long,
        }
    }

    /// A chore that is due again and again after a span, and fails as often as is usual.
    pub fn every(name: &'static str, span: Duration, chore: impl Chore + 'static) -> Self {
        Self::due(name, Cadence::Every(span), chore)
    }

    /// A chore with a cadence, which fails as often as is usual.
    pub fn due(name: &'static str, cadence: Cadence, chore: impl Chore + 'static) -> Self {
        Self { name, cadence, limit: Self::LIMIT, retry: Retry::default(), chore: Arc::new(chore) }
    }

    /// The same job, one run of which takes so long at most.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }
}
