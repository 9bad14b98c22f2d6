//! Ordering the guides.

use promptgate_auth::{Actor, Permission};
use promptgate_help::{SetupGuide, SetupGuideChanges};
use promptgate_kernel::SetupGuideId;
use promptgate_store::Access;
use tracing::instrument;

use super::SetupGuideError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Puts the guides into the order of `ids`, which must be all of them; positions become 0, 1, 2, ….
#[instrument(name = "control.setup_guides.reorder", skip_all)]
pub async fn reorder(
    control: &Control,
    actor: Actor,
    ids: &[SetupGuideId],
) -> Result<Vec<SetupGuide>, SetupGuideError> {
    actor.require(Permission::ManageHelp)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    work.setup_guides().hold_places().await?;
    let guides = work.setup_guides().list().await?;
    if guides.len() != ids.len() || !guides.iter().all(|guide| ids.contains(&guide.id)) {
        return Err(SetupGuideError::Incomplete);
    }
    let before = shown::order(&guides);
    let mut moved = false;
    for guide in guides {
        let place = ids.iter().position(|id| *id == guide.id).ok_or(SetupGuideError::Incomplete)?;
        let (id, position) = (guide.id, i64::try_from(place).map_err(|_| SetupGuideError::Incomplete)?);
        if guide.position == place as u64 {
            continue;
        }
        let changes = SetupGuideChanges { position: Some(position), ..SetupGuideChanges::default() };
        if !work.setup_guides().save(&guide.change(changes, at)?).await? {
            return Err(SetupGuideError::Changed(id));
        }
        moved = true;
    }
    let guides = work.setup_guides().list().await?;
    if moved {
        let entry = Entry::of_setup_guides("setup_guides.reordered").between(&before, &shown::order(&guides));
        control.audit(&mut *work, actor, entry, at).await?;
        work.commit().await?;
    }
    Ok(guides)
}
