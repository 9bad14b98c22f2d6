//! Creating a group.

use promptgate_access::{Group, ListedGroup, NewGroup};
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::GroupId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{DescribedGroup, GroupError, check_providers, described};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Creates a group that nobody is in.
#[instrument(name = "control.groups.create", skip_all)]
pub async fn create(control: &Control, actor: Actor, new: NewGroup) -> Result<DescribedGroup, GroupError> {
    actor.require(Permission::ManageGroups)?;
    let at = control.clock.now();
    let group = Group::create(GroupId::mint(&*control.clock, &*control.entropy), new, at)?;
    let id = group.id;
    let mut work = control.store.begin(Access::Write).await?;
    check_providers(&mut *work, &group.providers).await?;
    work.groups().insert(&group).await?;
    let entry = Entry::of_group("access_group.created", id).made(&shown::group(&group));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Group(id), at).await?;
    let created = described(&mut *work, vec![ListedGroup { group, members: Vec::new() }]).await?;
    control.commit(work, revision).await?;
    created.into_iter().next().ok_or(GroupError::NotFound(id))
}
