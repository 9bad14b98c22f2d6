//! Identity providers, as signing in sees them.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use promptgate_auth::{OidcPerson, Role};
use promptgate_kernel::{Entropy, SecretString, Timestamp, mint_key_text};

/// What a provider must give back unchanged, so that its answer counts for this one sign-in.
#[derive(Clone)]
pub struct Challenge {
    /// Names the sign-in in addresses.
    pub state: String,
    /// Stands in the ID token.
    pub nonce: String,
    /// What redeems the code (PKCE); only its hash leaves in the beginning.
    pub verifier: String,
}

impl Challenge {
    /// Three times 256 random bits.
    pub(crate) fn generate(entropy: &dyn Entropy) -> Self {
        let [state, nonce, verifier] = [(); 3].map(|()| mint_key_text("", entropy));
        Self { state, nonce, verifier }
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge").finish_non_exhaustive()
    }
}

/// Somebody whom a provider vouches for.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who it is.
    pub person: OidcPerson,
    /// The ID token, for signing out at the provider.
    pub id_token: SecretString,
    /// How the provider names its own session.
    pub session: Option<String>,
    /// The role that the provider gives, where roles come from it.
    pub role: Option<Role>,
    /// The names of the access groups, where they come from the provider.
    pub groups: Option<Vec<String>>,
    /// What to ask the provider again with, if it gave a refresh token.
    pub refresh: Option<Refresh>,
}

/// What a provider is asked again with.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// The provider's refresh token, and what its next answer must agree with; only the adapter reads it.
    pub ticket: SecretString,
    /// How long the provider's word holds, if it says.
    pub lasts: Option<Duration>,
}

/// What a provider says when it is asked again, and still vouches for somebody.
#[derive(Debug)]
pub struct Refreshed {
    /// What it is asked with the next time. The former may be worth nothing any more.
    pub refresh: Refresh,
    /// What it says about the person now, if it says anything; why that does not count, if it does not.
    pub identity: Result<Option<Identity>, ProviderError>,
}

/// Whom an access token is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The provider's issuer.
    pub issuer: String,
    /// The person's name there that never changes.
    pub subject: String,
}

/// What a provider ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logout {
    /// The provider.
    pub provider: String,
    /// Its issuer.
    pub issuer: String,
    /// Whose sessions.
    pub subject: Option<String>,
    /// The provider's own session, if only what came of it ends.
    pub session: Option<String>,
    /// Names the token: it counts once.
    pub id: String,
    /// When the token ends to count.
    pub expires_at: Timestamp,
}

/// Why a provider is of no help.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// None has this name.
    #[error("there is no identity provider `{0}`")]
    Unknown(String),
    /// It does not answer, or not as a provider does; another time it may.
    #[error("the identity provider `{provider}` cannot be used now")]
    Unavailable {
        /// Its name.
        provider: String,
        /// What went wrong.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// It, or what claims to be from it, does not vouch for anybody.
    #[error("the identity provider's answer does not count: {reason}")]
    Refused {
        /// Why, in one word.
        reason: &'static str,
        /// What exactly, for the log.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

impl ProviderError {
    /// A refusal with nothing more to say.
    pub const fn refused(reason: &'static str) -> Self {
        Self::Refused { reason, source: None }
    }

    /// Why, in one word, for the audit log.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown_provider",
            Self::Unavailable { .. } => "provider_unavailable",
            Self::Refused { reason, .. } => reason,
        }
    }
}

/// The identity providers of the installation. A provider that does not answer fails the call that
/// needs it, and nothing else.
#[async_trait]
pub trait IdentityProviders: Send + Sync {
    /// The names, the first of which is taken where nobody chooses.
    fn names(&self) -> Vec<String>;

    /// Where a browser is sent to sign in.
    async fn authorization_url(&self, provider: &str, challenge: &Challenge)
    -> Result<String, ProviderError>;

    /// Redeems the code that a browser brought back, with the issuer that the answer names if it does.
    async fn identify(
        &self,
        provider: &str,
        (code, issuer): (&str, Option<&str>),
        challenge: &Challenge,
    ) -> Result<Identity, ProviderError>;

    /// Asks the provider whether it still vouches for somebody. [`ProviderError::Refused`] is a no, or an
    /// answer about somebody else; whatever else goes wrong says nothing.
    async fn refresh(&self, provider: &str, ticket: &SecretString) -> Result<Refreshed, ProviderError>;

    /// Tells the provider that it will not be asked with this any more, where it wants to know.
    async fn revoke(&self, provider: &str, ticket: &SecretString) -> Result<(), ProviderError>;

    /// Where a browser is sent to sign out; `None` if the provider has no such place. `back_to` is where
    /// the browser comes back to: an address, or a path of this API.
    async fn end_session_url(
        &self,
        provider: &str,
        id_token: Option<&SecretString>,
        back_to: &str,
    ) -> Result<Option<String>, ProviderError>;

    /// Whom an access token is about, if one of the providers issued it for this installation.
    async fn verify_access_token(&self, token: &str) -> Result<Bearer, ProviderError>;

    /// What a logout token says, if it is one of a provider's for this installation.
    async fn verify_logout_token(&self, token: &str) -> Result<Logout, ProviderError>;

    /// How the provider named its own session in an ID token that was verified before.
    fn session_in(&self, id_token: &SecretString) -> Option<String>;
}
