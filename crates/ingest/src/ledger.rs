//! Where calls are recorded, as far as bringing them needs to know.

use std::sync::Arc;

use async_trait::async_trait;
use promptgate_kernel::{CallId, RepositoryError};
use promptgate_store::{Access, Store};
use promptgate_usage::{DeadLetter, FinishedCall};

/// The store, reduced to calls.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Records all of these or none. Recording one again changes nothing, and one whose letter was
    /// discarded is not recorded.
    async fn record(&self, calls: &[Arc<FinishedCall>]) -> Result<(), RepositoryError>;

    /// Puts calls on the list that could not be recorded, all of these or none.
    async fn set_aside(&self, letters: &[DeadLetter]) -> Result<(), RepositoryError>;

    /// Those of these calls that are recorded, or were set aside.
    async fn settled(&self, calls: &[CallId]) -> Result<Vec<CallId>, RepositoryError>;

    /// Whether it answers at all.
    async fn answers(&self) -> bool;
}

#[async_trait]
impl Ledger for Arc<dyn Store> {
    async fn record(&self, calls: &[Arc<FinishedCall>]) -> Result<(), RepositoryError> {
        let ids: Vec<_> = calls.iter().map(|call| call.event.id).collect();
        let mut work = self.begin(Access::Write).await?;
        let discarded = work.dead_letters().discarded(&ids).await?;
        let wanted = || calls.iter().filter(|call| !discarded.contains(&call.event.id));
        let events: Vec<_> = wanted().map(|call| &call.event).collect();
        let contents: Vec<_> = wanted().filter_map(|call| call.content.as_ref()).collect();
        work.call_contents().record(&contents).await?;
        // Last, because limits wait for what it charges.
        work.usage().record(&events).await?;
        work.commit().await
    }

    async fn set_aside(&self, letters: &[DeadLetter]) -> Result<(), RepositoryError> {
        let mut work = self.begin(Access::Write).await?;
        work.dead_letters().put(letters).await?;
        work.commit().await
    }

    async fn settled(&self, calls: &[CallId]) -> Result<Vec<CallId>, RepositoryError> {
        self.begin(Access::Read).await?.dead_letters().settled(calls).await
    }

    async fn answers(&self) -> bool {
        self.ping().await.is_ok()
    }
}
