//! Setting the second factor up, and taking it away.

use promptgate_auth::{Account, RecoveryCodes, SessionStage, SignInKey, Totp, TotpSecret};
use promptgate_kernel::{AccountId, RepositoryError, SecretString};
use promptgate_store::Access;
use tracing::instrument;

use super::password::record_failure;
use super::second_factor::opened;
use super::{Opened, Resumed, Throttled, TooManyAttempts, Visitor, count, hashing, person, rotated};
use crate::Control;
use crate::journal::Entry;

/// What devices call the installation.
const INSTALLATION: &str = "PromptGate";

/// A second factor that waits for its first code. It is shown this once.
#[derive(Debug, Clone)]
pub struct BegunTotp {
    /// What people type into their device.
    pub secret: SecretString,
    /// What devices read from a picture.
    pub otpauth_url: SecretString,
}

/// Why the second factor stays what it is.
#[derive(Debug, thiserror::Error)]
pub enum TotpError {
    /// There were too many tries.
    #[error(transparent)]
    TooManyAttempts(#[from] TooManyAttempts),
    /// The account signs in elsewhere, which asks for a second factor itself or does not.
    #[error("the account has no password: it signs in at its identity provider")]
    NoPassword,
    /// The password is another one.
    #[error("the current password is wrong")]
    WrongPassword,
    /// It is set up already.
    #[error("the second factor is set up already; disable it first")]
    AlreadyEnabled,
    /// It was not begun, or is not there.
    #[error("no second factor is set up")]
    NotBegun,
    /// The code is wrong, or was used before.
    #[error("the code is wrong, or was used before")]
    WrongCode,
    /// Somebody else changed the account at the same time; look at it again.
    #[error("the account {0} was changed by somebody else")]
    Changed(AccountId),
    /// The session ended meanwhile.
    #[error("the session has ended; sign in again")]
    Ended,
    /// The store failed, or the stored secret cannot be opened.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl From<Throttled> for TotpError {
    fn from(error: Throttled) -> Self {
        match error {
            Throttled::TooMany(error) => error.into(),
            Throttled::Store(error) => error.into(),
        }
    }
}

/// Makes a secret for the owner's device. It asks for nothing until [`confirm_totp`] has seen a code.
#[instrument(name = "control.sign_in.begin_totp", skip_all, fields(account.id = %resumed.account.id))]
pub async fn begin_totp(
    control: &Control,
    visitor: &Visitor,
    resumed: Resumed,
    current: &SecretString,
) -> Result<BegunTotp, TotpError> {
    let account = proven(control, visitor, resumed.account, current).await?;
    if account.needs_totp() {
        return Err(TotpError::AlreadyEnabled);
    }
    let secret = TotpSecret::generate(&*control.entropy);
    let sealed = control.keys.seal(secret.expose(), &account.totp_context(), &*control.entropy);
    let begun =
        BegunTotp { secret: secret.base32(), otpauth_url: secret.otpauth_url(INSTALLATION, &account.email) };
    save(control, visitor, account, Some(Totp::begun(sealed)), "auth.totp_begun").await?;
    Ok(begun)
}

/// Turns the second factor on with a first code; gives recovery codes, which are shown this once. Other
/// sessions, which were opened without it, end.
#[instrument(name = "control.sign_in.confirm_totp", skip_all, fields(account.id = %resumed.account.id))]
pub async fn confirm_totp(
    control: &Control,
    visitor: &Visitor,
    resumed: Resumed,
    code: &str,
) -> Result<(Opened, RecoveryCodes), TotpError> {
    let Resumed { session, account } = resumed;
    let totp = account.totp.clone().ok_or(TotpError::NotBegun)?;
    if account.needs_totp() {
        return Err(TotpError::AlreadyEnabled);
    }
    count(control, &SignInKey::of("totp", &account.id.to_string())).await?;
    let secret = opened(control, &account, &totp)?;
    let codes = RecoveryCodes::generate(&*control.entropy);
    let Some(confirmed) = totp.confirm(&secret, code, &codes, control.clock.now()) else {
        record_failure(control, visitor, &account, "wrong_code").await?;
        return Err(TotpError::WrongCode);
    };
    let account = save(control, visitor, account, Some(confirmed), "auth.totp_enabled").await?;
    control.sign_in.state.sessions.remove_all_of(account.id, Some(session.hash)).await?;
    let (secret, session) = rotated(control, session, SessionStage::Full).await?.ok_or(TotpError::Ended)?;
    Ok((Opened { secret, session, account }, codes))
}

/// Takes the second factor away.
#[instrument(name = "control.sign_in.disable_totp", skip_all, fields(account.id = %resumed.account.id))]
pub async fn disable_totp(
    control: &Control,
    visitor: &Visitor,
    resumed: Resumed,
    current: &SecretString,
) -> Result<Opened, TotpError> {
    let account = proven(control, visitor, resumed.account, current).await?;
    if account.totp.is_none() {
        return Err(TotpError::NotBegun);
    }
    let account = save(control, visitor, account, None, "auth.totp_disabled").await?;
    let (secret, session) =
        rotated(control, resumed.session, SessionStage::Full).await?.ok_or(TotpError::Ended)?;
    Ok(Opened { secret, session, account })
}

/// An open browser is not enough to change what guards the account.
async fn proven(
    control: &Control,
    visitor: &Visitor,
    account: Account,
    current: &SecretString,
) -> Result<Account, TotpError> {
    let hash = account.password.as_ref().ok_or(TotpError::NoPassword)?;
    let key = SignInKey::of("password", &account.id.to_string());
    count(control, &key).await?;
    if !hashing::verify(control, current, Some(hash)).await? {
        record_failure(control, visitor, &account, "wrong_current_password").await?;
        return Err(TotpError::WrongPassword);
    }
    control.sign_in.state.throttle.reset(&key).await?;
    Ok(account)
}

async fn save(
    control: &Control,
    visitor: &Visitor,
    account: Account,
    totp: Option<Totp>,
    action: &'static str,
) -> Result<Account, TotpError> {
    let at = control.clock.now();
    let account = account.with_totp(totp, at);
    let mut work = control.store.begin(Access::Write).await?;
    if !work.accounts().save(&account).await? {
        return Err(TotpError::Changed(account.id));
    }
    let entry = Entry::of_account(action, account.id);
    control.audit(&mut *work, person(&account, visitor.origin), entry, at).await?;
    work.commit().await?;
    Ok(account)
}
