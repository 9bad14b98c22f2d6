//! What is switched on and off for the whole installation.

use promptgate_auth::{Actor, Forbidden, Permission, Switch};
use promptgate_kernel::RepositoryError;
use promptgate_store::Access;
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// What is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// The management routes of projects' tokens.
    pub management_api: bool,
    /// The MCP server that manages the installation.
    pub mcp_control_plane: bool,
}

/// What is to be switched; `None` leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SwitchChanges {
    /// The management routes of projects' tokens.
    pub management_api: Option<bool>,
    /// The MCP server that manages the installation.
    pub mcp_control_plane: Option<bool>,
}

/// Why switches are not shown or moved.
#[derive(Debug, thiserror::Error)]
pub enum SwitchesError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Whether something is on; asked by what it switches, so nobody has to be allowed.
pub async fn is_on(control: &Control, switch: Switch) -> Result<bool, RepositoryError> {
    control.store.begin(Access::Read).await?.switches().is_on(switch).await
}

/// What is switched on.
#[instrument(name = "control.switches.find", skip_all)]
pub async fn find(control: &Control, actor: Actor) -> Result<Switches, SwitchesError> {
    actor.require(Permission::ManageSettings)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(Switches {
        management_api: work.switches().is_on(Switch::ManagementApi).await?,
        mcp_control_plane: work.switches().is_on(Switch::McpControlPlane).await?,
    })
}

/// Switches things on and off. What is so already is not recorded.
#[instrument(name = "control.switches.change", skip_all)]
pub async fn change(
    control: &Control,
    actor: Actor,
    changes: SwitchChanges,
) -> Result<Switches, SwitchesError> {
    actor.require(Permission::ManageSettings)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    for (switch, wanted, action) in [
        (Switch::ManagementApi, changes.management_api, "settings.management.api"),
        (Switch::McpControlPlane, changes.mcp_control_plane, "settings.management.mcp"),
    ] {
        let Some(on) = wanted else { continue };
        if work.switches().is_on(switch).await? == on {
            continue;
        }
        work.switches().set(switch, on).await?;
        let entry = Entry::of_switch(action, switch.as_str())
            .detail("on", on.to_string())
            .between(&shown::switch(!on), &shown::switch(on));
        control.audit(&mut *work, actor, entry, at).await?;
    }
    work.commit().await?;
    find(control, actor).await
}
