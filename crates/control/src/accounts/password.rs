//! Setting the password of somebody who lost it.

use promptgate_auth::{Account, Actor, Forbidden, PasswordPolicy, Permission, WeakPassword};
use promptgate_kernel::{AccountId, RepositoryError, SecretString};
use promptgate_store::Access;
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;
use crate::sign_in::{HashError, hash};

/// Why the password stays what it is.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Nobody signs in with this e-mail.
    #[error("nobody signs in with the e-mail {0}")]
    NotFound(String),
    /// The new password is no good.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Somebody else changed the account at the same time; try again.
    #[error("the account {0} was changed by somebody else")]
    Changed(AccountId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl From<HashError> for ResetPasswordError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Weak(error) => error.into(),
            HashError::Store(error) => error.into(),
        }
    }
}

/// Sets the password of the person who signs in with this e-mail, and takes the second factor away if
/// it is lost too. The sessions end.
#[instrument(name = "control.accounts.reset_password", skip_all)]
pub async fn reset_password(
    control: &Control,
    actor: Actor,
    email: &str,
    password: &SecretString,
    keeps_second_factor: bool,
) -> Result<Account, ResetPasswordError> {
    actor.require(Permission::ManageAccounts)?;
    let missing = || ResetPasswordError::NotFound(email.to_owned());
    let mut work = control.store.begin(Access::Read).await?;
    let account = work.accounts().find_by_email(email.trim()).await?.ok_or_else(missing)?;
    drop(work);
    PasswordPolicy.check(password, &[&account.email, &account.username])?;
    let hash = hash(control, password).await?;
    let at = control.clock.now();
    let mut account = account.with_password(hash, false, at);
    if !keeps_second_factor {
        account.totp = None;
    }
    let mut work = control.store.begin(Access::Write).await?;
    if !work.accounts().save(&account).await? {
        return Err(ResetPasswordError::Changed(account.id));
    }
    let entry = Entry::of_account("user.password_reset", account.id)
        .detail("secondFactor", if keeps_second_factor { "kept" } else { "removed" });
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    control.sign_in.state().sessions.remove_all_of(account.id, None).await?;
    Ok(account)
}
