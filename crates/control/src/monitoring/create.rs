//! Creating a monitored service.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::MonitoredServiceId;
use promptgate_monitoring::{MonitoredService, NewMonitoredService};
use promptgate_store::Access;
use tracing::instrument;

use super::MonitoringError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Creates a monitored service.
#[instrument(name = "control.monitoring.create", skip_all)]
pub async fn create(
    control: &Control,
    actor: Actor,
    new: NewMonitoredService,
) -> Result<MonitoredService, MonitoringError> {
    actor.require(Permission::ManageMonitors)?;
    let at = control.clock.now();
    let id = MonitoredServiceId::mint(&*control.clock, &*control.entropy);
    let service = MonitoredService::create(id, new, at)?;
    let mut work = control.store.begin(Access::Write).await?;
    work.monitored_services().insert(&service).await?;
    let entry = Entry::of_monitored_service("monitored_service.created", id)
        .made(&shown::monitored_service(&service));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(service)
}
