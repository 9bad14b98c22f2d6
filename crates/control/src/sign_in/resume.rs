//! Looking up the session of a request.

use promptgate_auth::{Account, Session, SessionSecret};
use promptgate_kernel::RepositoryError;
use promptgate_store::Access;
use tracing::instrument;

use super::renewal::{Standing, renew};
use crate::Control;

/// A session that goes on, and whose it is.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// The session.
    pub session: Session,
    /// The account, as it is now.
    pub account: Account,
}

/// Why a session does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// There is none with this secret, or it has ended, or its account is gone.
    #[error("the session has ended; sign in again")]
    Invalid,
    /// The store failed. The session is what it was.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Finds the session with this secret, and its account, and notes that it was used. Where it is time to,
/// the identity provider that vouched for its owner is asked again.
#[instrument(name = "control.sign_in.resume", skip_all)]
pub async fn resume(control: &Control, secret: &str) -> Result<Resumed, ResumeError> {
    let hash = SessionSecret::parse(secret).ok_or(ResumeError::Invalid)?.hash();
    let sessions = &control.sign_in.state.sessions;
    let session = sessions.find(hash).await?.ok_or(ResumeError::Invalid)?;
    let now = control.clock.now();
    if !session.live(now, control.sign_in.idle) {
        sessions.remove(hash).await?;
        return Err(ResumeError::Invalid);
    }
    let mut work = control.store.begin(Access::Read).await?;
    let account = work.accounts().find(session.account).await?;
    drop(work);
    let Some(account) = account else {
        sessions.remove(hash).await?;
        return Err(ResumeError::Invalid);
    };
    // A sign-out that came in between wins: a touch brings nothing back.
    if session.wants_touch(now) && !sessions.touch(hash, now).await? {
        return Err(ResumeError::Invalid);
    }
    match renew(control, &session).await? {
        Standing::AsItWas => Ok(Resumed { session, account }),
        Standing::Ended => Err(ResumeError::Invalid),
        Standing::Renewed => {
            let mut work = control.store.begin(Access::Read).await?;
            let account = work.accounts().find(session.account).await?.ok_or(ResumeError::Invalid)?;
            Ok(Resumed { session, account })
        }
    }
}
