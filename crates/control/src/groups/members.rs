//! Putting one account into a group, or taking it out.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{AccountId, GroupId};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use super::GroupError;
use crate::Control;
use crate::journal::Entry;

/// Puts an account into a group. One that is in it stays in it, and nothing is recorded.
#[instrument(name = "control.groups.add_member", skip_all, fields(group.id = %id, account.id = %account))]
pub async fn add_member(
    control: &Control,
    actor: Actor,
    id: GroupId,
    account: AccountId,
) -> Result<(), GroupError> {
    actor.require(Permission::ManageGroups)?;
    let mut work = control.store.begin(Access::Write).await?;
    check(&mut *work, id, account).await?;
    if work.groups().add_member(id, account).await? {
        record(control, work, actor, "access_group.member_added", id, account).await?;
    }
    Ok(())
}

/// Takes an account out of a group. One that is not in it stays out, and nothing is recorded.
#[instrument(name = "control.groups.remove_member", skip_all, fields(group.id = %id, account.id = %account))]
pub async fn remove_member(
    control: &Control,
    actor: Actor,
    id: GroupId,
    account: AccountId,
) -> Result<(), GroupError> {
    actor.require(Permission::ManageGroups)?;
    let mut work = control.store.begin(Access::Write).await?;
    check(&mut *work, id, account).await?;
    if work.groups().remove_member(id, account).await? {
        record(control, work, actor, "access_group.member_removed", id, account).await?;
    }
    Ok(())
}

async fn check(work: &mut dyn UnitOfWork, id: GroupId, account: AccountId) -> Result<(), GroupError> {
    work.groups().find(id).await?.ok_or(GroupError::NotFound(id))?;
    let is_there = work.groups().has_account(account).await?;
    if is_there { Ok(()) } else { Err(GroupError::UnknownAccount(account)) }
}

async fn record(
    control: &Control,
    mut work: Box<dyn UnitOfWork>,
    actor: Actor,
    action: &'static str,
    id: GroupId,
    account: AccountId,
) -> Result<(), GroupError> {
    let at = control.clock.now();
    let entry = Entry::of_group(action, id).detail("accountId", account.to_string());
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Account(account), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
