//! The models of several providers at once.

use futures_util::future::join_all;
use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{KeyRing, ProviderId, RepositoryError, Timestamp};
use promptgate_providers::{Credential, Provider};
use promptgate_store::Access;
use tracing::instrument;

use super::ModelCatalog;
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
    Ok(offers(control, providers, credentials).await)
}

/// Asks all providers at the same time. No unit of work is open meanwhile.
pub(crate) async fn offers(
    control: &Control,
    providers: Vec<Provider>,
    credentials: Vec<Credential>,
) -> Vec<Offer> {
    let asking =
        Asking { catalog: &control.catalog, keys: &control.keys, now: control.clock.now(), credentials };
    asking.all(providers).await
}

struct Asking<'a> {
    catalog: &'a ModelCatalog,
    keys: &'a KeyRing,
    now: Timestamp,
    credentials: Vec<Credential>,
}

impl Asking<'_> {
    async fn all(&self, providers: Vec<Provider>) -> Vec<Offer> {
        join_all(providers.into_iter().map(|provider| self.one(provider))).await
    }

    async fn one(&self, provider: Provider) -> Offer {
        if !provider.enabled {
            return Offer { provider, models: Vec::new(), error: Some("provider is disabled".to_owned()) };
        }
        let own = self.credentials.iter().filter(|credential| credential.provider_id == provider.id);
        let own: Vec<Credential> = own.cloned().collect();
        let (mut models, error) = match self.catalog.models(self.keys, &provider, &own, self.now).await {
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
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use promptgate_kernel::SecretsKey;
    use promptgate_providers::{BaseUrl, NewProvider, ProviderKind, ProviderName};

    use super::*;
    use crate::catalog::{ListingAnswer, ListingRequest, ModelLister, Unreachable};

    /// Providers that fail in the way that the host in their address says.
    struct Vendors;

    #[async_trait]
    impl ModelLister for Vendors {
        async fn fetch(&self, request: ListingRequest) -> Result<ListingAnswer, Unreachable> {
            let answer = |status, body: &str| Ok(ListingAnswer { status, body: body.as_bytes().to_vec() });
            match request.url.as_str() {
                url if url.contains("hangs") => std::future::pending().await,
                url if url.contains("refuses") => answer(401, r#"{"error":"canary"}"#),
                url if url.contains("breaks") => Err(Unreachable("canary".into())),
                url if url.contains("babbles") => answer(200, "<html>"),
                _ => answer(200, r#"{"data":[{"id":"one"},{"id":"two"}]}"#),
            }
        }
    }

    fn provider(index: usize, name: &str) -> Provider {
        let new = NewProvider {
            name: ProviderName::parse(name).unwrap(),
            display_name: String::new(),
            kind: ProviderKind::OpenAiCompatible,
            base_url: Some(BaseUrl::parse(&format!("http://{name}.test")).unwrap()),
            models: vec!["two".into(), "mine".into()],
            config: serde_json::Map::new(),
            enabled: name != "off",
        };
        let id = format!("018f4e6e-0000-7000-8000-0000000000{index:02}").parse().unwrap();
        Provider::create(id, new, Timestamp::default()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_fails_delays_nobody_and_says_only_how() {
        let catalog = ModelCatalog::new(Arc::new(Vendors));
        let keys = KeyRing::new(SecretsKey::from_bytes([7; 32]), vec![]);
        let now = Timestamp::default();
        let asking = Asking { catalog: &catalog, keys: &keys, now, credentials: vec![] };
        let late = "the provider did not answer within 3 seconds";
        let expected = [
            ("babbles", "the answer is no list of models"),
            ("breaks", "the provider cannot be reached"),
            ("hangs", late),
            ("hangs-too", late),
            ("off", "provider is disabled"),
            ("refuses", "fetch models returned 401"),
            ("works", "-"),
        ];
        let providers = expected.iter().enumerate().map(|(index, (name, _))| provider(index, name)).collect();
        let started = tokio::time::Instant::now();
        let offers = asking.all(providers).await;
        assert_eq!(started.elapsed(), Duration::from_secs(3), "all are asked at once");
        for (offer, (name, error)) in offers.iter().zip(expected) {
            assert_eq!((offer.provider.name.as_str(), offer.error.as_deref().unwrap_or("-")), (name, error));
        }
        assert_eq!(offers[6].models, ["one", "two", "mine"]);
        assert_eq!(offers[5].models, ["two", "mine"], "what is known without asking");
        assert!(offers[4].models.is_empty());
    }
}
