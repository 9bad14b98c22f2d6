//! Calls that the store refused to record.

use async_trait::async_trait;
use promptgate_kernel::{CallId, Page, PageRequest, RepositoryError, Timestamp};

use crate::UsageEvent;

/// A call whose record the store refused again and again for what it says. It waits for a person, who
/// has it tried again or discards it; it is counted nowhere until it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The call; where it is not even known which, an id made of [`Self::event`], so that the same one
    /// is not kept twice.
    pub id: CallId,
    /// The event as JSON, without what was said in the call.
    pub event: String,
    /// Why it was refused, the last time.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it came onto the list.
    pub first_at: Timestamp,
    /// When it was tried last.
    pub last_at: Timestamp,
    /// When somebody decided that it shall not be recorded.
    pub discarded_at: Option<Timestamp>,
}

impl DeadLetter {
    /// The most characters of an error that are kept.
    pub const MAX_ERROR: usize = 1_000;

    /// A letter that comes onto the list now. The error is cut to what is kept.
    pub fn now(id: CallId, event: String, error: &str, attempts: u32, at: Timestamp) -> Self {
        let error = error.chars().take(Self::MAX_ERROR).collect();
        Self { id, event, error, attempts, first_at: at, last_at: at, discarded_at: None }
    }

    /// The event that it is about; an error if it is none of this version.
    pub fn read(&self) -> Result<UsageEvent, serde_json::Error> {
        serde_json::from_str(&self.event)
    }

    /// The same letter after one more refusal.
    #[must_use]
    pub fn refused(self, error: &str, at: Timestamp) -> Self {
        let error = error.chars().take(Self::MAX_ERROR).collect();
        Self { error, attempts: self.attempts.saturating_add(1), last_at: at, ..self }
    }
}

/// Which letters are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeadLetterFilter {
    /// Those that wait for a person.
    #[default]
    Waiting,
    /// Those that somebody discarded.
    Discarded,
}

/// Where dead letters live, and what is known of calls on their way into the store. Behaviour every
/// adapter must show: `store::contract::dead_letters`.
#[async_trait]
pub trait DeadLetterRepository: Send {
    /// Puts letters on the list. Of one that is there already the attempts are added up, its error and
    /// the last time are the later ones, and whether it was discarded stays.
    async fn put(&mut self, letters: &[DeadLetter]) -> Result<(), RepositoryError>;

    /// Writes what another attempt came to; `false` if it is no longer there.
    async fn save(&mut self, letter: &DeadLetter) -> Result<bool, RepositoryError>;

    /// The letter of a call.
    async fn find(&mut self, id: CallId) -> Result<Option<DeadLetter>, RepositoryError>;

    /// One page of letters, those that were tried last first.
    async fn list(
        &mut self,
        filter: DeadLetterFilter,
        page: PageRequest,
    ) -> Result<Page<DeadLetter>, RepositoryError>;

    /// How many wait for a person.
    async fn waiting(&mut self) -> Result<u64, RepositoryError>;

    /// Discards a letter: it stays, so that the event is not tried again when it comes once more.
    /// `false` if it is not there or was discarded before.
    async fn discard(&mut self, id: CallId, at: Timestamp) -> Result<bool, RepositoryError>;

    /// Those of these calls whose letters were discarded.
    async fn discarded(&mut self, calls: &[CallId]) -> Result<Vec<CallId>, RepositoryError>;

    /// Removes a letter whose event was recorded; `false` if it is not there.
    async fn remove(&mut self, id: CallId) -> Result<bool, RepositoryError>;

    /// Removes up to `limit` letters that were discarded before `before`; says how many.
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError>;

    /// Those of these calls that need not be brought any more: they are recorded, or have a letter.
    async fn settled(&mut self, calls: &[CallId]) -> Result<Vec<CallId>, RepositoryError>;
}
