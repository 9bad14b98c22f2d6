//! Signing in at an identity provider: to it, and back from it.

mod account;
mod bearer;
mod elsewhere;

use promptgate_audit::{Culprit, Failure};
use promptgate_auth::{NewSession, Renewal, Session, SessionHash, SessionSecret, SessionStage, SignInKey};
use promptgate_kernel::{RepositoryError, SessionId, mint_key_text};
use promptgate_store::Access;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tracing::instrument;

pub use account::OidcAccountError;
pub(super) use account::renewed;
pub use bearer::{BearerError, by_bearer};
pub use elsewhere::{LogoutTokenError, end_session_url, log_out_by_provider};

use super::identity::{Challenge, IdentityProviders, ProviderError};
use super::{Opened, Visitor};
use crate::Control;

/// How long somebody may take at the provider.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// How somebody wants to sign in.
#[derive(Debug, Clone)]
pub struct BeginOidc {
    /// At which provider; the first if nobody says.
    pub provider: Option<String>,
    /// The frontend's path to come back to.
    pub redirect: String,
    /// The frontend's origin.
    pub frontend: String,
    /// What the browser has been given by an earlier [`begin_oidc`].
    pub browser: Option<String>,
}

/// Where a browser goes to sign in.
#[derive(Debug, Clone)]
pub struct BegunOidc {
    /// The provider's address.
    pub url: String,
    /// What the browser must bring back, so that nobody signs it in to an account of theirs.
    pub browser: String,
}

