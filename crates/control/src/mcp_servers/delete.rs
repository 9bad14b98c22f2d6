//! Deleting the definition of a server.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::McpServerId;
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::McpServerError;
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Deletes the definition of a server.
#[instrument(name = "control.mcp_servers.delete", skip_all, fields(mcp_server.id = %id))]
pub async fn delete(control: &Control, actor: Actor, id: McpServerId) -> Result<(), McpServerError> {
    actor.require(Permission::ManageMcpServers)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let server = work.mcp_servers().find(id).await?.ok_or(McpServerError::NotFound(id))?;
    if !work.mcp_servers().remove(id).await? {
        return Err(McpServerError::NotFound(id));
    }
    let entry = Entry::of_mcp_server("mcp_server.deleted", id).gone(&shown::mcp_server(&server));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::McpServer(id), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
