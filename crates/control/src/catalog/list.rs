//! The models of several providers at once.

use futures_util::future::join_all;
use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{ProviderId, RepositoryError};
use promptgate_providers::{Credential, Provider};
use promptgate_store::Access;
use tracing::instrument;

use crate::Control;

/// A provider, and the models that it has.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The provider.
    pub provider: Provider,
    /// What it says it has, then what it is configured to have besides.
    pub models: Vec<String>,
    /// Why it could not be asked, for people.
    pub error: Option<String>,
}

/// Why there is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// One of the providers does not exist.
    #[error("there is no provider {0}")]
    NotFound(ProviderId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The models of these providers, in this order and each once; of all enabled ones, by name, where
/// none is named.
#[instrument(name = "control.catalog.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    wanted: &[ProviderId],
) -> Result<Vec<Offer>, CatalogError> {
    actor.require(Permission::ManageProviders)?;
    let mut work = control.store.begin(Access::Read).await?;
    let all = work.providers().list_all().await?;
    let credentials = work.providers().all_credentials().await?;
    drop(work);
    let mut providers: Vec<Provider> = Vec::new();
    for id in wanted {
        let found = all.iter().find(|provider| provider.id == *id).ok_or(CatalogError::NotFound(*id))?;
        if !providers.iter().any(|provider| provider.id == *id) {
            providers.push(found.clone());
        }
    }
    if wanted.is_empty() {
        providers = all.into_iter().filter(|provider| provider.enabled).collect();
    }
    Ok(offers(control, providers, &credentials).await)
}

/// Asks all providers at the same time. No unit of work is open meanwhile.
pub(crate) async fn offers(
    control: &Control,
    providers: Vec<Provider>,
    credentials: &[Credential],
) -> Vec<Offer> {
    join_all(providers.into_iter().map(|provider| {
        let own = credentials.iter().filter(|credential| credential.provider_id == provider.id);
        let own: Vec<Credential> = own.cloned().collect();
        offer(control, provider, own)
    }))
    .await
}

async fn offer(control: &Control, provider: Provider, credentials: Vec<Credential>) -> Offer {
    if !provider.enabled {
        return Offer { provider, models: Vec::new(), error: Some("provider is disabled".to_owned()) };
    }
    let now = control.clock.now();
    let asked = control.catalog.models(&control.keys, &provider, &credentials, now).await;
    let (mut models, error) = match asked {
        Ok(models) => (models, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    for model in &provider.models {
        if !models.contains(model) {
            models.push(model.clone());
        }
    }
    Offer { provider, models, error }
}
