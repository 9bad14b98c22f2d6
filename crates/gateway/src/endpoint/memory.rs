//! Where conversations and answers of AI endpoints are kept.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use promptgate_endpoints::{AiSession, Append, CacheKey, CachedAnswer, SessionMessage, TurnRecord};
use promptgate_kernel::{AiSessionId, RepositoryError, Timestamp};
use promptgate_store::{Access, Store};
use tokio_util::sync::CancellationToken;

/// Of how many answers hits are collected; those of others are not counted.
const MAX_PENDING: usize = 10_000;
const BATCH: usize = 500;
const WRITE_EVERY: Duration = Duration::from_secs(15);

/// Keeps conversations and answers of AI endpoints. Nothing of it is held while a provider is asked.
#[async_trait]
pub trait EndpointMemory: Send + Sync {
    /// The conversation with this id, and what was said in it.
    async fn session(
        &self,
        id: AiSessionId,
    ) -> Result<Option<(AiSession, Vec<SessionMessage>)>, RepositoryError>;

    /// Stores a new conversation with its first turn.
    async fn begin(&self, session: &AiSession, first: &TurnRecord) -> Result<(), RepositoryError>;

    /// Appends a turn to a conversation.
    async fn append(
        &self,
        id: AiSessionId,
        turn: &TurnRecord,
        max_messages: u32,
    ) -> Result<Append, RepositoryError>;

    /// Removes a conversation.
    async fn forget(&self, id: AiSessionId) -> Result<(), RepositoryError>;

    /// The answer of this key that is still used; its hit is counted, soon.
    async fn cached(&self, key: &CacheKey, now: Timestamp) -> Result<Option<CachedAnswer>, RepositoryError>;

    /// Keeps an answer for equal calls.
    async fn keep(&self, answer: &CachedAnswer) -> Result<(), RepositoryError>;
}

/// Keeps them in a store. Looking for an answer writes nothing: how often answers were used again is
/// collected, and written down by [`Self::write_hits`].
pub struct StoredMemory {
    store: Arc<dyn Store>,
    hits: Mutex<HashMap<CacheKey, u64>>,
}

impl fmt::Debug for StoredMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredMemory").finish_non_exhaustive()
    }
}

impl StoredMemory {
    /// Keeps them in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, hits: Mutex::default() }
    }

    /// Writes down how often answers were used again, every few seconds and once more at shutdown.
    pub async fn write_hits(&self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(WRITE_EVERY) => self.write_once().await,
            }
        }
        self.write_once().await;
    }

    async fn write_once(&self) {
        let hits: Vec<(CacheKey, u64)> =
            self.hits.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
        for batch in hits.chunks(BATCH) {
            if let Err(error) = self.count(batch).await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "cannot write down how often cached answers were used; trying again later"
                );
                for (key, hits) in batch {
                    self.note(*key, *hits);
                }
            }
        }
    }

    async fn count(&self, hits: &[(CacheKey, u64)]) -> Result<(), RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        work.response_cache().count_hits(hits).await?;
        work.commit().await
    }

    fn note(&self, key: CacheKey, hits: u64) {
        let mut pending = self.hits.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() < MAX_PENDING || pending.contains_key(&key) {
            *pending.entry(key).or_default() += hits;
        }
    }
}

#[async_trait]
impl EndpointMemory for StoredMemory {
    async fn session(
        &self,
        id: AiSessionId,
    ) -> Result<Option<(AiSession, Vec<SessionMessage>)>, RepositoryError> {
        let mut work = self.store.begin(Access::Read).await?;
        let Some(session) = work.sessions().find(id).await? else { return Ok(None) };
        let messages = work.sessions().messages(id).await?;
        Ok(Some((session, messages)))
    }

    async fn begin(&self, session: &AiSession, first: &TurnRecord) -> Result<(), RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        work.sessions().create(session, &first.messages).await?;
        work.commit().await
    }

    async fn append(
        &self,
        id: AiSessionId,
        turn: &TurnRecord,
        max_messages: u32,
    ) -> Result<Append, RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        let appended = work.sessions().append(id, turn, max_messages).await?;
        work.commit().await?;
        Ok(appended)
    }

    async fn forget(&self, id: AiSessionId) -> Result<(), RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        work.sessions().remove(id).await?;
        work.commit().await
    }

    async fn cached(&self, key: &CacheKey, now: Timestamp) -> Result<Option<CachedAnswer>, RepositoryError> {
        let mut work = self.store.begin(Access::Read).await?;
        let found = work.response_cache().find(key, now).await?;
        if found.is_some() {
            self.note(*key, 1);
        }
        Ok(found)
    }

    async fn keep(&self, answer: &CachedAnswer) -> Result<(), RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        work.response_cache().put(answer).await?;
        work.commit().await
    }
}
