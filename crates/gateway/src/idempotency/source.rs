//! Where outcomes are kept.

use std::sync::Arc;

use async_trait::async_trait;
use promptgate_kernel::{CallId, RepositoryError, Timestamp};
use promptgate_store::{Access, Store};
use promptgate_usage::{IdempotencyKey, IdempotencyRecord, RememberedAnswer};

/// Keeps the outcomes of calls that are made once. Nothing of it is held while a call is made.
#[async_trait]
pub trait IdempotencySource: Send + Sync {
    /// Takes a key, or says who has it.
    async fn claim(&self, record: &IdempotencyRecord) -> Result<Option<IdempotencyRecord>, RepositoryError>;

    /// Holds a claim for longer; `false` if it is no longer that call's.
    async fn renew(
        &self,
        key: IdempotencyKey,
        call: CallId,
        expires_at: Timestamp,
    ) -> Result<bool, RepositoryError>;

    /// Writes down how a claimed call was answered; `false` if the claim is no longer that call's.
    async fn complete(
        &self,
        key: IdempotencyKey,
        call: CallId,
        answer: &RememberedAnswer,
        expires_at: Timestamp,
    ) -> Result<bool, RepositoryError>;

    /// Gives a key back whose call came to nothing.
    async fn release(&self, key: IdempotencyKey, call: CallId) -> Result<bool, RepositoryError>;
}

#[async_trait]
impl IdempotencySource for Arc<dyn Store> {
    async fn claim(&self, record: &IdempotencyRecord) -> Result<Option<IdempotencyRecord>, RepositoryError> {
        let mut work = Store::begin(&**self, Access::Write).await?;
        let taken = work.idempotency().claim(record).await?;
        work.commit().await?;
        Ok(taken)
    }

    async fn renew(
        &self,
        key: IdempotencyKey,
        call: CallId,
        expires_at: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let mut work = Store::begin(&**self, Access::Write).await?;
        let held = work.idempotency().renew(key, call, expires_at).await?;
        work.commit().await?;
        Ok(held)
    }

    async fn complete(
        &self,
        key: IdempotencyKey,
        call: CallId,
        answer: &RememberedAnswer,
        expires_at: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let mut work = Store::begin(&**self, Access::Write).await?;
        let done = work.idempotency().complete(key, call, answer, expires_at).await?;
        work.commit().await?;
        Ok(done)
    }

    async fn release(&self, key: IdempotencyKey, call: CallId) -> Result<bool, RepositoryError> {
        let mut work = Store::begin(&**self, Access::Write).await?;
        let done = work.idempotency().release(key, call).await?;
        work.commit().await?;
        Ok(done)
    }
}
