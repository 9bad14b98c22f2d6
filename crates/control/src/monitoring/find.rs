//! Looking up one monitored service.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::MonitoredServiceId;
use promptgate_monitoring::MonitoredService;
use promptgate_store::Access;
use tracing::instrument;

use super::MonitoringError;
use crate::Control;

/// The monitored service with this id.
#[instrument(name = "control.monitoring.find", skip_all, fields(monitored_service.id = %id))]
pub async fn find(
    control: &Control,
    actor: Actor,
    id: MonitoredServiceId,
) -> Result<MonitoredService, MonitoringError> {
    actor.require(Permission::ManageMonitors)?;
    let mut work = control.store.begin(Access::Read).await?;
    work.monitored_services().find(id).await?.ok_or(MonitoringError::NotFound(id))
}
