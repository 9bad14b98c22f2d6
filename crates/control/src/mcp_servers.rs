//! Definitions of MCP servers: create, find, list, change and delete them.

mod create;
mod delete;
mod find;
mod list;
mod update;

use promptgate_auth::Forbidden;
use promptgate_kernel::{KeyRing, McpServerId, RepositoryError};
use promptgate_mcp::{InvalidMcpServer, McpServer};

use crate::destination::DestinationRefused;

pub use create::create;
pub use delete::delete;
pub use find::find;
pub use list::list;
pub use update::update;

/// The constraint that keeps two servers from having one name.
const NAME_KEY: &str = "mcp_servers_name_key";

/// Why nothing was done about a server.
#[derive(Debug, thiserror::Error)]
pub enum McpServerError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no MCP server {0}")]
    NotFound(McpServerId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidMcpServer),
    /// Its address leads where calls may not go.
    #[error(transparent)]
    Destination(#[from] DestinationRefused),
    /// Another server has the name.
    #[error("another MCP server has this name")]
    NameTaken,
    /// Somebody else changed it at the same time; look at it again.
    #[error("the MCP server {0} was changed by somebody else")]
    Changed(McpServerId),
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for McpServerError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(NAME_KEY) { Self::NameTaken } else { Self::Store(error) }
    }
}

/// A server, and which of its secrets are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedServer {
    /// The server.
    pub server: McpServer,
    /// The names of headers whose value cannot be opened with the keys that are configured.
    pub unreadable: Vec<String>,
}

impl DescribedServer {
    fn new(server: McpServer, keys: &KeyRing) -> Self {
        let lost = server.headers.iter().filter(|header| header.open(server.id, keys).is_err());
        let unreadable = lost.map(|header| header.name.clone()).collect();
        Self { server, unreadable }
    }
}
