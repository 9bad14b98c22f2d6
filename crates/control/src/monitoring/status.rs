//! What everybody may know about the services.

use promptgate_auth::{Actor, Permission};
use promptgate_monitoring::{Health, MonitoredService};
use promptgate_store::Access;
use tracing::instrument;

use super::MonitoringError;
use crate::Control;

/// How the services are, all together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Degraded as soon as one of them is.
    pub health: Health,
    /// Those that are looked at and are not as expected, by name.
    pub degraded: Vec<MonitoredService>,
}

/// How the services are. Of what is wrong only [`MonitoredService::public_error`] may be shown.
#[instrument(name = "control.monitoring.status", skip_all)]
pub async fn status(control: &Control, actor: Actor) -> Result<Status, MonitoringError> {
    actor.require(Permission::UseOwnAccount)?;
    let mut work = control.store.begin(Access::Read).await?;
    let degraded = work.monitored_services().degraded().await?;
    let health = if degraded.is_empty() { Health::Ok } else { Health::Degraded };
    Ok(Status { health, degraded })
}
