//! Who belongs to a project.

use promptgate_auth::{Account, Actor, Forbidden, Membership, Permission, ProjectRole};
use promptgate_kernel::{AccountId, ProjectId, RepositoryError};
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// A member of a project.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who.
    pub account: Account,
    /// What the member may do there.
    pub role: ProjectRole,
}

/// Why members are not shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project does not exist, or was deleted.
    #[error("there is no project {0}")]
    UnknownProject(ProjectId),
    /// There is no such account, or it is no member.
    #[error("there is no user {0}")]
    UnknownAccount(AccountId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// What an account is in a project; asked by whoever finds out who acts, so nobody has to be allowed.
#[instrument(name = "control.accounts.membership", skip_all, fields(project.id = %project))]
pub async fn membership(
    control: &Control,
    project: ProjectId,
    account: AccountId,
) -> Result<Option<Membership>, RepositoryError> {
    let mut work = control.store.begin(Access::Read).await?;
    work.memberships().find(project, account).await
}

/// Whether an account is a member of any project; asked by whoever finds out who acts.
#[instrument(name = "control.accounts.is_member_anywhere", skip_all)]
pub async fn is_member_anywhere(control: &Control, account: AccountId) -> Result<bool, RepositoryError> {
    let mut work = control.store.begin(Access::Read).await?;
    Ok(!work.memberships().of_account(account).await?.is_empty())
}

/// The members of a project, by account id.
#[instrument(name = "control.accounts.members", skip_all, fields(project.id = %project))]
pub async fn members(
    control: &Control,
    actor: Actor,
    project: ProjectId,
) -> Result<Vec<Member>, MembersError> {
    actor.require_in(project, Permission::ConfigureProject)?;
    let mut work = control.store.begin(Access::Read).await?;
    known(&mut *work, project).await?;
    let mut members = Vec::new();
    for membership in work.memberships().of_project(project).await? {
        if let Some(account) = work.accounts().find(membership.account).await? {
            members.push(Member { account, role: membership.role });
        }
    }
    Ok(members)
}

/// Makes an account a member, or gives a member another role.
#[instrument(name = "control.accounts.set_member", skip_all, fields(project.id = %membership.project))]
pub async fn set_member(
    control: &Control,
    actor: Actor,
    membership: Membership,
) -> Result<Member, MembersError> {
    let (project, id) = (membership.project, membership.account);
    actor.require_in(project, Permission::ConfigureProject)?;
    let mut work = control.store.begin(Access::Write).await?;
    known(&mut *work, project).await?;
    let account = work.accounts().find(id).await?.ok_or(MembersError::UnknownAccount(id))?;
    let before = work.memberships().find(project, id).await?;
    if before == Some(membership) {
        return Ok(Member { account, role: membership.role });
    }
    work.memberships().set(&membership).await?;
    let was = shown::role(before.map(|before| before.role));
    let entry =
        Entry::of_member("member.set", project, id).between(&was, &shown::role(Some(membership.role)));
    control.audit(&mut *work, actor, entry, control.clock.now()).await?;
    work.commit().await?;
    Ok(Member { account, role: membership.role })
}

/// Ends a membership.
#[instrument(name = "control.accounts.remove_member", skip_all, fields(project.id = %project))]
pub async fn remove_member(
    control: &Control,
    actor: Actor,
    project: ProjectId,
    id: AccountId,
) -> Result<(), MembersError> {
    actor.require_in(project, Permission::ConfigureProject)?;
    let mut work = control.store.begin(Access::Write).await?;
    known(&mut *work, project).await?;
    let before = work.memberships().find(project, id).await?;
    if !work.memberships().remove(project, id).await? {
        return Err(MembersError::UnknownAccount(id));
    }
    let entry =
        Entry::of_member("member.removed", project, id).gone(&shown::role(before.map(|before| before.role)));
    control.audit(&mut *work, actor, entry, control.clock.now()).await?;
    work.commit().await?;
    Ok(())
}

async fn known(work: &mut dyn UnitOfWork, project: ProjectId) -> Result<(), MembersError> {
    match work.projects().find(project).await? {
        Some(_) => Ok(()),
        None => Err(MembersError::UnknownProject(project)),
    }
}
