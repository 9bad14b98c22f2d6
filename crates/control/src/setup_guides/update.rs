//! Changing a guide.

use promptgate_auth::{Actor, Permission};
use promptgate_help::{SetupGuide, SetupGuideChanges};
use promptgate_kernel::SetupGuideId;
use promptgate_store::Access;
use tracing::instrument;

use super::SetupGuideError;
use crate::Control;
use crate::journal::{Entry, named, update_action};
use crate::shown;

const ACTIONS: [&str; 3] = ["setup_guide.updated", "setup_guide.activated", "setup_guide.deactivated"];

/// Applies changes to a guide. Changes that name nothing are not recorded.
#[instrument(name = "control.setup_guides.update", skip_all, fields(setup_guide.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: SetupGuideId,
    changes: SetupGuideChanges,
) -> Result<SetupGuide, SetupGuideError> {
    actor.require(Permission::ManageHelp)?;
    let at = control.clock.now();
    let fields = named([
        ("identifier", changes.identifier.is_some()),
        ("title", changes.title.is_some()),
        ("subtitle", changes.subtitle.is_some()),
        ("icon", changes.icon.is_some()),
        ("compatibility", changes.compatibility.is_some()),
        ("modelMode", changes.model_mode.is_some()),
        ("filePaths", changes.file_paths.is_some()),
        ("template", changes.template.is_some()),
        ("enabled", changes.enabled.is_some()),
        ("position", changes.position.is_some()),
    ]);
    let action = update_action(&fields, "enabled", changes.enabled, ACTIONS);
    let mut work = control.store.begin(Access::Write).await?;
    let guide = work.setup_guides().find(id).await?.ok_or(SetupGuideError::NotFound(id))?;
    if fields.is_empty() {
        return Ok(guide);
    }
    let before = shown::setup_guide(&guide);
    let guide = guide.change(changes, at)?;
    if !work.setup_guides().save(&guide).await? {
        return Err(SetupGuideError::Changed(id));
    }
    let entry = Entry::of_setup_guide(action, id)
        .detail("fields", fields)
        .between(&before, &shown::setup_guide(&guide));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(guide)
}
