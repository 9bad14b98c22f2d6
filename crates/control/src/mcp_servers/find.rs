//! Looking at one server.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::McpServerId;
use promptgate_store::Access;
use tracing::instrument;

use super::{DescribedServer, McpServerError};
use crate::Control;

/// The server with this id.
#[instrument(name = "control.mcp_servers.find", skip_all, fields(mcp_server.id = %id))]
pub async fn find(
    control: &Control,
    actor: Actor,
    id: McpServerId,
) -> Result<DescribedServer, McpServerError> {
    actor.require(Permission::ManageMcpServers)?;
    let mut work = control.store.begin(Access::Read).await?;
    let server = work.mcp_servers().find(id).await?.ok_or(McpServerError::NotFound(id))?;
    Ok(DescribedServer::new(server, &control.keys))
}
