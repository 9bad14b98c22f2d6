//! Signing in with e-mail and password.

use promptgate_audit::{Culprit, Failure};
use promptgate_auth::{
    Account, Actor, NewSession, PasswordHash, Session, SessionHash, SessionSecret, SessionStage, SignInKey,
};
use promptgate_kernel::{RepositoryError, SecretString, SessionId, Timestamp};
use promptgate_store::Access;
use tracing::instrument;

use super::{Opened, Throttled, TooManyAttempts, Visitor, count, hashing, person, stage_of};
use crate::Control;
use crate::journal::Entry;

/// What somebody signs in with.
#[derive(Debug, Clone)]
pub struct ByPassword {
    /// The e-mail; blanks around it and its case do not count.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// The session that the browser had before, which ends.
    pub replaces: Option<SessionHash>,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// There were too many tries for this e-mail.
    #[error(transparent)]
    TooManyAttempts(#[from] TooManyAttempts),
    /// There is no such account, or the password is another one; which of the two is not said.
    #[error("the e-mail or the password is wrong")]
    WrongCredentials,
    /// The password is the one that everybody knows, and the visitor is not on this machine.
    #[error(
        "the password of a new installation only works on the machine itself; set one there with: {}",
        COMMAND
    )]
    WellKnownPassword,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// What sets the password of the seeded account.
pub(super) const COMMAND: &str = "promptgate user reset-password admin@promptgate.dev";

impl From<Throttled> for SignInError {
    fn from(error: Throttled) -> Self {
        match error {
            Throttled::TooMany(error) => error.into(),
            Throttled::Store(error) => error.into(),
        }
    }
}

/// Opens a session. What it opens depends on the account: everything, only the second factor, or only
/// "set a new password".
#[instrument(name = "control.sign_in.by_password", skip_all)]
pub async fn by_password(
    control: &Control,
    visitor: &Visitor,
    given: ByPassword,
) -> Result<Opened, SignInError> {
    let email = given.email.trim().to_lowercase();
    let key = SignInKey::of("login", &email);
    count(control, &key).await?;
    let mut work = control.store.begin(Access::Read).await?;
    let account = work.accounts().find_by_email(&email).await?;
    // Nothing is held while a processor hashes.
    drop(work);
    let hash = account.as_ref().and_then(|account| account.password.clone());
    let is_right = hashing::verify(control, &given.password, hash.as_ref()).await?;
    let (Some(account), Some(hash), true) = (account.as_ref(), hash, is_right) else {
        failed(control, visitor, account.as_ref()).await?;
        return Err(SignInError::WrongCredentials);
    };
    if account.well_known_password && !visitor.is_local {
        record_failure(control, visitor, account, "well_known_password").await?;
        return Err(SignInError::WellKnownPassword);
    }
    let at = control.clock.now();
    let renewed = renewed(control, &hash, &given.password).await?;
    let account = note(control, visitor, account, &hash, renewed, at).await?;
    let opened = open(control, visitor, account, at).await?;
    still_valid(control, &opened, &given.password).await?;
    let state = &control.sign_in.state;
    if let Some(old) = given.replaces {
        state.sessions.remove(old).await?;
    }
    state.throttle.reset(&key).await?;
    Ok(opened)
}

/// The hash at the cost that is set now, if it was made at another.
async fn renewed(
    control: &Control,
    hash: &PasswordHash,
    password: &SecretString,
) -> Result<Option<PasswordHash>, RepositoryError> {
    if !control.sign_in.hasher.is_outdated(hash) {
        return Ok(None);
    }
    match hashing::hash(control, password).await {
        Ok(hash) => Ok(Some(hash)),
        Err(hashing::HashError::Weak(_)) => Ok(None),
        Err(hashing::HashError::Store(error)) => Err(error),
    }
}

/// Notes the sign-in on the account and in the audit log. The account is read again: it may have
/// changed while its password was looked at.
async fn note(
    control: &Control,
    visitor: &Visitor,
    verified: &Account,
    hash: &PasswordHash,
    renewed: Option<PasswordHash>,
    at: Timestamp,
) -> Result<Account, SignInError> {
    let mut work = control.store.begin(Access::Write).await?;
    let account = work.accounts().find(verified.id).await?.ok_or(SignInError::WrongCredentials)?;
    if account.password.as_ref() != Some(hash) {
        return Err(SignInError::WrongCredentials);
    }
    let mut account = account.signed_in(at);
    account.password = renewed.or(account.password);
    // Somebody else who signs in at the same moment has noted as much.
    work.accounts().save(&account).await?;
    let action = if account.needs_totp() { "auth.password_accepted" } else { "auth.login" };
    let entry = Entry::of_account(action, account.id).detail("method", "password");
    control.audit(&mut *work, person(&account, visitor.origin), entry, at).await?;
    work.commit().await?;
    Ok(account)
}

/// Looks again at what the session was opened with: whoever changed it meanwhile has ended the sessions
/// that were there, and not yet this one.
async fn still_valid(control: &Control, opened: &Opened, given: &SecretString) -> Result<(), SignInError> {
    let account = &opened.account;
    let mut work = control.store.begin(Access::Read).await?;
    let now = work.accounts().find(account.id).await?;
    drop(work);
    let now = now.filter(|now| now.needs_totp() == account.needs_totp());
    let is_right = match now.map(|now| now.password) {
        Some(hash) if hash == account.password => true,
        // Another sign-in may have hashed the same password anew.
        Some(hash) => hashing::verify(control, given, hash.as_ref()).await?,
        None => false,
    };
    if is_right {
        return Ok(());
    }
    control.sign_in.state.sessions.remove(opened.session.hash).await?;
    Err(SignInError::WrongCredentials)
}

async fn open(
    control: &Control,
    visitor: &Visitor,
    account: Account,
    at: Timestamp,
) -> Result<Opened, RepositoryError> {
    let stage = if account.needs_totp() { SessionStage::NeedsTotp } else { stage_of(&account) };
    let new = NewSession {
        account: account.id,
        lifetime: control.sign_in.lifetime,
        address: visitor.origin.address,
        user_agent: visitor.user_agent.clone(),
        provider: None,
        stage,
    };
    let secret = SessionSecret::generate(&*control.entropy);
    let id = SessionId::mint(&*control.clock, &*control.entropy);
    let session = Session::open(id, secret.hash(), new, at);
    control.sign_in.state.sessions.insert(&session).await?;
    Ok(Opened { secret, session, account })
}

/// Records a failure: of a known account each; of others how many there were, by address and minute, so
/// that a stranger cannot fill the audit log.
async fn failed(
    control: &Control,
    visitor: &Visitor,
    account: Option<&Account>,
) -> Result<(), RepositoryError> {
    if let Some(account) = account {
        return record_failure(control, visitor, account, "wrong_password").await;
    }
    let address = visitor.origin.address;
    let by = Culprit::Address(address);
    let failure = Failure { action: "auth.login_failed", reason: "unknown_account", by };
    control.failures.note(failure, address, control.clock.now());
    Ok(())
}

/// Records that somebody did not get in, by the account's id and never by what was typed.
pub(super) async fn record_failure(
    control: &Control,
    visitor: &Visitor,
    account: &Account,
    reason: &'static str,
) -> Result<(), RepositoryError> {
    let entry = Entry::of_account("auth.login_failed", account.id).detail("reason", reason);
    let mut work = control.store.begin(Access::Write).await?;
    control
        .audit(&mut *work, Actor::system().coming_from(visitor.origin), entry, control.clock.now())
        .await?;
    work.commit().await
}
