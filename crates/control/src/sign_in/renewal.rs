//! Asking the identity provider again, while a session goes on.
//!
//! Of all requests that find a renewal due, one claims it in the store and asks, in a task of its own: a
//! refresh token may be good for one use, so whoever asks twice, or does not keep the answer because the
//! browser went away, loses the session. Only a no ends it. A provider that does not answer is asked again
//! later, and the session goes on meanwhile.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use promptgate_auth::{Actor, Renewal, Session};
use promptgate_kernel::{RepositoryError, SealError, SecretString};
use promptgate_store::Access;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, instrument};

use super::identity::{IdentityProviders, ProviderError, Refresh, Refreshed};
use super::oidc::renewed;
use crate::Control;
use crate::journal::Entry;

/// How long the request that asks waits for the answer. It goes on without it then.
const WAIT: Duration = Duration::from_secs(2);
/// How many sessions of this process ask at once; the others do so at a later use.
const AT_ONCE: usize = 32;
/// How often an answer is written while the store is away, and the pause in between.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// How providers are asked again.
#[derive(Clone)]
pub(super) struct Renewing {
    tasks: TaskTracker,
    places: Arc<Semaphore>,
    /// What does not work at the moment, so that it is said once and not for each session.
    trouble: Arc<Mutex<BTreeSet<String>>>,
}

/// What a session is after its provider was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// What it was: nobody was asked, or there is no answer yet.
    AsItWas,
    /// The provider vouches for its owner, who may have another role now.
    Renewed,
    /// It has ended.
    Ended,
}

impl Renewing {
    pub(super) fn new(tasks: TaskTracker) -> Self {
        Self { tasks, places: Arc::new(Semaphore::new(AT_ONCE)), trouble: Arc::default() }
    }

    /// Whether this is news.
    fn begins(&self, trouble: &str) -> bool {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).insert(trouble.to_owned())
    }

    fn is_over(&self, trouble: &str) -> bool {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).remove(trouble)
    }
}

/// Asks the provider of a session again if it is time to, and nobody else does.
pub(super) async fn renew(control: &Control, session: &Session) -> Result<Standing, RepositoryError> {
    let (Some(renewal), Some(provider)) = (&session.renewal, &session.provider) else {
        return Ok(Standing::AsItWas);
    };
    let (now, renewing) = (control.clock.now(), &control.sign_in.renewing);
    let Some(providers) = control.sign_in.providers.clone().filter(|_| renewal.is_due(now)) else {
        return Ok(Standing::AsItWas);
    };
    let Ok(place) = Arc::clone(&renewing.places).try_acquire_owned() else { return Ok(Standing::AsItWas) };
    let until = now.plus(Renewal::CLAIM);
    let sessions = &control.sign_in.state.sessions;
    if !sessions.claim_renewal(session.id, renewal.due_at, until).await? {
        return Ok(Standing::AsItWas);
    }
    let asking = Asking {
        control: control.clone(),
        providers,
        provider: provider.clone(),
        session: session.clone(),
        renewal: Renewal { due_at: until, ..renewal.clone() },
        _place: place,
    };
    let task = renewing.tasks.spawn(async move { asking.ask().await }.in_current_span());
    Ok(match timeout(WAIT, task).await {
        Ok(Ok(standing)) => standing,
        Ok(Err(_)) | Err(_) => Standing::AsItWas,
    })
}

/// Tells the provider of a session that ended here that its refresh token is of no use any more. Nobody
/// waits for that.
pub(super) fn give_up(control: &Control, session: &Session) {
    let (Some(renewal), Some(provider)) = (&session.renewal, &session.provider) else { return };
    let Some(providers) = control.sign_in.providers.clone() else { return };
    let Ok(ticket) = opened(control, session, renewal) else { return };
    let provider = provider.clone();
    let revoke = async move { revoke(&*providers, &provider, &ticket).await };
    control.sign_in.renewing.tasks.spawn(revoke.in_current_span());
}

async fn revoke(providers: &dyn IdentityProviders, provider: &str, ticket: &SecretString) {
    if let Err(error) = providers.revoke(provider, ticket).await {
        tracing::info!(provider, error = %error, cause = cause(&error), "a refresh token was not revoked");
    }
}

/// One session whose provider is asked, and which nobody else asks for.
struct Asking {
    control: Control,
    providers: Arc<dyn IdentityProviders>,
    provider: String,
    session: Session,
    /// Due when the claim is over.
    renewal: Renewal,
    _place: OwnedSemaphorePermit,
}

impl Asking {
    #[instrument(name = "control.sign_in.renew", skip_all, fields(session.id = %self.session.id))]
    async fn ask(self) -> Standing {
        let ticket = match opened(&self.control, &self.session, &self.renewal) {
            Ok(ticket) => ticket,
            Err(error) => return self.cannot_be_opened(&error).await,
        };
        match self.providers.refresh(&self.provider, &ticket).await {
            Ok(refreshed) => self.answered(refreshed).await,
            Err(error @ ProviderError::Refused { .. }) => self.refused(&error).await,
            Err(error @ (ProviderError::Unknown(_) | ProviderError::Unavailable { .. })) => {
                self.not_answered(&error).await
            }
        }
    }

