//! Changing an account.

use promptgate_auth::{
    AccountChanges, AccountKind, Actor, Forbidden, InvalidAccount, LastAdministrator, Permission, Role,
    keep_an_administrator,
};
use promptgate_kernel::{AccountId, RepositoryError};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{Described, FOR_EVER, IDENTIFIER_KEY, described, end_tokens, of_kind};
use crate::Control;
use crate::journal::{Entry, named, update_action};
use crate::shown;

/// Why an account is not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateAccountError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none of this kind, or it was deleted.
    #[error("there is no account {0}")]
    NotFound(AccountId),
    /// Something about the change is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidAccount),
    /// Nobody would be left to run the installation.
    #[error(transparent)]
    LastAdministrator(#[from] LastAdministrator),
    /// Another service account has this identifier.
    #[error("there is another service account with this identifier")]
    IdentifierTaken,
    /// Somebody else changed it at the same time; look at it again.
    #[error("the account {0} was changed by somebody else")]
    Changed(AccountId),
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for UpdateAccountError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(IDENTIFIER_KEY) { Self::IdentifierTaken } else { Self::Store(error) }
    }
}

/// Applies changes to an account. Whoever loses the last role loses the keys too. Changes that name
/// nothing are not recorded.
#[instrument(name = "control.accounts.update", skip_all, fields(account.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    kind: AccountKind,
    id: AccountId,
    changes: AccountChanges,
) -> Result<Described, UpdateAccountError> {
    actor.require(Permission::ManageAccounts)?;
    let at = control.clock.now();
    let fields = fields(&changes);
    let action = update_action(&fields, "isActive", changes.active, actions(kind));
    let mut work = control.store.begin(Access::Write).await?;
    work.accounts().lock_administrators().await?;
    let before = of_kind(&mut *work, kind, id).await?.ok_or(UpdateAccountError::NotFound(id))?;
    if fields.is_empty() {
        drop(work);
        return Ok(described(control, before).await?);
    }
    let after = before.clone().change(changes, at)?;
    let others = work.accounts().count_other_administrators(Some(id), FOR_EVER).await?;
    keep_an_administrator(&before, &after, others, at)?;
    if !work.accounts().save(&after).await? {
        return Err(UpdateAccountError::Changed(id));
    }
    let ended = if before.role != Role::None && after.role == Role::None {
        Some(end_tokens(&mut *work, id, at).await?)
    } else {
        None
    };
    let entry = Entry::of_account(action, id)
        .detail("fields", fields)
        .between(&shown::account(&before), &shown::account(&after));
    control.audit(&mut *work, actor, entry, at).await?;
    if let Some(ended) = ended {
        ended.record(control.scribe(), &mut *work, actor, at).await?;
    }
    let revision = work.changes().record(Change::Account(id), at).await?;
    control.commit(work, revision).await?;
    Ok(described(control, after).await?)
}

const fn actions(kind: AccountKind) -> [&'static str; 3] {
    match kind {
        AccountKind::Person => ["user.updated", "user.activated", "user.deactivated"],
        AccountKind::Service => {
            ["service_account.updated", "service_account.activated", "service_account.deactivated"]
        }
    }
}

fn fields(changes: &AccountChanges) -> String {
    named([
        ("username", changes.username.is_some()),
        ("email", changes.email.is_some()),
        ("name", changes.name.is_some()),
        ("role", changes.role.is_some()),
        ("subscriptionPlanId", changes.plan_id.is_some()),
        ("limits", !changes.limits.is_empty()),
        ("note", changes.note.is_some()),
        ("isActive", changes.active.is_some()),
        ("firewallOverrideEnabled", changes.firewall_override.is_some()),
        ("expiresAt", changes.expires_at.is_some()),
    ])
}
