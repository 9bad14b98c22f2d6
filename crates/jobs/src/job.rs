//! What there is to do, and one batch of it.

use promptgate_kernel::{EndpointId, RepositoryError, Timestamp};
use promptgate_store::{Access, Store};

/// What is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
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
    /// Minted tokens that ended before an instant, and that no call is kept of.
    MintedTokens,
}

impl Job {
    /// Its name in logs and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "prune_usage",
            Self::Changes => "prune_changes",
            Self::Contents => "prune_contents",
            Self::Sessions => "prune_sessions",
            Self::Cache => "prune_cache",
            Self::Idempotency => "prune_idempotency",
            Self::MintedTokens => "prune_minted_tokens",
        }
    }
}

/// What one run of a job removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) job: Job,
    /// Only of this endpoint; for conversations alone.
    pub(crate) endpoint: Option<EndpointId>,
    pub(crate) before: Timestamp,
}

impl Removal {
    /// Of everything.
    pub(crate) const fn of_all(job: Job, before: Timestamp) -> Self {
        Self { job, endpoint: None, before }
    }

    /// Removes up to `limit` rows, in a transaction of its own; says how many.
    pub(crate) async fn remove_some(self, store: &dyn Store, limit: u32) -> Result<u64, RepositoryError> {
        let Self { job, endpoint, before } = self;
        let mut work = store.begin(Access::Write).await?;
        let removed = match job {
            Job::Usage => work.usage().prune(before, limit).await?,
            Job::Changes => work.changes().prune(before, limit).await?,
            Job::Contents => work.call_contents().prune(before, limit).await?,
            Job::Sessions => work.sessions().remove_idle(endpoint, before, limit).await?,
            Job::Cache => work.response_cache().remove_expired(before, limit).await?,
            Job::Idempotency => work.idempotency().prune(before, limit).await?,
            Job::MintedTokens => work.tokens().prune_minted(before, limit).await?,
        };
        work.commit().await?;
        Ok(removed)
    }
}
