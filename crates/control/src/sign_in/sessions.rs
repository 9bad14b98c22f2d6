//! The sessions of an account: seeing and ending them.

use promptgate_auth::{Account, Actor, Forbidden, Permission, Session};
use promptgate_kernel::{AccountId, RepositoryError, SessionId};
use promptgate_store::Access;
use tracing::instrument;

use super::renewal::give_up;
use crate::Control;
use crate::journal::Entry;

/// Why sessions are not shown or ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionsError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such account, or it was deleted.
    #[error("there is no user {0}")]
    UnknownAccount(AccountId),
    /// The account has no such session, or it has ended.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The open sessions of whoever asks, the newest first.
#[instrument(name = "control.sign_in.own_sessions", skip_all)]
pub async fn own_sessions(
    control: &Control,
    actor: Actor,
    account: AccountId,
) -> Result<Vec<Session>, SessionsError> {
    actor.require(Permission::UseOwnAccount)?;
    Ok(live(control, account).await?)
}

/// The open sessions of an account, the newest first.
#[instrument(name = "control.sign_in.sessions_of", skip_all, fields(account.id = %account))]
pub async fn sessions_of(
    control: &Control,
    actor: Actor,
    account: AccountId,
) -> Result<Vec<Session>, SessionsError> {
    actor.require(Permission::ManageAccounts)?;
    known(control, account).await?;
    Ok(live(control, account).await?)
}

/// Ends a session of whoever asks.
#[instrument(name = "control.sign_in.end_own_session", skip_all, fields(session.id = %id))]
pub async fn end_own_session(
    control: &Control,
    actor: Actor,
    account: AccountId,
    id: SessionId,
) -> Result<(), SessionsError> {
    actor.require(Permission::UseOwnAccount)?;
    end(control, actor, account, id).await
}

/// Ends a session of an account.
#[instrument(name = "control.sign_in.end_session", skip_all, fields(account.id = %account, session.id = %id))]
pub async fn end_session(
    control: &Control,
    actor: Actor,
    account: AccountId,
    id: SessionId,
) -> Result<(), SessionsError> {
    actor.require(Permission::ManageAccounts)?;
    known(control, account).await?;
    end(control, actor, account, id).await
}

/// Ends all sessions of an account.
#[instrument(name = "control.sign_in.end_all_sessions", skip_all, fields(account.id = %account))]
pub async fn end_all_sessions(
    control: &Control,
    actor: Actor,
    account: AccountId,
) -> Result<(), SessionsError> {
    actor.require(Permission::ManageAccounts)?;
    known(control, account).await?;
    let sessions = &control.sign_in.state.sessions;
    let all = sessions.list_of(account).await?;
    let ended = sessions.remove_all_of(account, None).await?;
    if ended == 0 {
        return Ok(());
    }
    for session in &all {
        give_up(control, session);
    }
    let entry = Entry::of_account("session.revoked", account).detail("sessions", ended.to_string());
    record(control, actor, entry).await?;
    Ok(())
}

async fn end(
    control: &Control,
    actor: Actor,
    account: AccountId,
    id: SessionId,
) -> Result<(), SessionsError> {
    let sessions = live(control, account).await?;
    let session = sessions.iter().find(|session| session.id == id);
    let session = session.ok_or(SessionsError::UnknownSession(id))?;
    if !control.sign_in.state.sessions.remove(session.hash).await? {
        return Err(SessionsError::UnknownSession(id));
    }
    give_up(control, session);
    let entry = Entry::of_account("session.revoked", account).detail("sessionId", id.to_string());
    record(control, actor, entry).await?;
    Ok(())
}

async fn live(control: &Control, account: AccountId) -> Result<Vec<Session>, RepositoryError> {
    let now = control.clock.now();
    let sessions = control.sign_in.state.sessions.list_of(account).await?;
    Ok(sessions.into_iter().filter(|session| session.live(now, control.sign_in.idle)).collect())
}

async fn known(control: &Control, account: AccountId) -> Result<Account, SessionsError> {
    let mut work = control.store.begin(Access::Read).await?;
    work.accounts().find(account).await?.ok_or(SessionsError::UnknownAccount(account))
}

async fn record(control: &Control, actor: Actor, entry: Entry) -> Result<(), RepositoryError> {
    let mut work = control.store.begin(Access::Write).await?;
    control.audit(&mut *work, actor, entry, control.clock.now()).await?;
    work.commit().await
}
