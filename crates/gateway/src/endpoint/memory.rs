//! Where conversations and answers of AI endpoints are kept.

use std::sync::Arc;

use async_trait::async_trait;
use promptgate_endpoints::{AiSession, Append, CacheKey, CachedAnswer, SessionMessage, TurnRecord};
use promptgate_kernel::{AiSessionId, RepositoryError, Timestamp};
use promptgate_store::{Access, Store};

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

    /// The answer of this key that is still used; its hit is counted.
    async fn cached(&self, key: &CacheKey, now: Timestamp) -> Result<Option<CachedAnswer>, RepositoryError>;

    /// Keeps an answer for equal calls.
    async fn keep(&self, answer: &CachedAnswer) -> Result<(), RepositoryError>;
}

#[async_trait]
impl EndpointMemory for Arc<dyn Store> {
    async fn session(
        &self,
        id: AiSessionId,
    ) -> Result<Option<(AiSession, Vec<SessionMessage>)>, RepositoryError> {
        let mut work = Store::begin(&**self, Access::Read).await?;
        let Some(session) = work.sessions().find(id).await? else { return Ok(None) };
        let messages = work.sessions().messages(id).await?;
        Ok(Some((session, messages)))
    }

    async fn begin(&self, session: &AiSession, first: &TurnRecord) -> Result<(), RepositoryError> {
        let mut work = Store::begin(&**self, Access::Write).await?;
        work.sessions().create(session, &first.messages).await?;
        work.commit().await
    }

    async fn append(
        &self,
        id: AiSessionId,
        turn: &TurnRecord,
        max_messages: u32,
    ) -> Result<Append, RepositoryError> {
        let mut work = Store::begin(&**self, Access::Write).await?;
        let appended = work.sessions().append(id, turn, max_messages).await?;
        work.commit().await?;
        Ok(appended)
    }

    async fn forget(&self, id: AiSessionId) -> Result<(), RepositoryError> {
        let mut work = Store::begin(&**self, Access::Write).await?;
        work.sessions().remove(id).await?;
        work.commit().await
    }

    async fn cached(&self, key: &CacheKey, now: Timestamp) -> Result<Option<CachedAnswer>, RepositoryError> {
        let mut work = Store::begin(&**self, Access::Write).await?;
        let found = work.response_cache().hit(key, now).await?;
        if found.is_some() {
            work.commit().await?;
        }
        Ok(found)
    }

    async fn keep(&self, answer: &CachedAnswer) -> Result<(), RepositoryError> {
        let mut work = Store::begin(&**self, Access::Write).await?;
        work.response_cache().put(answer).await?;
        work.commit().await
    }
}
