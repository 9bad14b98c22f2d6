//! What an operator switches on and off for the whole installation.

use async_trait::async_trait;
use promptgate_kernel::RepositoryError;

/// A part of the installation that can be switched off. All are off unless somebody switched them on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Switch {
    /// The management routes of projects' tokens.
    ManagementApi,
    /// The MCP server that manages the installation.
    McpControlPlane,
}

impl Switch {
    /// Every switch.
    pub const ALL: [Self; 2] = [Self::ManagementApi, Self::McpControlPlane];

    /// Its name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ManagementApi => "management_api",
            Self::McpControlPlane => "mcp_control_plane",
        }
    }
}

/// Where switches live. Behaviour every adapter must show: `store::contract::switches`.
#[async_trait]
pub trait SwitchRepository: Send {
    /// Whether it is on.
    async fn is_on(&mut self, switch: Switch) -> Result<bool, RepositoryError>;

    /// Switches it on or off.
    async fn set(&mut self, switch: Switch, on: bool) -> Result<(), RepositoryError>;
}
