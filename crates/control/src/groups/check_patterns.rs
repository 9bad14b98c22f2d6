//! What patterns would match.

use std::collections::BTreeSet;

use promptgate_access::{AccessRule, Patterns, Providers};
use promptgate_auth::{Actor, Permission};
use promptgate_kernel::ProviderId;
use promptgate_providers::Provider;
use promptgate_store::Access;
use tracing::instrument;

use super::GroupError;
use crate::Control;
use crate::catalog::{Offer, offers};

/// Patterns that somebody wants to try.
#[derive(Debug, Clone, Default)]
pub struct CheckPatterns {
    /// At whose models; all enabled ones where none is named.
    pub providers: Vec<ProviderId>,
    /// What would be allowed; empty allows all.
    pub allow: Patterns,
    /// What would be excluded.
    pub exclude: Patterns,
}

/// What patterns match.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternCheck {
    /// Provider by provider, in the order in which they were named, else by name.
    pub providers: Vec<ProviderCheck>,
}

/// What patterns match at one provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderCheck {
    /// The provider.
    pub provider: Provider,
    /// How many models it has.
    pub available: usize,
    /// Those that match, sorted.
    pub matched: Vec<String>,
    /// Why it could not be asked for its models, for people.
    pub error: Option<String>,
}

impl PatternCheck {
    /// Every model that matches at any provider, sorted.
    pub fn matched(&self) -> Vec<&str> {
        let models = self.providers.iter().flat_map(|provider| provider.matched.iter().map(String::as_str));
        models.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// How many providers could not be asked.
    pub fn unavailable(&self) -> usize {
        self.providers.iter().filter(|provider| provider.error.is_some()).count()
    }
}

/// Tries patterns on the models that providers have now.
#[instrument(name = "control.groups.check_patterns", skip_all)]
pub async fn check_patterns(
    control: &Control,
    actor: Actor,
    check: CheckPatterns,
) -> Result<PatternCheck, GroupError> {
    actor.require(Permission::ManageGroups)?;
    let mut work = control.store.begin(Access::Read).await?;
    let all = work.providers().list_all().await?;
    let credentials = work.providers().all_credentials().await?;
    drop(work);
    let mut providers: Vec<Provider> = Vec::new();
    for id in &check.providers {
        let found = all.iter().find(|provider| provider.id == *id).ok_or(GroupError::UnknownProvider(*id))?;
        if !providers.iter().any(|provider| provider.id == *id) {
            providers.push(found.clone());
        }
    }
    if check.providers.is_empty() {
        providers = all.into_iter().filter(|provider| provider.enabled).collect();
    }
    let rules = AccessRule::new(Providers::All, &check.allow.or_everything(), &check.exclude).alone();
    let tried = |Offer { provider, models, error }: Offer| {
        let matching = models.iter().filter(|model| rules.model_allowed(provider.id, model));
        let matched: BTreeSet<String> = matching.cloned().collect();
        ProviderCheck { available: models.len(), matched: matched.into_iter().collect(), provider, error }
    };
    let offered = offers(control, providers, credentials).await;
    Ok(PatternCheck { providers: offered.into_iter().map(tried).collect() })
}
