//! Listing providers.

use std::collections::HashSet;

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{Page, PageRequest, ProviderId, RepositoryError};
use promptgate_providers::ProviderFilter;
use promptgate_store::Access;
use tracing::instrument;

use super::Configured;
use crate::Control;

/// Why providers are not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListProvidersError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// One page of providers.
#[instrument(name = "control.providers.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &ProviderFilter,
    page: PageRequest,
) -> Result<Page<Configured>, ListProvidersError> {
    actor.require(Permission::ManageProviders)?;
    let mut work = control.store.begin(Access::Read).await?;
    let providers = work.providers().list(filter, page).await?;
    let with_key: HashSet<ProviderId> = work
        .providers()
        .all_credentials()
        .await?
        .into_iter()
        .map(|credential| credential.provider_id)
        .collect();
    Ok(providers.map(|provider| Configured { has_api_key: with_key.contains(&provider.id), provider }))
}
