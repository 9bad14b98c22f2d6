//! What there is to do, and one batch of it.

use promptgate_kernel::{RepositoryError, Timestamp};
use promptgate_store::{Access, Store};

/// A recurring job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// Removes usage events from before an instant.
    PruneUsage,
    /// Removes configuration changes from before an instant.
    PruneChanges,
}

impl Job {
    /// Its name in logs and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PruneUsage => "prune_usage",
            Self::PruneChanges => "prune_changes",
        }
    }

    /// Removes up to `limit` rows, in a transaction of its own; says how many.
    pub(crate) async fn remove_some(
        self,
        store: &dyn Store,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, RepositoryError> {
        let mut work = store.begin(Access::Write).await?;
        let removed = match self {
            Self::PruneUsage => work.usage().prune(before, limit).await?,
            Self::PruneChanges => work.changes().prune(before, limit).await?,
        };
        work.commit().await?;
        Ok(removed)
    }
}
