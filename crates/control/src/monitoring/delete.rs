//! Deleting a monitored service.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::MonitoredServiceId;
use promptgate_store::Access;
use tracing::instrument;

use super::MonitoringError;
use crate::Control;
use crate::journal::Entry;

/// Deletes a monitored service.
#[instrument(name = "control.monitoring.delete", skip_all, fields(monitored_service.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: MonitoredServiceId) -> Result<(), MonitoringError> {
    actor.require(Permission::ManageMonitors)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    if !work.monitored_services().remove(id).await? {
        return Err(MonitoringError::NotFound(id));
    }
    let entry = Entry::of_monitored_service("monitored_service.deleted", id);
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(())
}
