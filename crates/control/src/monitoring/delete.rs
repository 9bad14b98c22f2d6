//! Deleting a monitored service.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::MonitoredServiceId;
use promptgate_store::Access;
use tracing::instrument;

use super::MonitoringError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Deletes a monitored service.
#[instrument(name = "control.monitoring.delete", skip_all, fields(monitored_service.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: MonitoredServiceId) -> Result<(), MonitoringError> {
    actor.require(Permission::ManageMonitors)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let service = work.monitored_services().find(id).await?.ok_or(MonitoringError::NotFound(id))?;
    if !work.monitored_services().remove(id).await? {
        return Err(MonitoringError::NotFound(id));
    }
    let entry = Entry::of_monitored_service("monitored_service.deleted", id)
        .gone(&shown::monitored_service(&service));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(())
}
