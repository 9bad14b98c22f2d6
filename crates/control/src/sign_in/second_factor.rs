//! The second step of signing in: a code of the owner's device, or a recovery code.

use promptgate_auth::{Account, SessionStage, SignInKey, Totp, TotpSecret};
use promptgate_kernel::RepositoryError;
use promptgate_store::Access;
use tracing::instrument;

use super::password::record_failure;
use super::{Opened, Resumed, Throttled, TooManyAttempts, Visitor, count, person, rotated, stage_of};
use crate::Control;
use crate::journal::Entry;

/// Why the session does not go on.
#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    /// There were too many tries.
    #[error(transparent)]
    TooManyAttempts(#[from] TooManyAttempts),
    /// The session does not wait for a code.
    #[error("no code is asked for")]
    NotAsked,
    /// The code is wrong, or was used before.
    #[error("the code is wrong, or was used before")]
    WrongCode,
    /// The session ended meanwhile.
    #[error("the session has ended; sign in again")]
    Ended,
    /// The store failed, or the stored secret cannot be opened.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl From<Throttled> for SecondFactorError {
    fn from(error: Throttled) -> Self {
        match error {
            Throttled::TooMany(error) => error.into(),
            Throttled::Store(error) => error.into(),
        }
    }
}

/// Takes a code of the second factor. A code counts once.
#[instrument(name = "control.sign_in.second_factor", skip_all, fields(account.id = %resumed.account.id))]
pub async fn second_factor(
    control: &Control,
    visitor: &Visitor,
    resumed: Resumed,
    code: &str,
) -> Result<Opened, SecondFactorError> {
    let Resumed { session, account } = resumed;
    if session.stage != SessionStage::NeedsTotp {
        return Err(SecondFactorError::NotAsked);
    }
    let key = SignInKey::of("totp", &account.id.to_string());
    count(control, &key).await?;
    let used = match &account.totp {
        Some(totp) => used(control, &account, totp, code)?,
        None => None,
    };
    let Some((totp, method)) = used else {
        record_failure(control, visitor, &account, "wrong_code").await?;
        return Err(SecondFactorError::WrongCode);
    };
    let at = control.clock.now();
    let mut account = account.signed_in(at);
    account.totp = Some(totp);
    let mut work = control.store.begin(Access::Write).await?;
    // Whoever saves first has used the code up.
    if !work.accounts().save(&account).await? {
        return Err(SecondFactorError::WrongCode);
    }
    let entry = Entry::of_account("auth.login", account.id)
        .detail("method", "password")
        .detail("secondFactor", method);
    control.audit(&mut *work, person(&account, visitor.origin), entry, at).await?;
    work.commit().await?;
    control.sign_in.state.throttle.reset(&key).await?;
    let stage = stage_of(&account);
    let (secret, session) = rotated(control, session, stage).await?.ok_or(SecondFactorError::Ended)?;
    Ok(Opened { secret, session, account })
}

fn used(
    control: &Control,
    account: &Account,
    totp: &Totp,
    code: &str,
) -> Result<Option<(Totp, &'static str)>, RepositoryError> {
    let secret = opened(control, account, totp)?;
    let by_device = totp.use_code(&secret, code, control.clock.now()).map(|totp| (totp, "totp"));
    Ok(by_device.or_else(|| totp.use_recovery(code).map(|totp| (totp, "recovery_code"))))
}

/// Opens the secret that the account shares with its owner's device.
pub(super) fn opened(
    control: &Control,
    account: &Account,
    totp: &Totp,
) -> Result<TotpSecret, RepositoryError> {
    let corrupt = |source| RepositoryError::Corrupt { table: "accounts", id: account.id.to_string(), source };
    let bytes = control.keys.open(&totp.secret, &account.totp_context());
    let bytes = bytes.map_err(|error| corrupt(error.into()))?;
    TotpSecret::from_bytes(bytes.expose()).ok_or_else(|| corrupt("the secret has another length".into()))
}