/// Why nobody is sent anywhere.
#[derive(Debug, thiserror::Error)]
pub enum BeginOidcError {
    /// No provider is configured.
    #[error("no identity provider is configured")]
    NoProvider,
    /// The provider is of no help.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// A sign-in that waits for its browser to come back.
#[derive(Debug, Clone)]
pub struct PendingOidc {
    provider: String,
    challenge: Challenge,
    /// The frontend's path to come back to.
    pub redirect: String,
    /// The frontend's origin.
    pub frontend: String,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider is of no help.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The person cannot have an account.
    #[error(transparent)]
    Account(#[from] OidcAccountError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Begins a sign-in: says where the browser goes, and keeps what it must come back with.
#[instrument(name = "control.sign_in.begin_oidc", skip_all)]
pub async fn begin_oidc(control: &Control, begin: BeginOidc) -> Result<BegunOidc, BeginOidcError> {
    let providers = providers(control)?;
    let first = || providers.names().into_iter().next();
    let provider = begin.provider.or_else(first).ok_or(BeginOidcError::NoProvider)?;
    let challenge = Challenge::generate(&*control.entropy);
    let url = providers.authorization_url(&provider, &challenge).await?;
    // A browser that signs in twice at once keeps what it has, so that both come back.
    let known = begin.browser.filter(|known| known.len() == promptgate_kernel::KEY_TEXT_LENGTH);
    let browser = known.unwrap_or_else(|| mint_key_text("", &*control.entropy));
    let kept = json!({
        "provider": provider, "nonce": challenge.nonce, "verifier": challenge.verifier,
        "redirect": begin.redirect, "frontend": begin.frontend, "browser": browser,
    });
    let key = key_of(&challenge.state);
    let sealed = control.keys.seal(kept.to_string().as_bytes(), key.as_text(), &*control.entropy);
    control.sign_in.state.one_time.put(&key, &sealed, PATIENCE, control.clock.now()).await?;
    Ok(BegunOidc { url, browser })
}

/// Takes the sign-in that this state names, which works once, and only in the browser that began it.
#[instrument(name = "control.sign_in.pending_oidc", skip_all)]
pub async fn pending_oidc(
    control: &Control,
    state: &str,
    browser: Option<&str>,
) -> Result<Option<PendingOidc>, RepositoryError> {
    let key = key_of(state);
    let Some(sealed) = control.sign_in.state.one_time.take(&key, control.clock.now()).await? else {
        return Ok(None);
    };
    let Ok(bytes) = control.keys.open(&sealed, key.as_text()) else { return Ok(None) };
    let Ok(kept) = serde_json::from_slice::<Value>(bytes.expose()) else { return Ok(None) };
    let text = |name: &str| kept[name].as_str().unwrap_or_default().to_owned();
    if browser.is_none_or(|given| SignInKey::of("", given) != SignInKey::of("", &text("browser"))) {
        return Ok(None);
    }
    let challenge = Challenge { state: state.to_owned(), nonce: text("nonce"), verifier: text("verifier") };
    Ok(Some(PendingOidc {
        provider: text("provider"),
        challenge,
        redirect: text("redirect"),
        frontend: text("frontend"),
    }))
}

/// Signs somebody in with the code that the provider sent along, and the issuer if it named it. The session that the browser had
/// before ends.
#[instrument(name = "control.sign_in.sign_in_with_oidc", skip_all)]
pub async fn sign_in_with_oidc(
    control: &Control,
    visitor: &Visitor,
    pending: PendingOidc,
    code: (&str, Option<&str>),
    replaces: Option<SessionHash>,
) -> Result<Opened, OidcError> {
    let provider = pending.provider;
    let result = match providers(control) {
        Ok(providers) => signed_in(control, &*providers, visitor, &provider, code, &pending.challenge).await,
        Err(_) => Err(ProviderError::Unknown(provider.clone()).into()),
    };
    let outcome = if result.is_ok() { "signed_in" } else { "refused" };
    metrics::counter!("promptgate_oidc_sign_ins_total", "provider" => provider, "outcome" => outcome)
        .increment(1);
    let opened = match result {
        Ok(opened) => opened,
        Err(error) => {
            let reason = match &error {
                OidcError::Provider(error) => error.reason(),
                OidcError::Account(error) => error.reason(),
                OidcError::Store(_) => return Err(error),
            };
            oidc_failed(control, visitor, reason);
            return Err(error);
        }
    };
    if let Some(old) = replaces {
        control.sign_in.state.sessions.remove(old).await?;
    }
    Ok(opened)
}

/// Counts, for the audit log, a sign-in that led nowhere. Nobody is known to have tried it.
pub fn oidc_failed(control: &Control, visitor: &Visitor, reason: &'static str) {
    let address = visitor.origin.address;
    let failure = Failure { action: "auth.login_failed", reason, by: Culprit::Address(address) };
    control.failures.note(failure, address, control.clock.now());
}

async fn signed_in(
    control: &Control,
    providers: &dyn IdentityProviders,
    visitor: &Visitor,
    provider: &str,
    code: (&str, Option<&str>),
    challenge: &Challenge,
) -> Result<Opened, OidcError> {
    let identity = providers.identify(provider, code, challenge).await?;
    let account = account::of_identity(control, visitor, provider, &identity).await?;
    let state = &control.sign_in.state;
    if let Some(session) = &identity.session {
        elsewhere::remember(control, &identity.person.issuer, session, account.id).await?;
    }
    let new = NewSession {
        account: account.id,
        lifetime: control.sign_in.lifetime,
        address: visitor.origin.address,
        user_agent: visitor.user_agent.clone(),
        provider: Some(provider.to_owned()),
        stage: SessionStage::Full,
    };
    let secret = SessionSecret::generate(&*control.entropy);
    let id = SessionId::mint(&*control.clock, &*control.entropy);
    let mut session = Session::open(id, secret.hash(), new, control.clock.now());
    session.id_token = Some(control.keys.seal(
        identity.id_token.expose().as_bytes(),
        &session.id_token_context(),
        &*control.entropy,
    ));
    session.renewal = identity.refresh.as_ref().map(|refresh| {
        let plain = refresh.ticket.expose().as_bytes();
        let ticket = control.keys.seal(plain, &Renewal::context(id), &*control.entropy);
        Renewal { ticket, due_at: Renewal::due(refresh.lasts, session.created_at) }
    });
    state.sessions.insert(&session).await?;
    Ok(Opened { secret, session, account })
}

/// The account with this subject, whom the issuer vouches for.
async fn known(
    control: &Control,
    issuer: &str,
    subject: &str,
) -> Result<Option<promptgate_auth::Account>, RepositoryError> {
    let mut work = control.store.begin(Access::Read).await?;
    work.accounts().find_by_identity(issuer, subject).await
}

fn providers(control: &Control) -> Result<Arc<dyn IdentityProviders>, BeginOidcError> {
    control.sign_in.providers.clone().ok_or(BeginOidcError::NoProvider)
}

fn key_of(state: &str) -> SignInKey {
    SignInKey::of("oidc", state)
}
