//! Listing monitored services.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Page, PageRequest};
use promptgate_monitoring::{MonitoredService, ServiceFilter};
use promptgate_store::Access;
use tracing::instrument;

use super::MonitoringError;
use crate::Control;

/// One page of monitored services.
#[instrument(name = "control.monitoring.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &ServiceFilter,
    page: PageRequest,
) -> Result<Page<MonitoredService>, MonitoringError> {
    actor.require(Permission::ManageMonitors)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.monitored_services().list(filter, page).await?)
}
