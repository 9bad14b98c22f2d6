//! Giving a dead letter up.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::CallId;
use promptgate_store::Access;
use tracing::instrument;

use super::DeadLetterError;
use crate::Control;
use crate::journal::Entry;

/// Takes a letter off the list for good: its call is counted nowhere. It stays where discarded ones are,
/// so that the event does not come back.
#[instrument(name = "control.dead_letters.discard", skip_all, fields(call.id = %id))]
pub async fn discard(control: &Control, actor: Actor, id: CallId) -> Result<(), DeadLetterError> {
    actor.require(Permission::ManageJobs)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    if !work.dead_letters().discard(id, at).await? {
        return Err(DeadLetterError::NotFound(id));
    }
    control.audit(&mut *work, actor, Entry::of_dead_letter("dead_letter.discarded", id), at).await?;
    work.commit().await?;
    Ok(())
}
