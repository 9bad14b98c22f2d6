//! Looking at the services whose turn it is.

use std::fmt;
use std::sync::Arc;

use futures_util::StreamExt;
use promptgate_kernel::{Clock, RepositoryError};
use promptgate_monitoring::{Health, MonitoredService};
use promptgate_store::{Access, Store};

use super::ServiceChecker;

/// The most services that one round looks at; those that are left come first in the next one.
const ROUND: u32 = 1_000;
/// How many are looked at at once.
const AT_ONCE: usize = 8;

/// What a round needs. Several processes may have rounds at the same time: each look is begun by one.
#[derive(Clone)]
pub struct DueChecks {
    /// Where services are kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who looks.
    pub checker: Arc<dyn ServiceChecker>,
}

impl fmt::Debug for DueChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DueChecks").finish_non_exhaustive()
    }
}

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many services were looked at.
    pub checked: u64,
    /// How many of them were not as expected.
    pub degraded: u64,
}

impl DueChecks {
    /// Looks at every service whose turn it is, some at once.
    pub async fn run(&self) -> Result<Tally, RepositoryError> {
        let due = {
            let mut work = self.store.begin(Access::Read).await?;
            work.monitored_services().due(self.clock.now(), ROUND).await?
        };
        let mut looks = futures_util::stream::iter(due.into_iter().map(|service| self.look(service)))
            .buffer_unordered(AT_ONCE);
        let mut tally = Tally::default();
        let mut failed = None;
        // One that cannot be written down keeps nobody from looking at the others.
        while let Some(looked) = looks.next().await {
            match looked {
                Ok(None) => {}
                Ok(Some(health)) => {
                    tally.checked += 1;
                    tally.degraded += u64::from(health == Health::Degraded);
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(tally), Err)
    }

    /// Looks at one service, unless somebody else does already.
    async fn look(&self, service: MonitoredService) -> Result<Option<Health>, RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        let is_mine = work.monitored_services().claim(&service, self.clock.now()).await?;
        work.commit().await?;
        if !is_mine {
            return Ok(None);
        }
        let seen = self.checker.look(&service.url).await;
        let finding = service.finding(seen, self.clock.now());
        let mut work = self.store.begin(Access::Write).await?;
        let is_recorded = work.monitored_services().record(&service, &finding).await?;
        work.commit().await?;
        if is_recorded && finding.health != service.condition.health {
            let (name, health) = (&service.name, finding.health);
            tracing::warn!(
                monitored_service.id = %service.id,
                status = health.as_str(),
                "the monitored service {name} is {health} now"
            );
        }
        Ok(is_recorded.then_some(finding.health))
    }
}
