//! Looking at one group.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::GroupId;
use promptgate_store::Access;
use tracing::instrument;

use super::{DescribedGroup, GroupError, described};
use crate::Control;

/// The group with this id, its providers and its members.
#[instrument(name = "control.groups.find", skip_all, fields(group.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: GroupId) -> Result<DescribedGroup, GroupError> {
    actor.require(Permission::ManageGroups)?;
    let mut work = control.store.begin(Access::Read).await?;
    let found = work.groups().find_listed(id).await?.ok_or(GroupError::NotFound(id))?;
    described(&mut *work, vec![found]).await?.pop().ok_or(GroupError::NotFound(id))
}
