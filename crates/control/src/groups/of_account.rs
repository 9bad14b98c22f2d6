//! The groups of one account.

use std::collections::BTreeSet;

use promptgate_access::Group;
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{AccountId, GroupId};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use super::{DescribedGroup, GroupError, described};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// The groups that an account is in, by name.
#[instrument(name = "control.groups.of_account", skip_all, fields(account.id = %account))]
pub async fn of_account(
    control: &Control,
    actor: Actor,
    account: AccountId,
) -> Result<Vec<DescribedGroup>, GroupError> {
    actor.require(Permission::ManageGroups)?;
    let mut work = control.store.begin(Access::Read).await?;
    check_account(&mut *work, account).await?;
    let groups = work.groups().groups_of(account).await?;
    Ok(described(&mut *work, groups).await?)
}

/// Puts an account into these groups and takes it out of all others. What changes nothing is not
/// recorded.
#[instrument(name = "control.groups.set_of_account", skip_all, fields(account.id = %account))]
pub async fn set_of_account(
    control: &Control,
    actor: Actor,
    account: AccountId,
    groups: &[GroupId],
) -> Result<Vec<DescribedGroup>, GroupError> {
    actor.require(Permission::ManageGroups)?;
    let at = control.clock.now();
    let wanted: BTreeSet<GroupId> = groups.iter().copied().collect();
    let mut work = control.store.begin(Access::Write).await?;
    check_account(&mut *work, account).await?;
    for id in &wanted {
        work.groups().find(*id).await?.ok_or(GroupError::NotFound(*id))?;
    }
    let before = work.groups().groups_of(account).await?;
    if before.iter().map(|listed| listed.group.id).collect::<BTreeSet<_>>() == wanted {
        return Ok(described(&mut *work, before).await?);
    }
    let ids: Vec<GroupId> = wanted.into_iter().collect();
    work.groups().set_groups_of(account, &ids).await?;
    let after = work.groups().groups_of(account).await?;
    let entry = Entry::of_account("account.groups_changed", account)
        .between(&shown::groups(&before), &shown::groups(&after));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Account(account), at).await?;
    let after = described(&mut *work, after).await?;
    control.commit(work, revision).await?;
    Ok(after)
}

/// The groups of the account that asks, by name. What they grant is nobody's business but the
/// administrators'.
#[instrument(name = "control.groups.mine", skip_all, fields(account.id = %account))]
pub async fn mine(control: &Control, actor: Actor, account: AccountId) -> Result<Vec<Group>, GroupError> {
    actor.require(Permission::UseOwnAccount)?;
    let mut work = control.store.begin(Access::Read).await?;
    let groups = work.groups().groups_of(account).await?;
    Ok(groups.into_iter().map(|listed| listed.group).collect())
}

async fn check_account(work: &mut dyn UnitOfWork, account: AccountId) -> Result<(), GroupError> {
    let is_there = work.groups().has_account(account).await?;
    if is_there { Ok(()) } else { Err(GroupError::UnknownAccount(account)) }
}
