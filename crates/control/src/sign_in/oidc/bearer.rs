//! Access tokens of identity providers, in place of a session.

use promptgate_auth::Account;
use promptgate_kernel::RepositoryError;
use tracing::instrument;

use super::super::identity::ProviderError;
use super::known;
use crate::Control;

/// Why an access token opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum BearerError {
    /// No provider of the installation issued it, it has ended, or it is not meant for here.
    #[error("the access token does not count")]
    Invalid(#[source] ProviderError),
    /// It is good, and its owner has never signed in.
    #[error("there is no account for this access token; sign in once in the browser")]
    NoAccount,
    /// The provider's keys cannot be had now.
    #[error("the access token cannot be verified now")]
    Unavailable(#[source] ProviderError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Whose access token this is; `None` where access tokens open nothing.
#[instrument(name = "control.sign_in.by_bearer", skip_all)]
pub async fn by_bearer(control: &Control, token: &str) -> Result<Option<Account>, BearerError> {
    let Some(providers) = &control.sign_in.providers else { return Ok(None) };
    let bearer = providers.verify_access_token(token).await.map_err(|error| match error {
        error @ ProviderError::Unavailable { .. } => BearerError::Unavailable(error),
        error @ (ProviderError::Unknown(_) | ProviderError::Refused { .. }) => BearerError::Invalid(error),
    })?;
    let account = known(control, &bearer.issuer, &bearer.subject).await?;
    account.map(Some).ok_or(BearerError::NoAccount)
}
