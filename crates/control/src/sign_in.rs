//! Signing in and out: passwords, second factors, sessions.
//!
//! A session is opened by [`by_password`] and looked up by [`resume`] at every request, together with
//! its account: what was removed or switched off counts at once, on every replica. Whenever a session
//! opens more than before, it goes on under a new secret. A session that an identity provider vouched for
//! goes on for as long as the provider does, which is asked again now and then.

mod hashing;
mod identity;
mod leave;
mod new_password;
mod oidc;
mod password;
mod renewal;
mod resume;
mod second_factor;
mod sessions;
mod totp;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use promptgate_auth::{
    Account, Actor, Origin, PasswordHasher, Session, SessionSecret, SessionStage, SignInKey, SignInState,
};
use promptgate_kernel::RepositoryError;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::Control;
use renewal::Renewing;

pub(crate) use hashing::{HashError, hash};
pub use identity::{
    Bearer, Challenge, Identity, IdentityProviders, Logout, ProviderError, Refresh, Refreshed,
};
pub use leave::leave;
pub use new_password::{NewPasswordError, set_new_password};
pub use oidc::{
    BearerError, BeginOidc, BeginOidcError, BegunOidc, LogoutTokenError, OidcAccountError, OidcError,
    PATIENCE, PendingOidc, begin_oidc, by_bearer, end_session_url, log_out_by_provider, oidc_failed,
    pending_oidc, sign_in_with_oidc,
};
pub use password::{ByPassword, SignInError, by_password};
pub use resume::{ResumeError, Resumed, resume};
pub use second_factor::{SecondFactorError, second_factor};
pub use sessions::{
    SessionsError, end_all_sessions, end_own_session, end_session, own_sessions, sessions_of,
};
pub use totp::{BegunTotp, TotpError, begin_totp, confirm_totp, disable_totp};

/// How many tries an e-mail, or an account, has within [`WINDOW`].
const TRIES: u32 = 5;
const WINDOW: Duration = Duration::from_mins(1);

/// What signing in works with.
#[derive(Clone)]
pub struct SignIn {
    state: SignInState,
    hasher: PasswordHasher,
    lifetime: Duration,
    idle: Duration,
    /// Hashing takes a processor each; more at once would only be slower, and starve everything else.
    hashing: Arc<Semaphore>,
    /// Those who hash and those who wait for it.
    waiting: Arc<Semaphore>,
    /// Who vouches for people besides passwords.
    providers: Option<Arc<dyn IdentityProviders>>,
    /// How they are asked again.
    renewing: Renewing,
}

impl SignIn {
    /// Keeps sessions in `state` for `lifetime` at most, and for `idle` without being used. At most
    /// `parallel` passwords are hashed at a time.
    pub fn new(
        state: SignInState,
        hasher: PasswordHasher,
        [lifetime, idle]: [Duration; 2],
        parallel: NonZeroUsize,
    ) -> Self {
        Self {
            state,
            hasher,
            lifetime,
            idle,
            hashing: Arc::new(Semaphore::new(parallel.get())),
            waiting: Arc::new(Semaphore::new(hashing::places(parallel))),
            providers: None,
            renewing: Renewing::new(TaskTracker::new()),
        }
    }

    /// The same with identity providers to sign in at. What is asked of them beside a request is among
    /// `tasks`, whose end a process that stops waits for.
    #[must_use]
    pub fn with_providers(self, providers: Arc<dyn IdentityProviders>, tasks: TaskTracker) -> Self {
        Self { providers: Some(providers), renewing: Renewing::new(tasks), ..self }
    }

    /// What sign-ins share between replicas.
    pub const fn state(&self) -> &SignInState {
        &self.state
    }

    /// How long a session lives without being used.
    pub const fn idle(&self) -> Duration {
        self.idle
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").finish_non_exhaustive()
    }
}

/// Who is at the door.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// From where.
    pub origin: Origin,
    /// With which browser.
    pub user_agent: String,
    /// Whether from this very machine, with nobody in between.
    pub is_local: bool,
}

/// A session that was just opened, or goes on under another secret.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What the browser presents from now on. It is shown this once.
    pub secret: SessionSecret,
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub account: Account,
}

/// Too many tries; the next one may come in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again in {} s", .retry_after.as_secs().max(1))]
pub struct TooManyAttempts {
    /// How long to wait.
    pub retry_after: Duration,
}

/// Why a try was not counted, or may not go on.
#[derive(Debug, thiserror::Error)]
enum Throttled {
    #[error(transparent)]
    TooMany(#[from] TooManyAttempts),
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Counts a try before anything is looked at, so that parallel ones cannot get past.
async fn count(control: &Control, key: &SignInKey) -> Result<(), Throttled> {
    let throttle = &control.sign_in.state.throttle;
    let verdict = throttle.hit(key, TRIES, WINDOW, control.clock.now()).await?;
    if verdict.allowed {
        return Ok(());
    }
    metrics::counter!("promptgate_sign_in_throttled_total").increment(1);
    // Whoever began the window may have looked at a clock a moment later than this try did.
    Err(TooManyAttempts { retry_after: verdict.retry_after.min(WINDOW) }.into())
}

/// The person of an account, for the audit log.
const fn person(account: &Account, origin: Origin) -> Actor {
    Actor::person(account, origin)
}

/// What a session of this account opens once the password, and the code if there is one, were right.
const fn stage_of(account: &Account) -> SessionStage {
    if account.must_change_password { SessionStage::MustChangePassword } else { SessionStage::Full }
}

/// Lets a session go on under a new secret; `None` if it has ended meanwhile.
async fn rotated(
    control: &Control,
    session: Session,
    stage: SessionStage,
) -> Result<Option<(SessionSecret, Session)>, RepositoryError> {
    let old = session.hash;
    let secret = SessionSecret::generate(&*control.entropy);
    let session = session.rotate(secret.hash(), stage, control.clock.now());
    let goes_on = control.sign_in.state.sessions.replace(old, &session).await?;
    Ok(goes_on.then_some((secret, session)))
}
