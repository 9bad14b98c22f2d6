//! Creating the definition of a server.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::McpServerId;
use promptgate_mcp::{McpServer, NewMcpServer};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{DescribedServer, McpServerError};
use crate::Control;
use crate::destination;
use crate::journal::Entry;
use crate::shown;

/// Seals what is secret about a server and keeps its definition.
#[instrument(name = "control.mcp_servers.create", skip_all)]
pub async fn create(
    control: &Control,
    actor: Actor,
    new: NewMcpServer,
) -> Result<DescribedServer, McpServerError> {
    actor.require(Permission::ManageMcpServers)?;
    let at = control.clock.now();
    let id = McpServerId::mint(&*control.clock, &*control.entropy);
    let server = McpServer::create(id, new, &control.keys, &*control.entropy, at)?;
    destination::check(control.destinations.as_ref(), Some(&server.url)).await?;
    let mut work = control.store.begin(Access::Write).await?;
    work.mcp_servers().insert(&server).await?;
    let entry = Entry::of_mcp_server("mcp_server.created", id).made(&shown::mcp_server(&server));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::McpServer(id), at).await?;
    control.commit(work, revision).await?;
    Ok(DescribedServer::new(server, &control.keys))
}
