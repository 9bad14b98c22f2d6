//! Changing a group.

use promptgate_access::{GroupChanges, ListedGroup, Providers};
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{GroupId, RepositoryError};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use super::{DescribedGroup, GroupError, check_providers, described};
use crate::Control;
use crate::journal::{Entry, named};
use crate::shown;

/// What is to change about a group.
#[derive(Debug, Clone, Default)]
pub struct UpdateGroup {
    /// The changes.
    pub changes: GroupChanges,
    /// Whether the providers are meant one by one. Otherwise a group of all providers that is given all
    /// that there are stays one of all providers, because that is how it is shown.
    pub one_by_one: bool,
}

/// Applies changes to a group. They act at once on every call of its members. Changes that name nothing
/// are not recorded.
#[instrument(name = "control.groups.update", skip_all, fields(group.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: GroupId,
    command: UpdateGroup,
) -> Result<DescribedGroup, GroupError> {
    actor.require(Permission::ManageGroups)?;
    let at = control.clock.now();
    let UpdateGroup { mut changes, one_by_one } = command;
    let fields = fields(&changes);
    let mut work = control.store.begin(Access::Write).await?;
    let ListedGroup { group, members } =
        work.groups().find_listed(id).await?.ok_or(GroupError::NotFound(id))?;
    if fields.is_empty() {
        return one(described(&mut *work, vec![ListedGroup { group, members }]).await?, id);
    }
    if let Some(providers) = &changes.providers {
        check_providers(&mut *work, providers).await?;
        if group.providers == Providers::All && !one_by_one && is_all(&mut *work, providers).await? {
            changes.providers = None;
        }
    }
    let before = shown::group(&group);
    let group = group.change(changes, at)?;
    if !work.groups().save(&group).await? {
        return Err(GroupError::Changed(id));
    }
    let entry = Entry::of_group("access_group.updated", id)
        .detail("fields", fields)
        .between(&before, &shown::group(&group));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Group(id), at).await?;
    let changed = described(&mut *work, vec![ListedGroup { group, members }]).await?;
    control.commit(work, revision).await?;
    one(changed, id)
}

fn one(described: Vec<DescribedGroup>, id: GroupId) -> Result<DescribedGroup, GroupError> {
    described.into_iter().next().ok_or(GroupError::NotFound(id))
}

/// Whether these are all the providers that there are.
async fn is_all(work: &mut dyn UnitOfWork, providers: &Providers) -> Result<bool, RepositoryError> {
    let all = work.providers().list_all().await?;
    Ok(all.iter().all(|provider| providers.contains(provider.id)))
}

fn fields(changes: &GroupChanges) -> String {
    named([
        ("displayName", changes.display_name.is_some()),
        ("description", changes.description.is_some()),
        ("providerIds", changes.providers.is_some()),
        ("modelPatterns", changes.allow.is_some()),
        ("excludedModelPatterns", changes.exclude.is_some()),
        ("forNewAccounts", changes.for_new_accounts.is_some()),
        ("limits", !changes.limits.is_empty()),
    ])
}
