//! Where definitions of MCP servers live.

use async_trait::async_trait;
use promptgate_kernel::{McpServerId, Page, PageRequest, RepositoryError, SortDirection};

use crate::McpServer;

/// In which order servers are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct McpServerFilter {
    /// What they are sorted by; equal ones by id.
    pub sort: McpServerSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What servers can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum McpServerSort {
    /// Their name.
    #[default]
    Name,
    /// Their name for people.
    DisplayName,
    /// Where they are.
    Url,
    /// How many headers they have.
    Headers,
    /// Their patterns, the one that allows before the one that denies.
    Filters,
    /// Whether they are used.
    Enabled,
    /// When they were created.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
}

/// Where definitions of MCP servers live. Behaviour every adapter must show:
/// `store::contract::mcp_servers`.
#[async_trait]
pub trait McpServerRepository: Send {
    /// The server with this id.
    async fn find(&mut self, id: McpServerId) -> Result<Option<McpServer>, RepositoryError>;

    /// Stores a new server. A second one of the same name is a conflict on `mcp_servers_name_key`.
    async fn insert(&mut self, server: &McpServer) -> Result<(), RepositoryError>;

    /// Writes `server` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, server: &McpServer) -> Result<bool, RepositoryError>;

    /// Removes a server; `false` when there was none. Its name is free again.
    async fn remove(&mut self, id: McpServerId) -> Result<bool, RepositoryError>;

    /// One page of servers.
    async fn list(
        &mut self,
        filter: &McpServerFilter,
        page: PageRequest,
    ) -> Result<Page<McpServer>, RepositoryError>;
}
