//! Looking at a service now.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::MonitoredServiceId;
use promptgate_monitoring::MonitoredService;
use promptgate_store::Access;
use tracing::instrument;

use super::MonitoringError;
use crate::Control;
use crate::journal::Entry;

/// Looks at a service, also at one that is switched off, and answers with what is known afterwards.
#[instrument(name = "control.monitoring.check", skip_all, fields(monitored_service.id = %id))]
pub async fn check(
    control: &Control,
    actor: Actor,
    id: MonitoredServiceId,
) -> Result<MonitoredService, MonitoringError> {
    actor.require(Permission::ManageMonitors)?;
    let checker = control.checker.as_ref().ok_or(MonitoringError::Unavailable)?;
    let mut work = control.store.begin(Access::Read).await?;
    let service = work.monitored_services().find(id).await?.ok_or(MonitoringError::NotFound(id))?;
    // Nothing is held while the service takes its time.
    drop(work);
    let seen = checker.look(&service.url).await;
    let at = control.clock.now();
    let finding = service.finding(seen, at);
    let mut work = control.store.begin(Access::Write).await?;
    work.monitored_services().record(&service, &finding).await?;
    let service = work.monitored_services().find(id).await?.ok_or(MonitoringError::NotFound(id))?;
    let entry = Entry::of_monitored_service("monitored_service.checked", id)
        .detail("status", finding.health.as_str());
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(service)
}
