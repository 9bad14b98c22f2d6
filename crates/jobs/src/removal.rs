//! Removing what was kept for long enough.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use promptgate_kernel::{Clock, EndpointId, RepositoryError, Timestamp};
use promptgate_store::{Access, Store};
use tokio_util::sync::CancellationToken;

use crate::chore::{Chore, ChoreError, Done, in_parts};

/// What is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Usage events from before an instant. What they add up to by day stays.
    Usage,
    /// Configuration changes from before an instant.
    Changes,
    /// What was said in calls from before an instant.
    Contents,
    /// Conversations in which nothing was said since an instant.
    Sessions,
    /// Cached answers that were over at an instant.
    Cache,
    /// Answers for repeated calls that were over before an instant.
    Idempotency,
    /// Calls that could not be recorded and that somebody discarded before an instant.
    DeadLetters,
    /// Minted tokens that ended before an instant, and that no call is kept of.
    MintedTokens,
}

impl Kept {
    /// The name of the job that removes it.
    pub(crate) const fn job(self) -> &'static str {
        match self {
            Self::Usage => "prune_usage",
            Self::Changes => "prune_changes",
            Self::Contents => "prune_contents",
            Self::Sessions => "prune_sessions",
            Self::Cache => "prune_cache",
            Self::Idempotency => "prune_idempotency",
            Self::DeadLetters => "prune_dead_letters",
            Self::MintedTokens => "prune_minted_tokens",
        }
    }
}

/// Removes what was kept for long enough, a few rows in each transaction, so that writers never wait long.
pub(crate) struct Removal {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) kept: Kept,
    pub(crate) keep: Duration,
    /// The most rows that one transaction removes.
    pub(crate) rows: u32,
    /// The pause after a full batch.
    pub(crate) pause: Duration,
}

impl Removal {
    /// From before which instants rows go; for conversations also those of one endpoint.
    async fn ends(&self) -> Result<Vec<(Option<EndpointId>, Timestamp)>, RepositoryError> {
        let now = self.clock.now();
        let mut ends = vec![(None, now.minus(self.keep))];
        if self.kept == Kept::Sessions {
            let endpoints = self.store.begin(Access::Read).await?.endpoints().list_all().await?;
            ends.extend(endpoints.iter().filter_map(|endpoint| {
                let ttl = endpoint.config.session_rules()?.ttl;
                Some((Some(endpoint.id), now.minus(ttl)))
            }));
        }
        Ok(ends)
    }

    async fn remove_some(
        &self,
        endpoint: Option<EndpointId>,
        before: Timestamp,
    ) -> Result<u64, RepositoryError> {
        let limit = self.rows;
        let mut work = self.store.begin(Access::Write).await?;
        let removed = match self.kept {
            Kept::Usage => work.usage().prune(before, limit).await?,
            Kept::Changes => work.changes().prune(before, limit).await?,
            Kept::Contents => work.call_contents().prune(before, limit).await?,
            Kept::Sessions => work.sessions().remove_idle(endpoint, before, limit).await?,
            Kept::Cache => work.response_cache().remove_expired(before, limit).await?,
            Kept::Idempotency => work.idempotency().prune(before, limit).await?,
            Kept::DeadLetters => work.dead_letters().prune(before, limit).await?,
            Kept::MintedTokens => work.tokens().prune_minted(before, limit).await?,
        };
        work.commit().await?;
        Ok(removed)
    }
}

#[async_trait]
impl Chore for Removal {
    async fn carry_out(&self, stop: &CancellationToken) -> Result<Done, ChoreError> {
        let mut amount = 0;
        for (endpoint, before) in self.ends().await? {
            let part = || self.remove_some(endpoint, before);
            match in_parts(u64::from(self.rows), self.pause, stop, part).await? {
                Done::Whole(some) => amount += some,
                Done::Stopped(some) => return Ok(Done::Stopped(amount + some)),
            }
        }
        Ok(Done::Whole(amount))
    }
}
