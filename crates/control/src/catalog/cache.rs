//! What providers said a short while ago.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use promptgate_kernel::{CredentialId, KeyRing, ProviderId, Timestamp};
use promptgate_providers::{Credential, Provider};

use super::ModelLister;
use super::fetch::fetch;

const FRESH: Duration = Duration::from_mins(1);
/// A provider that failed is asked again sooner.
const FRESH_FAILURE: Duration = Duration::from_secs(10);

/// Asks providers for their models and remembers the answers: for a minute, failures for ten seconds,
/// and never beyond a change of the provider or of its credentials.
#[derive(Clone, Default)]
pub struct ModelCatalog {
    lister: Option<Arc<dyn ModelLister>>,
    remembered: Arc<Mutex<HashMap<ProviderId, Remembered>>>,
}

struct Remembered {
    of: Edition,
    at: Timestamp,
    models: Result<Vec<String>, String>,
}

/// What an answer depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edition {
    provider: i64,
    credentials: Vec<(CredentialId, i64)>,
}

impl fmt::Debug for ModelCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelCatalog").finish_non_exhaustive()
    }
}

impl ModelCatalog {
    /// A catalogue that asks over this. The default one asks nobody.
    pub fn new(lister: Arc<dyn ModelLister>) -> Self {
        Self { lister: Some(lister), remembered: Arc::default() }
    }

    /// The models of a provider, or for people why they are not known.
    pub(super) async fn models(
        &self,
        keys: &KeyRing,
        provider: &Provider,
        credentials: &[Credential],
        now: Timestamp,
    ) -> Result<Vec<String>, String> {
        if provider.models_url().is_none() {
            return Ok(provider.models.clone());
        }
        let Some(lister) = &self.lister else {
            return Err("this process asks no providers".to_owned());
        };
        let edition = Edition {
            provider: provider.version,
            credentials: credentials.iter().map(|credential| (credential.id, credential.version)).collect(),
        };
        if let Some(models) = self.recall(provider.id, &edition, now) {
            return models;
        }
        let models = fetch(&**lister, keys, provider, credentials).await;
        let remembered = Remembered { of: edition, at: now, models: models.clone() };
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(provider.id, remembered);
        models
    }

    fn recall(
        &self,
        provider: ProviderId,
        edition: &Edition,
        now: Timestamp,
    ) -> Option<Result<Vec<String>, String>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let found = remembered.get(&provider).filter(|found| found.of == *edition)?;
        let fresh = if found.models.is_ok() { FRESH } else { FRESH_FAILURE };
        (now.since(found.at) < fresh).then(|| found.models.clone())
    }
}
