//! Changing a monitored service.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::MonitoredServiceId;
use promptgate_monitoring::{MonitoredService, ServiceChanges};
use promptgate_store::Access;
use tracing::instrument;

use super::MonitoringError;
use crate::Control;
use crate::journal::{Entry, named, update_action};
use crate::shown;

const ACTIONS: [&str; 3] =
    ["monitored_service.updated", "monitored_service.activated", "monitored_service.deactivated"];

/// Applies changes to a service; what was found stays. Changes that name nothing are not recorded.
#[instrument(name = "control.monitoring.update", skip_all, fields(monitored_service.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: MonitoredServiceId,
    changes: ServiceChanges,
) -> Result<MonitoredService, MonitoringError> {
    actor.require(Permission::ManageMonitors)?;
    let at = control.clock.now();
    let fields = named([
        ("name", changes.name.is_some()),
        ("displayName", changes.display_name.is_some()),
        ("url", changes.url.is_some()),
        ("expectedStatusCode", changes.expected_status_code.is_some()),
        ("intervalSeconds", changes.interval_seconds.is_some()),
        ("enabled", changes.enabled.is_some()),
    ]);
    let action = update_action(&fields, "enabled", changes.enabled, ACTIONS);
    let mut work = control.store.begin(Access::Write).await?;
    let service = work.monitored_services().find(id).await?.ok_or(MonitoringError::NotFound(id))?;
    if fields.is_empty() {
        return Ok(service);
    }
    let before = shown::monitored_service(&service);
    let service = service.change(changes, at)?;
    if !work.monitored_services().save(&service).await? {
        return Err(MonitoringError::Changed(id));
    }
    let entry = Entry::of_monitored_service(action, id)
        .detail("fields", fields)
        .between(&before, &shown::monitored_service(&service));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(service)
}
