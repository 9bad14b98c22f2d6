//! What there is to do, and one batch of it.

use promptgate_kernel::{EndpointId, RepositoryError, Timestamp};
use promptgate_store::{Access, Store};

/// What is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// Usage events from before an instant.
    PruneUsage,
    /// Configuration changes from before an instant.
    PruneChanges,
    /// What was said in calls from before an instant.
    PruneContents,
    /// Conversations in which nothing was said since an instant.
    PruneSessions,
    /// Cached answers that were over at an instant.
    PruneCache,
    /// Answers for repeated calls that were over before an instant.
    PruneIdempotency,
}

impl Job {
    /// Its name in logs and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PruneUsage => "prune_usage",
            Self::PruneChanges => "prune_changes",
            Self::PruneContents => "prune_contents",
            Self::PruneSessions => "prune_sessions",
            Self::PruneCache => "prune_cache",
            Self::PruneIdempotency => "prune_idempotency",
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
            Job::PruneUsage => work.usage().prune(before, limit).await?,
            Job::PruneChanges => work.changes().prune(before, limit).await?,
            Job::PruneContents => work.call_contents().prune(before, limit).await?,
            Job::PruneSessions => work.sessions().remove_idle(endpoint, before, limit).await?,
            Job::PruneCache => work.response_cache().remove_expired(before, limit).await?,
            Job::PruneIdempotency => work.idempotency().prune(before, limit).await?,
        };
        work.commit().await?;
        Ok(removed)
    }
}
