//! Proving that nobody altered the log.

use promptgate_audit::{Altered, Walk};
use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{KeyRing, RepositoryError};
use promptgate_store::{Access, Store};
use tracing::instrument;

use crate::Control;

/// How much is looked at in one transaction.
const PART: u32 = 1_000;

/// What a log is that nobody altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    /// How many rows there are.
    pub rows: u64,
    /// How many checkpoints.
    pub checkpoints: usize,
    /// Up to which row they cover it.
    pub signed_to: i64,
}

/// Why the log is not known to be whole.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It is not: this is the first thing that is wrong.
    #[error("the audit log was altered: {0}")]
    Altered(#[from] Altered),
    /// The store failed, or has a row that cannot be read.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Walks along all checkpoints and all rows, in parts, while others go on writing.
#[instrument(name = "control.audit.verify", skip_all)]
pub async fn verify(control: &Control, actor: Actor) -> Result<Whole, VerifyError> {
    actor.require(Permission::ReadAudit)?;
    let (store, keys) = (&*control.store, &control.keys);
    match walk(store, keys).await {
        // Old rows may have been let go while the walk was under way.
        Err(VerifyError::Altered(Altered::Removed { .. })) => walk(store, keys).await,
        outcome => outcome,
    }
}

async fn walk(store: &dyn Store, keys: &KeyRing) -> Result<Whole, VerifyError> {
    let mut walk = Walk::default();
    let mut after = 0;
    loop {
        let part = store.begin(Access::Read).await?.audit().checkpoints_after(after, PART).await?;
        let Some(last) = part.last() else { break };
        after = last.claim.position;
        for checkpoint in &part {
            walk.checkpoint(checkpoint, keys)?;
        }
    }
    loop {
        let mut work = store.begin(Access::Read).await?;
        // The end first: what is written afterwards is beyond it.
        let head = work.audit().head().await?;
        let part = work.audit().list_after(walk.position(), PART).await?;
        drop(work);
        for row in &part {
            walk.row(row)?;
        }
        if part.len() < PART as usize {
            let (checkpoints, signed_to) = (walk.checkpoints(), walk.signed_to());
            // A row that came in between is looked at next time.
            let head = head.map(|head| walk.last().filter(|last| last.0 > head.0).unwrap_or(head));
            return Ok(Whole { rows: walk.finish(head)?, checkpoints, signed_to });
        }
    }
}
