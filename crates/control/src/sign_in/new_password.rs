//! Setting a new password with the old one.

use promptgate_auth::{PasswordPolicy, SessionStage, SignInKey, WeakPassword};
use promptgate_kernel::{AccountId, RepositoryError, SecretString};
use promptgate_store::Access;
use tracing::instrument;

use super::hashing::{self, HashError};
use super::password::{COMMAND, record_failure};
use super::{Opened, Resumed, Throttled, TooManyAttempts, Visitor, count, person, rotated};
use crate::Control;
use crate::journal::Entry;

/// Why the password stays what it is.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    /// There were too many tries.
    #[error(transparent)]
    TooManyAttempts(#[from] TooManyAttempts),
    /// The session still waits for the code of the second factor.
    #[error("give the code of the second factor first")]
    NeedsTotp,
    /// The account signs in elsewhere.
    #[error("the account has no password: it signs in at its identity provider")]
    NoPassword,
    /// The old password is another one.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The old password is the one that everybody knows, and the visitor is not on this machine.
    #[error(
        "the password of a new installation only works on the machine itself; set one there with: {}",
        COMMAND
    )]
    WellKnownPassword,
    /// The new password is no good.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Somebody else changed the account at the same time; look at it again.
    #[error("the account {0} was changed by somebody else")]
    Changed(AccountId),
    /// The session ended meanwhile.
    #[error("the session has ended; sign in again")]
    Ended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl From<Throttled> for NewPasswordError {
    fn from(error: Throttled) -> Self {
        match error {
            Throttled::TooMany(error) => error.into(),
            Throttled::Store(error) => error.into(),
        }
    }
}

impl From<HashError> for NewPasswordError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Weak(error) => error.into(),
            HashError::Store(error) => error.into(),
        }
    }
}

/// Sets a new password. The account's other sessions end, and this one goes on under a new secret.
#[instrument(name = "control.sign_in.set_new_password", skip_all, fields(account.id = %resumed.account.id))]
pub async fn set_new_password(
    control: &Control,
    visitor: &Visitor,
    resumed: Resumed,
    current: &SecretString,
    new: &SecretString,
) -> Result<Opened, NewPasswordError> {
    let Resumed { session, account } = resumed;
    if session.stage == SessionStage::NeedsTotp {
        return Err(NewPasswordError::NeedsTotp);
    }
    let hash = account.password.clone().ok_or(NewPasswordError::NoPassword)?;
    if account.well_known_password && !visitor.is_local {
        return Err(NewPasswordError::WellKnownPassword);
    }
    let key = SignInKey::of("password", &account.id.to_string());
    count(control, &key).await?;
    if !hashing::verify(control, current, Some(&hash)).await? {
        record_failure(control, visitor, &account, "wrong_current_password").await?;
        return Err(NewPasswordError::WrongPassword);
    }
    PasswordPolicy.check(new, &[&account.email, &account.username])?;
    if new.expose() == current.expose() {
        return Err(WeakPassword::Unchanged.into());
    }
    let hash = hashing::hash(control, new).await?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let account = account.with_password(hash, false, at);
    if !work.accounts().save(&account).await? {
        return Err(NewPasswordError::Changed(account.id));
    }
    let entry = Entry::of_account("auth.password_changed", account.id);
    control.audit(&mut *work, person(&account, visitor.origin), entry, at).await?;
    work.commit().await?;
    let state = &control.sign_in.state;
    state.sessions.remove_all_of(account.id, Some(session.hash)).await?;
    state.throttle.reset(&key).await?;
    let (secret, session) =
        rotated(control, session, SessionStage::Full).await?.ok_or(NewPasswordError::Ended)?;
    Ok(Opened { secret, session, account })
}
