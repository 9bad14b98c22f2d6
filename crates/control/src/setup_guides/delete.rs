//! Deleting a guide.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::SetupGuideId;
use promptgate_store::Access;
use tracing::instrument;

use super::SetupGuideError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Deletes a guide.
#[instrument(name = "control.setup_guides.delete", skip_all, fields(setup_guide.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: SetupGuideId) -> Result<(), SetupGuideError> {
    actor.require(Permission::ManageHelp)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let guide = work.setup_guides().find(id).await?.ok_or(SetupGuideError::NotFound(id))?;
    if !work.setup_guides().remove(id).await? {
        return Err(SetupGuideError::NotFound(id));
    }
    let entry = Entry::of_setup_guide("setup_guide.deleted", id).gone(&shown::setup_guide(&guide));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(())
}
