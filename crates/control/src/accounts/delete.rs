//! Deleting an account, so that its history stays attributable.

use promptgate_auth::{AccountKind, Actor, Forbidden, LastAdministrator, Permission, keep_an_administrator};
use promptgate_firewall::Namespace;
use promptgate_kernel::{AccountId, RepositoryError, Timestamp};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use super::{FOR_EVER, end_tokens, of_kind};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Why an account is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteAccountError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none of this kind, or it was deleted.
    #[error("there is no account {0}")]
    NotFound(AccountId),
    /// Nobody would be left to run the installation.
    #[error(transparent)]
    LastAdministrator(#[from] LastAdministrator),
    /// Somebody else changed it at the same time; look at it again.
    #[error("the account {0} was changed by somebody else")]
    Changed(AccountId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Deletes an account. Its row stays without anything that names somebody, so that calls remain
/// attributable to its id; keys, sessions, memberships, groups and network rules end.
#[instrument(name = "control.accounts.delete", skip_all, fields(account.id = %id))]
pub async fn delete(
    control: &Control,
    actor: Actor,
    kind: AccountKind,
    id: AccountId,
) -> Result<(), DeleteAccountError> {
    actor.require(Permission::ManageAccounts)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    work.accounts().lock_administrators().await?;
    let before = of_kind(&mut *work, kind, id).await?.ok_or(DeleteAccountError::NotFound(id))?;
    let after = before.clone().anonymise(at);
    let others = work.accounts().count_other_administrators(Some(id), FOR_EVER).await?;
    keep_an_administrator(&before, &after, others, at)?;
    work.groups().set_groups_of(id, &[]).await?;
    work.memberships().remove_all_of(id).await?;
    if !work.accounts().save(&after).await? {
        return Err(DeleteAccountError::Changed(id));
    }
    let ended = end_tokens(&mut *work, id, at).await?;
    let action = match kind {
        AccountKind::Person => "user.deleted",
        AccountKind::Service => "service_account.deleted",
    };
    let entry = Entry::of_account(action, id).gone(&shown::account(&before));
    control.audit(&mut *work, actor, entry, at).await?;
    // Behind the entry, because whoever changes rules waits for the audit log first.
    remove_rules(control, &mut *work, actor, (kind, id), at).await?;
    ended.record(control.scribe(), &mut *work, actor, at).await?;
    work.changes().record(Change::NetworkRules, at).await?;
    let revision = work.changes().record(Change::Account(id), at).await?;
    control.commit(work, revision).await?;
    // A session without an account opens nothing either way.
    control.sign_in.state().sessions.remove_all_of(id, None).await?;
    Ok(())
}

/// Removes the network rules of an account.
async fn remove_rules(
    control: &Control,
    work: &mut dyn UnitOfWork,
    actor: Actor,
    (kind, id): (AccountKind, AccountId),
    at: Timestamp,
) -> Result<(), RepositoryError> {
    let namespace = match kind {
        AccountKind::Person => Namespace::Person(id),
        AccountKind::Service => Namespace::Service(id),
    };
    for rule in work.network_rules().remove_all(namespace).await? {
        let entry = Entry::of_network_rule("network_rule.deleted", (namespace, None), rule.id)
            .gone(&shown::network_rule(&rule));
        control.audit(work, actor, entry, at).await?;
    }
    Ok(())
}
