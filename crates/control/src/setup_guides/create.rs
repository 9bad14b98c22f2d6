//! Writing a guide.

use promptgate_auth::{Actor, Permission};
use promptgate_help::{NewSetupGuide, SetupGuide};
use promptgate_kernel::SetupGuideId;
use promptgate_store::Access;
use tracing::instrument;

use super::SetupGuideError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Keeps a guide; behind all others unless it says where.
#[instrument(name = "control.setup_guides.create", skip_all)]
pub async fn create(
    control: &Control,
    actor: Actor,
    new: NewSetupGuide,
) -> Result<SetupGuide, SetupGuideError> {
    actor.require(Permission::ManageHelp)?;
    let at = control.clock.now();
    let id = SetupGuideId::mint(&*control.clock, &*control.entropy);
    let mut work = control.store.begin(Access::Write).await?;
    work.setup_guides().hold_places().await?;
    let next = work.setup_guides().list().await?.last().map_or(0, |guide| guide.position + 1);
    let guide = SetupGuide::create(id, new, next, at)?;
    work.setup_guides().insert(&guide).await?;
    let entry = Entry::of_setup_guide("setup_guide.created", id).made(&shown::setup_guide(&guide));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(guide)
}
