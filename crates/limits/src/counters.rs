//! Where counters live.

use std::fmt;

use async_trait::async_trait;
use promptgate_kernel::{RepositoryError, Timestamp};

use crate::{Counter, Limit, Span};

/// Who holds something: a process, or a part of one. It is never used again by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder(pub u128);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What is wanted of one counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The counter, and how much of it there may be.
    pub limit: Limit,
    /// Where its window stands now.
    pub span: Span,
    /// With less than this nothing can be begun.
    pub least: u64,
    /// As much as this would be welcome.
    pub most: u64,
}

/// How a counter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What was used within its window.
    pub used: u64,
    /// What is taken and not settled yet, by whomever.
    pub held: u64,
    /// The most there may be.
    pub cap: u64,
    /// When room comes back at the earliest: the end of the window, or of the oldest bucket in use of one
    /// that slides.
    pub resets_at: Timestamp,
}

impl Standing {
    /// What may still be taken.
    pub const fn room(&self) -> u64 {
        self.cap.saturating_sub(self.used).saturating_sub(self.held)
    }
}

/// What was given of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// How much, from `least` to `most`.
    pub amount: u64,
    /// How the counter stands with it.
    pub standing: Standing,
}

/// Nothing was given, because one counter has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Which of the demands.
    pub at: usize,
    /// How it stands.
    pub standing: Standing,
}

/// What became of some demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Each was given, in their order.
    All(Vec<Grant>),
    /// None was.
    Refused(Refused),
}

/// What becomes of something that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The counter.
    pub counter: Counter,
    /// The bucket in which it was taken.
    pub bucket: Timestamp,
    /// When that counts no longer.
    pub until: Timestamp,
    /// What was used. It counts in full, also where it is more than was held. Of the ledger's counters the
    /// usage events tell that: there it changes nothing, and stays held.
    pub spent: u64,
    /// What goes back.
    pub freed: u64,
}

/// Counters cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum CountersError {
    /// Their store cannot be reached, or is too slow.
    #[error("the counters of limits cannot be reached: {0}")]
    Unavailable(String),
    /// One of them is being made from what was recorded. Nothing was taken of any; the others can be asked.
    #[error("a counter is being made from what was recorded")]
    Filling,
    /// Their store fails.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Where counters live. Behaviour every adapter must show: `store::contract::counters`.
///
/// At every instant, for every counter, what was used and what is held are together no more than its
/// smallest cap that something was taken under.
///
/// Only a database with usage events can keep counters of the [ledger](Counter::is_ledger); any other
/// counts them like the rest.
#[async_trait]
pub trait Counters: Send + Sync {
    /// Takes of all counters, or of none. What is given is held until `until`.
    async fn take(
        &self,
        holder: Holder,
        demands: &[Demand],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Taken, CountersError>;

    /// Says what became of what is held; `false` if the holder is not known any more, and nothing was
    /// counted. `step` grows with each call of a holder: a step that was made before changes nothing, so
    /// that one whose answer was lost may be made again.
    async fn settle(
        &self,
        holder: Holder,
        step: u64,
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<bool, CountersError>;

    /// Gives back everything that a holder still holds, of whom nothing more will be heard.
    async fn end(&self, holder: Holder) -> Result<(), CountersError>;

    /// Holds everything of a holder for longer; `false` if it holds nothing any more.
    async fn extend(&self, holder: Holder, until: Timestamp, now: Timestamp) -> Result<bool, CountersError>;

    /// How counters stand, without taking anything, those too of which nobody ever took.
    async fn standing(
        &self,
        limits: &[(Limit, Span)],
        now: Timestamp,
    ) -> Result<Vec<Standing>, CountersError>;

    /// Ends what is held by holders that are gone since before `now`, and forgets buckets that count no
    /// longer; says how many holds there were. What was held counts as used where nobody can know
    /// ([`Counter::is_used_when_lost`]).
    async fn sweep(&self, now: Timestamp) -> Result<u64, CountersError>;
}
