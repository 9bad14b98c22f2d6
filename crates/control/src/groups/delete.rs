//! Deleting a group.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::GroupId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::GroupError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Deletes a group. Its members lose what it granted at once; its name is free again.
#[instrument(name = "control.groups.delete", skip_all, fields(group.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: GroupId) -> Result<(), GroupError> {
    actor.require(Permission::ManageGroups)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let group = work.groups().find(id).await?.ok_or(GroupError::NotFound(id))?;
    if !work.groups().remove(id).await? {
        return Err(GroupError::NotFound(id));
    }
    let entry = Entry::of_group("access_group.deleted", id).gone(&shown::group(&group));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Group(id), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
