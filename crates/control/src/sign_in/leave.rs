//! Signing out.

use promptgate_auth::{Origin, Session, SessionSecret};
use promptgate_kernel::RepositoryError;
use promptgate_store::Access;
use tracing::instrument;

use super::person;
use super::renewal::give_up;
use crate::Control;
use crate::journal::Entry;

/// Ends the session with this secret; gives what it was, if there was one.
#[instrument(name = "control.sign_in.leave", skip_all)]
pub async fn leave(
    control: &Control,
    origin: Origin,
    secret: &str,
) -> Result<Option<Session>, RepositoryError> {
    let Some(secret) = SessionSecret::parse(secret) else { return Ok(None) };
    let sessions = &control.sign_in.state.sessions;
    let Some(session) = sessions.find(secret.hash()).await? else { return Ok(None) };
    // Asked for before anything is done: while the database is away, nobody is signed out half, without
    // a trace in the audit log.
    let mut work = control.store.begin(Access::Read).await?;
    let account = work.accounts().find(session.account).await?;
    drop(work);
    if !sessions.remove(secret.hash()).await? {
        return Ok(None);
    }
    give_up(control, &session);
    if let Some(account) = account {
        let mut work = control.store.begin(Access::Write).await?;
        let entry = Entry::of_account("auth.logout", account.id).detail("sessionId", session.id.to_string());
        control.audit(&mut *work, person(&account, origin), entry, control.clock.now()).await?;
        work.commit().await?;
    }
    Ok(Some(session))
}
