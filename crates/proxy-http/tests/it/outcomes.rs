//! Outcomes of calls that are made once, kept in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use promptgate_gateway::IdempotencySource;
use promptgate_kernel::{CallId, RepositoryError, Timestamp};
use promptgate_usage::{IdempotencyKey, IdempotencyRecord, IdempotencyState, RememberedAnswer};

#[derive(Default)]
pub(crate) struct Outcomes(Mutex<HashMap<IdempotencyKey, IdempotencyRecord>>);

impl Outcomes {
    fn of(&self, key: IdempotencyKey, call: CallId, change: impl FnOnce(&mut IdempotencyRecord)) -> bool {
        let mut records = self.0.lock().unwrap();
        records.get_mut(&key).filter(|held| held.call_id == call).map(change).is_some()
    }
}

#[async_trait]
impl IdempotencySource for Outcomes {
    async fn claim(&self, record: &IdempotencyRecord) -> Result<Option<IdempotencyRecord>, RepositoryError> {
        let mut records = self.0.lock().unwrap();
        let taken = records.get(&record.key).filter(|taken| taken.expires_at > record.created_at).cloned();
        if taken.is_none() {
            records.insert(record.key, record.clone());
        }
        Ok(taken)
    }

    async fn renew(
        &self,
        key: IdempotencyKey,
        call: CallId,
        until: Timestamp,
    ) -> Result<bool, RepositoryError> {
        Ok(self.of(key, call, |held| held.expires_at = until))
    }

    async fn complete(
        &self,
        key: IdempotencyKey,
        call: CallId,
        answer: &RememberedAnswer,
        until: Timestamp,
    ) -> Result<bool, RepositoryError> {
        Ok(self.of(key, call, |held| {
            held.state = IdempotencyState::Done(answer.clone());
            held.expires_at = until;
        }))
    }

    async fn release(&self, key: IdempotencyKey, call: CallId) -> Result<bool, RepositoryError> {
        let held = self.of(key, call, |_| {});
        Ok(held && self.0.lock().unwrap().remove(&key).is_some())
    }
}
