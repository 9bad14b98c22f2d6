//! What conversations and answers are kept in, in memory; it can be away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use promptgate_endpoints::{AiSession, Append, CacheKey, CachedAnswer, SessionMessage, TurnRecord};
use promptgate_kernel::{AiSessionId, RepositoryError, Timestamp};

use super::EndpointMemory;

/// Keeps what it is given.
#[derive(Default)]
pub(crate) struct FakeMemory {
    kept: Mutex<Kept>,
    away: AtomicBool,
}

#[derive(Default)]
struct Kept {
    sessions: HashMap<AiSessionId, (AiSession, Vec<SessionMessage>)>,
    answers: HashMap<CacheKey, CachedAnswer>,
}

impl FakeMemory {
    pub(crate) fn break_down(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// A conversation, its messages in the shape of chat completions.
    pub(crate) fn said(&self, id: AiSessionId) -> Option<(AiSession, Vec<serde_json::Value>)> {
        let kept = self.lock();
        let (session, messages) = kept.sessions.get(&id)?;
        let shown = messages.iter().map(|said| serde_json::to_value(&said.message).unwrap());
        Some((session.clone(), shown.collect()))
    }

    pub(crate) fn sessions(&self) -> usize {
        self.lock().sessions.len()
    }

    pub(crate) fn answers(&self) -> Vec<CachedAnswer> {
        self.lock().answers.values().cloned().collect()
    }

    /// Removes everything.
    pub(crate) fn clear(&self) {
        *self.lock() = Kept::default();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<MutexGuard<'_, Kept>, RepositoryError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(RepositoryError::Unavailable { source: "switched off".into() });
        }
        Ok(self.lock())
    }
}

#[async_trait]
impl EndpointMemory for FakeMemory {
    async fn session(
        &self,
        id: AiSessionId,
    ) -> Result<Option<(AiSession, Vec<SessionMessage>)>, RepositoryError> {
        Ok(self.open()?.sessions.get(&id).cloned())
    }

    async fn begin(&self, session: &AiSession, first: &TurnRecord) -> Result<(), RepositoryError> {
        self.open()?.sessions.insert(session.id, (session.clone(), first.messages.clone()));
        Ok(())
    }

    async fn append(
        &self,
        id: AiSessionId,
        turn: &TurnRecord,
        max_messages: u32,
    ) -> Result<Append, RepositoryError> {
        let mut kept = self.open()?;
        let Some((session, messages)) = kept.sessions.get_mut(&id) else { return Ok(Append::Gone) };
        if messages.len() + turn.messages.len() > usize::try_from(max_messages).unwrap() {
            return Ok(Append::Full);
        }
        messages.extend(turn.messages.iter().cloned());
        *session = session.clone().with(turn);
        Ok(Append::Done(session.clone()))
    }

    async fn forget(&self, id: AiSessionId) -> Result<(), RepositoryError> {
        self.open()?.sessions.remove(&id);
        Ok(())
    }

    async fn cached(&self, key: &CacheKey, now: Timestamp) -> Result<Option<CachedAnswer>, RepositoryError> {
        let mut kept = self.open()?;
        let found = kept.answers.get_mut(key).filter(|answer| answer.expires_at > now);
        Ok(found.map(|answer| {
            answer.hit_count += 1;
            answer.clone()
        }))
    }

    async fn keep(&self, answer: &CachedAnswer) -> Result<(), RepositoryError> {
        self.open()?.answers.insert(answer.key, answer.clone());
        Ok(())
    }
}
