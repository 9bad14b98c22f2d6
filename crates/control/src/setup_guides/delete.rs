//! Deleting a guide.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::SetupGuideId;
use promptgate_store::Access;
use tracing::instrument;

use super::SetupGuideError;
use crate::Control;
use crate::journal::Entry;

/// Deletes a guide.
#[instrument(name = "control.setup_guides.delete", skip_all, fields(setup_guide.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: SetupGuideId) -> Result<(), SetupGuideError> {
    actor.require(Permission::ManageHelp)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    if !work.setup_guides().remove(id).await? {
        return Err(SetupGuideError::NotFound(id));
    }
    control.audit(&mut *work, actor, Entry::of_setup_guide("setup_guide.deleted", id), at).await?;
    work.commit().await?;
    Ok(())
}