    async fn answered(self, Refreshed { refresh, identity }: Refreshed) -> Standing {
        match self.keep(&refresh).await {
            Ok(true) => {}
            Ok(false) => {
                // It ended while the provider was asked; or that took so long that somebody else asks.
                if !matches!(self.found().await, Ok(None)) {
                    return Standing::AsItWas;
                }
                revoke(&*self.providers, &self.provider, &refresh.ticket).await;
                return Standing::Ended;
            }
            Err(error) => {
                self.count("failed");
                tracing::warn!(error = %error, "what an identity provider gave for asking it again is lost");
                return Standing::AsItWas;
            }
        }
        self.count("renewed");
        if self.control.sign_in.renewing.is_over(&self.provider) {
            tracing::info!(provider = self.provider, "the identity provider answers again");
        }
        let taken_over = match identity {
            Ok(None) => Ok(()),
            Ok(Some(identity)) => {
                let taken = renewed(&self.control, self.session.account, &self.provider, &identity).await;
                taken.map_err(|error| (error.to_string(), cause(&error)))
            }
            Err(error) => Err((error.to_string(), cause(&error))),
        };
        let trouble = format!("claims of {}", self.provider);
        match taken_over {
            Ok(()) => {
                self.control.sign_in.renewing.is_over(&trouble);
            }
            Err((error, cause)) if self.control.sign_in.renewing.begins(&trouble) => {
                tracing::warn!(
                    provider = self.provider,
                    error,
                    cause,
                    "what an identity provider says about somebody is not taken over"
                );
            }
            Err(_) => {}
        }
        Standing::Renewed
    }

    /// Writes what the provider is asked with the next time: the former may be worth nothing by now.
    async fn keep(&self, refresh: &Refresh) -> Result<bool, RepositoryError> {
        let (control, id) = (&self.control, self.session.id);
        let plain = refresh.ticket.expose().as_bytes();
        let next = Renewal {
            ticket: control.keys.seal(plain, &Renewal::context(id), &*control.entropy),
            due_at: Renewal::due(refresh.lasts, control.clock.now()),
        };
        let sessions = &control.sign_in.state.sessions;
        let mut tries = 1;
        loop {
            match sessions.save_renewal(id, self.renewal.due_at, &next).await {
                Err(error) if tries < TRIES => {
                    tracing::debug!(error = %error, "the answer of an identity provider is not kept yet");
                    tries += 1;
                    sleep(PAUSE).await;
                }
                // An earlier try may have been written though its answer was lost.
                Ok(false) if tries > 1 => {
                    let found = self.found().await?;
                    return Ok(found.is_some_and(|found| found.renewal.as_ref() == Some(&next)));
                }
                result => return result,
            }
        }
    }

    /// The provider does not vouch for the person any more.
    async fn refused(self, error: &ProviderError) -> Standing {
        self.count("ended");
        tracing::info!(
            provider = self.provider,
            cause = cause(error),
            "an identity provider says that a session is over: {error}"
        );
        match self.end(error.reason()).await {
            Ok(()) => Standing::Ended,
            Err(error) => {
                // The claim runs out, and it is asked again.
                tracing::warn!(error = %error, "a session that an identity provider ended cannot be ended now");
                Standing::AsItWas
            }
        }
    }

    async fn end(&self, reason: &'static str) -> Result<(), RepositoryError> {
        let (control, sessions) = (&self.control, &self.control.sign_in.state.sessions);
        let Some(session) = self.found().await? else { return Ok(()) };
        if !sessions.remove(session.hash).await? {
            return Ok(());
        }
        let entry = Entry::of_account("session.revoked", session.account)
            .detail("sessionId", session.id.to_string())
            .detail("provider", self.provider.clone())
            .detail("reason", reason);
        let mut work = control.store.begin(Access::Write).await?;
        control.audit(&mut *work, Actor::system(), entry, control.clock.now()).await?;
        work.commit().await
    }

    /// The session as it is now. It may go on under another secret meanwhile.
    async fn found(&self) -> Result<Option<Session>, RepositoryError> {
        let of_account = self.control.sign_in.state.sessions.list_of(self.session.account).await?;
        Ok(of_account.into_iter().find(|session| session.id == self.session.id))
    }

    /// The provider is away: the session goes on, and asks again in a while.
    async fn not_answered(self, error: &ProviderError) -> Standing {
        self.count("failed");
        if self.control.sign_in.renewing.begins(&self.provider) {
            tracing::warn!(
                provider = self.provider,
                error = %error,
                cause = cause(error),
                "an identity provider cannot be asked whether its sessions stand; they go on"
            );
        }
        self.put_off(Renewal::SOONEST).await;
        Standing::AsItWas
    }

    /// Without its key the ticket is lost: the session goes on to its end as one that has none.
    async fn cannot_be_opened(self, error: &SealError) -> Standing {
        self.count("unreadable");
        tracing::warn!(
            provider = self.provider,
            error = %error,
            "what a session asks its identity provider with cannot be opened; it goes on without asking"
        );
        let rest = self.session.expires_at.since(self.control.clock.now());
        self.put_off(rest).await;
        Standing::AsItWas
    }

    async fn put_off(&self, span: Duration) {
        let sessions = &self.control.sign_in.state.sessions;
        let until = self.control.clock.now().plus(span);
        if let Err(error) = sessions.claim_renewal(self.session.id, self.renewal.due_at, until).await {
            tracing::debug!(error = %error, "a renewal is tried again when its claim is over");
        }
    }

    fn count(&self, outcome: &'static str) {
        let provider = self.provider.clone();
        metrics::counter!("promptgate_oidc_refreshes_total", "provider" => provider, "outcome" => outcome)
            .increment(1);
    }
}

fn opened(control: &Control, session: &Session, renewal: &Renewal) -> Result<SecretString, SealError> {
    let bytes = control.keys.open(&renewal.ticket, &Renewal::context(session.id))?;
    String::from_utf8(bytes.expose().clone()).map(SecretString::new).map_err(|_| SealError::Malformed)
}

fn cause(error: &dyn Error) -> Option<String> {
    error.source().map(ToString::to_string)
}
