//! Which credential of which provider is called, how often, and when not.
//!
//! A [`Course`] is the way of one request through its candidates: in their order, each candidate's
//! credentials by weight and load, leaving out those that keep failing or asked for a pause, within
//! a budget of repetitions. What is known of a credential, its [`Health`], outlives requests and
//! configurations.

mod breaker;
mod budget;
mod course;
mod health;
mod load;
mod pause;

use std::sync::Arc;

use promptgate_kernel::{Entropy, ProviderId};
use quick_cache::sync::Cache;
use tokio::time::Instant;

use budget::RetryBudget;
use health::{Health, HealthKey};

pub(crate) use course::{Course, Step, Turn};
pub(crate) use health::UnderWay;
pub(crate) use pause::{RETRY_AFTER_MS, retry_after};

/// More credentials than an installation has; the least used are forgotten beyond that.
const MOST_CREDENTIALS: usize = 4_096;
const MOST_PROVIDERS: usize = 1_024;

/// What is known of credentials and providers, by their ids, whatever the configuration.
pub(crate) struct Resilience {
    healths: Cache<HealthKey, Arc<Health>>,
    budgets: Cache<ProviderId, Arc<RetryBudget>>,
    budget_percent: u32,
    entropy: Arc<dyn Entropy>,
}

impl Resilience {
    /// Knows nothing yet. Repetitions may add so much to a provider's load.
    pub(crate) fn new(budget_percent: u32, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            healths: Cache::new(MOST_CREDENTIALS),
            budgets: Cache::new(MOST_PROVIDERS),
            budget_percent,
            entropy,
        }
    }

    /// Randomness, for waits that differ.
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    fn health(&self, key: HealthKey, provider: &Arc<str>) -> Arc<Health> {
        if let Some(health) = self.healths.get(&key) {
            return health;
        }
        let made = || Ok::<_, std::convert::Infallible>(Arc::new(Health::new(Arc::clone(provider))));
        match self.healths.get_or_insert_with(&key, made) {
            Ok(health) => health,
            Err(never) => match never {},
        }
    }

    fn budget(&self, provider: ProviderId) -> Arc<RetryBudget> {
        if let Some(budget) = self.budgets.get(&provider) {
            return budget;
        }
        let made = || {
            Ok::<_, std::convert::Infallible>(Arc::new(RetryBudget::new(self.budget_percent, Instant::now())))
        };
        match self.budgets.get_or_insert_with(&provider, made) {
            Ok(budget) => budget,
            Err(never) => match never {},
        }
    }
}
