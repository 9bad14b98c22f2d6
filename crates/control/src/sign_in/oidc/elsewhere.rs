//! Signing out at the provider, and by it.

use std::time::Duration;

use promptgate_auth::{Account, Actor, Origin, Session, SignInKey};
use promptgate_kernel::{AccountId, RepositoryError, SecretString, Timestamp};
use promptgate_store::Access;
use tracing::instrument;

use super::super::identity::{Logout, ProviderError};
use super::known;
use crate::Control;
use crate::journal::Entry;

/// How much longer than its token the memory of it lasts.
const SLACK: Duration = Duration::from_mins(1);

/// Why a provider's word ends no session.
#[derive(Debug, thiserror::Error)]
pub enum LogoutTokenError {
    /// The token does not count.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The token has been used.
    #[error("the logout token was used before")]
    Used,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Where the browser goes to sign out at the provider too, which brings it to `back_to` afterwards;
/// `None` if the session was not opened by one, or it is of no help.
#[instrument(name = "control.sign_in.end_session_url", skip_all)]
pub async fn end_session_url(control: &Control, session: &Session, back_to: &str) -> Option<String> {
    let (providers, provider) = (control.sign_in.providers.as_ref()?, session.provider.as_ref()?);
    let id_token = id_token(control, session);
    match providers.end_session_url(provider, id_token.as_ref(), back_to).await {
        Ok(url) => url,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(error = %error, cause, "signed out here and not at the identity provider");
            None
        }
    }
}

/// Ends the sessions that a provider says have ended: those of one of its own sessions, or all that it
/// opened for somebody. Says how many those were.
#[instrument(name = "control.sign_in.log_out_by_provider", skip_all)]
pub async fn log_out_by_provider(
    control: &Control,
    origin: Origin,
    logout_token: &str,
) -> Result<u64, LogoutTokenError> {
    let providers = control.sign_in.providers.as_ref();
    let providers = providers.ok_or_else(|| ProviderError::refused("no_provider"))?;
    let logout = providers.verify_logout_token(logout_token).await?;
    let state = &control.sign_in.state;
    let now = control.clock.now();
    let once = SignInKey::of("oidc_logout", &format!("{} {}", logout.issuer, logout.id));
    let window = logout.expires_at.since(now) + SLACK;
    if !state.throttle.hit(&once, 1, window, now).await?.allowed {
        return Err(LogoutTokenError::Used);
    }
    let ended = end(control, origin, logout, now).await;
    if ended.is_err() {
        // The provider tries again, with the same token.
        state.throttle.reset(&once).await?;
    }
    Ok(ended?)
}

async fn end(
    control: &Control,
    origin: Origin,
    logout: Logout,
    now: Timestamp,
) -> Result<u64, RepositoryError> {
    let state = &control.sign_in.state;
    let Some(account) = owner(control, &logout).await? else { return Ok(0) };
    let mut ended = 0;
    for session in state.sessions.list_of(account.id).await? {
        if is_meant(control, &session, &logout) && state.sessions.remove(session.hash).await? {
            ended += 1;
        }
    }
    if ended > 0 {
        let entry = Entry::of_account("session.revoked", account.id)
            .detail("sessions", ended.to_string())
            .detail("provider", logout.provider);
        let mut work = control.store.begin(Access::Write).await?;
        control.audit(&mut *work, Actor::system_for(origin), entry, now).await?;
        work.commit().await?;
    }
    Ok(ended)
}

/// Remembers whose a session of the provider is: it may end it without saying so.
pub(super) async fn remember(
    control: &Control,
    issuer: &str,
    session: &str,
    account: AccountId,
) -> Result<(), RepositoryError> {
    let key = session_key(issuer, session);
    let sealed = control.keys.seal(account.to_string().as_bytes(), key.as_text(), &*control.entropy);
    let (sign_in, now) = (&control.sign_in, control.clock.now());
    sign_in.state.one_time.put(&key, &sealed, sign_in.lifetime, now).await
}

async fn owner(control: &Control, logout: &Logout) -> Result<Option<Account>, RepositoryError> {
    if let Some(subject) = &logout.subject {
        return known(control, &logout.issuer, subject).await;
    }
    let Some(session) = &logout.session else { return Ok(None) };
    let key = session_key(&logout.issuer, session);
    let Some(sealed) = control.sign_in.state.one_time.take(&key, control.clock.now()).await? else {
        return Ok(None);
    };
    let opened = control.keys.open(&sealed, key.as_text()).ok();
    let id = opened.and_then(|bytes| std::str::from_utf8(bytes.expose()).ok()?.parse().ok());
    let Some(id) = id else { return Ok(None) };
    control.store.begin(Access::Read).await?.accounts().find(id).await
}

/// Whether the provider speaks of this session. One that it named no session of its own for ends with
/// whatever it says about the person.
fn is_meant(control: &Control, session: &Session, logout: &Logout) -> bool {
    if session.provider.as_ref() != Some(&logout.provider) {
        return false;
    }
    let Some(wanted) = &logout.session else { return true };
    let providers = control.sign_in.providers.as_ref();
    let own = id_token(control, session).and_then(|token| providers?.session_in(&token));
    own.map_or(logout.subject.is_some(), |own| own == *wanted)
}

fn id_token(control: &Control, session: &Session) -> Option<SecretString> {
    let bytes = control.keys.open(session.id_token.as_ref()?, &session.id_token_context()).ok()?;
    String::from_utf8(bytes.expose().clone()).ok().map(SecretString::new)
}

fn session_key(issuer: &str, session: &str) -> SignInKey {
    SignInKey::of("oidc_session", &format!("{issuer} {session}"))
}
