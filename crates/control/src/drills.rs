//! Rehearsing what happens while something is away.

use std::time::Duration;

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{RepositoryError, Timestamp};
use promptgate_store::{Access, Drill, Drilled};
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;

/// How long a drill may last at most: whoever forgets one finds it over.
pub const LONGEST_DRILL: Duration = Duration::from_mins(15);

/// Why there is no drill.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It would last too long, or no time at all.
    #[error("a drill lasts from 1 second to {} minutes", LONGEST_DRILL.as_secs() / 60)]
    Length,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Has every data plane act as if a dependency were away, from the next second and for so long. Says until
/// when.
#[instrument(name = "control.drills.begin", skip_all, fields(%dependency))]
pub async fn begin(
    control: &Control,
    actor: Actor,
    dependency: Drilled,
    length: Duration,
) -> Result<Timestamp, DrillError> {
    actor.require(Permission::ManageJobs)?;
    if length < Duration::from_secs(1) || length > LONGEST_DRILL {
        return Err(DrillError::Length);
    }
    let at = control.clock.now();
    let until = at.plus(length);
    let mut work = control.store.begin(Access::Write).await?;
    work.drills().announce(&Drill { dependency, until }).await?;
    let entry = Entry::of_drill("drill.begun", dependency.as_str()).detail("until", until.to_string());
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(until)
}
