//! Which AI endpoints a project has.

use promptgate_auth::Permission;
use promptgate_kernel::EndpointId;

use super::{Caller, IntrospectionError};

/// An AI endpoint, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSummary {
    /// Its identity.
    pub id: EndpointId,
    /// Its name.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    /// Whether it answers.
    pub is_active: bool,
    /// Whether MCP clients see it as a tool.
    pub expose_as_mcp_tool: bool,
}

/// The endpoints of the caller's project. AI endpoints are not part of this version: no project
/// has any, whatever its type.
pub fn endpoints(caller: &Caller) -> Result<Vec<EndpointSummary>, IntrospectionError> {
    caller.actor().require(Permission::ReadProject(caller.project.id))?;
    Ok(Vec::new())
}
