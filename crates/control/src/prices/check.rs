//! Which models have no price.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::Timestamp;
use promptgate_providers::Provider;
use promptgate_store::Access;
use promptgate_usage::PriceTarget;
use std::collections::{BTreeSet, HashSet};
use tracing::instrument;

use super::PriceError;
use crate::Control;
use crate::catalog::offers;

/// What a look at all models found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPrices {
    /// The models without a price that somebody set, by provider and by name.
    pub models: Vec<PriceTarget>,
    /// The providers that could not be asked, by name.
    pub errors: Vec<ProviderError>,
    /// When it was looked.
    pub checked_at: Timestamp,
}

/// A provider that could not be asked for its models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderError {
    /// Its name.
    pub provider: String,
    /// Why, for people.
    pub message: String,
}

impl MissingPrices {
    /// Whether every model has a price, and every provider could be asked.
    pub const fn is_configured(&self) -> bool {
        self.models.is_empty() && self.errors.is_empty()
    }
}

/// Asks all enabled providers for their models, at the same time, and names those without a price.
#[instrument(name = "control.prices.check", skip_all)]
pub async fn check(control: &Control, actor: Actor) -> Result<MissingPrices, PriceError> {
    actor.require(Permission::ManagePrices)?;
    let mut work = control.store.begin(Access::Read).await?;
    let providers: Vec<Provider> =
        work.providers().list_all().await?.into_iter().filter(|provider| provider.enabled).collect();
    let credentials = work.providers().all_credentials().await?;
    let stored = work.prices().list_all().await?;
    drop(work);
    let priced: HashSet<PriceTarget> = stored.models.into_iter().map(|price| price.target).collect();
    let (mut missing, mut errors) = (BTreeSet::new(), Vec::new());
    for offer in offers(control, providers, credentials).await {
        let provider = offer.provider.name.as_str();
        let targets = offer.models.iter().filter_map(|model| PriceTarget::new(provider, model).ok());
        missing.extend(targets.filter(|target| !priced.contains(target)));
        if let Some(message) = offer.error {
            errors.push(ProviderError { provider: provider.to_owned(), message });
        }
    }
    Ok(MissingPrices { models: missing.into_iter().collect(), errors, checked_at: control.clock.now() })
}
