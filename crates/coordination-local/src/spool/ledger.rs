//! Where events are brought, as far as bringing them needs to know.

use std::sync::Arc;

use async_trait::async_trait;
use promptgate_kernel::RepositoryError;
use promptgate_store::{Access, Store};
use promptgate_usage::FinishedCall;

/// The store, reduced to calls.
#[async_trait]
pub(super) trait Ledger: Send + Sync {
    /// Records all of these or none.
    async fn record(&self, calls: &[Arc<FinishedCall>]) -> Result<(), RepositoryError>;

    /// Whether it answers at all.
    async fn answers(&self) -> bool;
}

#[async_trait]
impl Ledger for Arc<dyn Store> {
    async fn record(&self, calls: &[Arc<FinishedCall>]) -> Result<(), RepositoryError> {
        let events: Vec<_> = calls.iter().map(|call| &call.event).collect();
        let contents: Vec<_> = calls.iter().filter_map(|call| call.content.as_ref()).collect();
        let mut work = self.begin(Access::Write).await?;
        work.usage().record(&events).await?;
        work.call_contents().record(&contents).await?;
        work.commit().await
    }

    async fn answers(&self) -> bool {
        self.ping().await.is_ok()
    }
}
