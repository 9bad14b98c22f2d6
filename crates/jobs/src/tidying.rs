//! The other chores of the gateway.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use promptgate_control::audit::AuditKeeper;
use promptgate_kernel::{Clock, RepositoryError};
use promptgate_store::{Access, Store};
use tokio_util::sync::CancellationToken;

use crate::chore::{Chore, ChoreError, Done, in_parts};

/// How many ended runs of a job are kept, and how many of its dead letters.
const HISTORY: u32 = 500;
/// A job that nobody carried out for so long is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(30 * 24);

/// Adds up to so many usage events up that a process of the version before recorded; says how many.
pub(crate) async fn catch_up(store: Arc<dyn Store>, rows: u32) -> Result<u64, RepositoryError> {
    let mut work = store.begin(Access::Write).await?;
    let count = work.usage().catch_up(rows).await?;
    work.commit().await?;
    Ok(count)
}

/// Signs the audit log, and lets go what is over.
pub(crate) struct AuditChore {
    pub(crate) keeper: AuditKeeper,
    pub(crate) rows: u32,
    pub(crate) pause: Duration,
}

#[async_trait]
impl Chore for AuditChore {
    async fn carry_out(&self, stop: &CancellationToken) -> Result<Done, ChoreError> {
        let over = self.keeper.close().await?;
        let part = || self.keeper.remove_some(over, self.rows);
        in_parts(u64::from(self.rows), self.pause, stop, part).await
    }
}

/// Cuts the histories of jobs, this one's too.
pub(crate) struct HistoryChore {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rows: u32,
    pub(crate) pause: Duration,
}

impl HistoryChore {
    async fn trim(&self, job: &str) -> Result<u64, RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        let removed = work.jobs().trim(job, HISTORY, self.rows).await?;
        work.commit().await?;
        Ok(removed)
    }

    async fn forget(&self) -> Result<u64, RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        let forgotten = work.jobs().forget(self.clock.now().minus(FORGOTTEN_AFTER)).await?;
        work.commit().await?;
        Ok(forgotten)
    }
}

#[async_trait]
impl Chore for HistoryChore {
    async fn carry_out(&self, stop: &CancellationToken) -> Result<Done, ChoreError> {
        let mut amount = self.forget().await?;
        let jobs = self.store.begin(Access::Read).await?.jobs().list().await?;
        for job in jobs {
            match in_parts(u64::from(self.rows), self.pause, stop, || self.trim(&job.name)).await? {
                Done::Whole(some) => amount += some,
                Done::Stopped(some) => return Ok(Done::Stopped(amount + some)),
            }
        }
        Ok(Done::Whole(amount))
    }
}
