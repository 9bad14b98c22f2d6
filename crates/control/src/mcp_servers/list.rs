//! Listing servers.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Page, PageRequest};
use promptgate_mcp::McpServerFilter;
use promptgate_store::Access;
use tracing::instrument;

use super::{DescribedServer, McpServerError};
use crate::Control;

/// One page of servers. A secret that cannot be opened is named and hides none of the others.
#[instrument(name = "control.mcp_servers.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &McpServerFilter,
    page: PageRequest,
) -> Result<Page<DescribedServer>, McpServerError> {
    actor.require(Permission::ManageMcpServers)?;
    let mut work = control.store.begin(Access::Read).await?;
    let page = work.mcp_servers().list(filter, page).await?;
    Ok(page.map(|server| DescribedServer::new(server, &control.keys)))
}
