//! What outcomes are kept in, in memory; it can be away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use promptgate_kernel::{CallId, RepositoryError, Timestamp};
use promptgate_usage::{IdempotencyKey, IdempotencyRecord, IdempotencyState, RememberedAnswer};

use super::IdempotencySource;

/// Keeps what it is given.
#[derive(Default)]
pub(crate) struct FakeOutcomes {
    records: Mutex<HashMap<IdempotencyKey, IdempotencyRecord>>,
    renewals: AtomicUsize,
    away: AtomicBool,
}

impl FakeOutcomes {
    pub(crate) fn break_down(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(crate) fn renewals(&self) -> usize {
        self.renewals.load(Ordering::SeqCst)
    }

    pub(crate) fn records(&self) -> Vec<IdempotencyRecord> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IdempotencyKey, IdempotencyRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<MutexGuard<'_, HashMap<IdempotencyKey, IdempotencyRecord>>, RepositoryError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(RepositoryError::Unavailable { source: "switched off".into() });
        }
        Ok(self.lock())
    }
}

#[async_trait]
impl IdempotencySource for FakeOutcomes {
    async fn claim(&self, record: &IdempotencyRecord) -> Result<Option<IdempotencyRecord>, RepositoryError> {
        let mut records = self.open()?;
        match records.get(&record.key) {
            Some(taken) if taken.expires_at > record.created_at => Ok(Some(taken.clone())),
            _ => Ok(records.insert(record.key, record.clone()).and(None)),
        }
    }

    async fn renew(
        &self,
        key: IdempotencyKey,
        call: CallId,
        expires_at: Timestamp,
    ) -> Result<bool, RepositoryError> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        let mut records = self.open()?;
        let held = records.get_mut(&key).filter(|held| held.call_id == call);
        Ok(held.map(|held| held.expires_at = expires_at).is_some())
    }

    async fn complete(
        &self,
        key: IdempotencyKey,
        call: CallId,
        answer: &RememberedAnswer,
        expires_at: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let mut records = self.open()?;
        let Some(held) = records.get_mut(&key).filter(|held| held.call_id == call) else { return Ok(false) };
        held.state = IdempotencyState::Done(answer.clone());
        held.expires_at = expires_at;
        Ok(true)
    }

    async fn release(&self, key: IdempotencyKey, call: CallId) -> Result<bool, RepositoryError> {
        let mut records = self.open()?;
        let is_held = records.get(&key).is_some_and(|held| held.call_id == call);
        Ok(is_held && records.remove(&key).is_some())
    }
}
