//! Looking at one provider.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{ProviderId, RepositoryError};
use promptgate_store::Access;
use tracing::instrument;

use super::{Configured, configured};
use crate::Control;

/// Why a provider is not shown.
#[derive(Debug, thiserror::Error)]
pub enum FindProviderError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no provider {0}")]
    NotFound(ProviderId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The provider with this id.
#[instrument(name = "control.providers.find", skip_all, fields(provider.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: ProviderId) -> Result<Configured, FindProviderError> {
    actor.require(Permission::ManageProviders)?;
    let mut work = control.store.begin(Access::Read).await?;
    let provider = work.providers().find(id).await?.ok_or(FindProviderError::NotFound(id))?;
    Ok(configured(&mut *work, provider).await?)
}
