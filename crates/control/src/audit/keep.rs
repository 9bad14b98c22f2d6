//! Signing the log day by day, and letting go what was kept for long enough.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use promptgate_audit::{Checkpoint, Claim};
use promptgate_kernel::{Clock, KeyRing, RepositoryError, Timestamp};
use promptgate_store::{Access, Store};

/// A segment is closed at least this often, so that nobody can write the log anew from an earlier day.
const CLOSED_EVERY: Duration = Duration::from_hours(24);
/// How many checkpoints are looked at at once.
const PART: u32 = 1_000;

/// Closes segments of the audit log and removes those that are over. Several may do so at the same time.
#[derive(Clone)]
pub struct AuditKeeper {
    /// Where the log is.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The keys that checkpoints are signed under.
    pub keys: KeyRing,
    /// How long rows are kept.
    pub keep: Duration,
}

impl fmt::Debug for AuditKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditKeeper").field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl AuditKeeper {
    /// Signs what is to be signed: everything that is over, else a day's rows. Says up to which position
    /// rows may be removed now.
    pub async fn close(&self) -> Result<i64, RepositoryError> {
        let now = self.clock.now();
        let over = now.minus(self.keep);
        if let Err(error) = self.sign(now, over).await
            && !error.is_conflict("audit_checkpoints_previous_key")
        {
            return Err(error);
        }
        self.release(now, over).await
    }

    async fn sign(&self, now: Timestamp, over: Timestamp) -> Result<(), RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        let last = work.audit().last_checkpoint().await?.map(|last| last.claim);
        let (from, closed_at) = last.map_or((0, None), |last| (last.position, Some(last.closed_at)));
        let row = match work.audit().last_before(over, from).await? {
            Some(row) => Some(row),
            None if closed_at.is_none_or(|at| now.since(at) >= CLOSED_EVERY) => {
                // Everything that is there, up to the end.
                work.audit().last_before(Timestamp::from_micros(i64::MAX), from).await?
            }
            None => None,
        };
        let Some(row) = row else { return Ok(()) };
        let claim = Claim {
            position: row.position,
            previous: from,
            hash: row.hash,
            count: row.position - from,
            last_at: row.event.at,
            closed_at: now,
            released_at: None,
        };
        let checkpoint = Checkpoint::sign(claim, &self.keys);
        work.audit().insert_checkpoint(&checkpoint).await?;
        work.commit().await?;
        // Beside the database, so that whoever takes checkpoints out of it leaves a trace.
        let (position, signature) = (claim.position, checkpoint.signature.as_text());
        tracing::info!(position, signature, "the audit log is signed up to row {position}");
        Ok(())
    }

    /// Marks the segments that are over before a row of them goes. One whose signature is not ours, or
    /// that comes after one that is not over, stays.
    async fn release(&self, now: Timestamp, over: Timestamp) -> Result<i64, RepositoryError> {
        let mut released = 0;
        loop {
            let mut work = self.store.begin(Access::Write).await?;
            let part = work.audit().checkpoints_after(released, PART).await?;
            if part.is_empty() {
                return Ok(released);
            }
            for checkpoint in &part {
                let claim = &checkpoint.claim;
                if claim.last_at >= over {
                    work.commit().await?;
                    return Ok(released);
                }
                if let Err(error) = checkpoint.verify(&self.keys) {
                    let position = claim.position;
                    tracing::error!(position, %error, "the audit log is kept: checkpoint {position}: {error}");
                    work.commit().await?;
                    return Ok(released);
                }
                if claim.released_at.is_none() {
                    let signed = checkpoint.released(now, &self.keys);
                    // Somebody else has done it otherwise.
                    work.audit().save_checkpoint(&signed, checkpoint.signature.as_text()).await?;
                }
                released = claim.position;
            }
            work.commit().await?;
        }
    }

    /// Removes up to `limit` rows up to a position that [`Self::close`] said; says how many.
    pub async fn remove_some(&self, position: i64, limit: u32) -> Result<u64, RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        let removed = work.audit().remove_through(position, limit).await?;
        work.commit().await?;
        Ok(removed)
    }
}
