//! Changing the definition of a server.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::McpServerId;
use promptgate_mcp::McpServerChanges;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{DescribedServer, McpServerError};
use crate::Control;
use crate::destination;
use crate::journal::{Entry, named, update_action};
use crate::shown;

const ACTIONS: [&str; 3] = ["mcp_server.updated", "mcp_server.activated", "mcp_server.deactivated"];

/// Applies changes to a server. Changes that name nothing are not recorded.
#[instrument(name = "control.mcp_servers.update", skip_all, fields(mcp_server.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: McpServerId,
    changes: McpServerChanges,
) -> Result<DescribedServer, McpServerError> {
    actor.require(Permission::ManageMcpServers)?;
    let at = control.clock.now();
    let fields = named([
        ("name", changes.name.is_some()),
        ("displayName", changes.display_name.is_some()),
        ("url", changes.url.is_some()),
        ("headers", changes.headers.is_some()),
        ("allowPattern", changes.allow_pattern.is_some()),
        ("denyPattern", changes.deny_pattern.is_some()),
        ("enabled", changes.enabled.is_some()),
    ]);
    let action = update_action(&fields, "enabled", changes.enabled, ACTIONS);
    destination::check(control.destinations.as_ref(), changes.url.as_deref()).await?;
    let mut work = control.store.begin(Access::Write).await?;
    let server = work.mcp_servers().find(id).await?.ok_or(McpServerError::NotFound(id))?;
    if fields.is_empty() {
        return Ok(DescribedServer::new(server, &control.keys));
    }
    let before = shown::mcp_server(&server);
    let server = server.change(changes, &control.keys, &*control.entropy, at)?;
    if !work.mcp_servers().save(&server).await? {
        return Err(McpServerError::Changed(id));
    }
    let entry = Entry::of_mcp_server(action, id)
        .detail("fields", fields)
        .between(&before, &shown::mcp_server(&server));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::McpServer(id), at).await?;
    control.commit(work, revision).await?;
    Ok(DescribedServer::new(server, &control.keys))
}
