//! Which AI endpoints a project has.

use promptgate_auth::Permission;
use promptgate_endpoints::Endpoint;
use promptgate_kernel::{EndpointId, RepositoryError};
use promptgate_projects::{Project, ProjectType};
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use super::{Caller, IntrospectionError};
use crate::Control;

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

/// The endpoints of the caller's project, by name; of a project that has no AI endpoints, none.
#[instrument(name = "control.introspection.endpoints", skip_all, fields(project.id = %caller.project.id))]
pub async fn endpoints(
    control: &Control,
    caller: &Caller,
) -> Result<Vec<EndpointSummary>, IntrospectionError> {
    caller.actor().require_in(caller.project.id, Permission::ReadProject)?;
    let mut work = control.store.begin(Access::Read).await?;
    let endpoints = of(&mut *work, &caller.project).await?;
    Ok(endpoints.into_iter().map(EndpointSummary::from).collect())
}

/// Every endpoint of a project, by name.
pub(super) async fn of(
    work: &mut dyn UnitOfWork,
    project: &Project,
) -> Result<Vec<Endpoint>, RepositoryError> {
    if project.kind != ProjectType::AiGateway {
        return Ok(Vec::new());
    }
    let all = work.endpoints().list_all().await?;
    let mut own: Vec<_> = all.into_iter().filter(|endpoint| endpoint.project_id == project.id).collect();
    own.sort_by_cached_key(|endpoint| (endpoint.config.name.to_lowercase(), endpoint.id));
    Ok(own)
}

impl From<Endpoint> for EndpointSummary {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id,
            name: endpoint.config.name,
            slug: endpoint.config.slug.into(),
            is_active: endpoint.is_active,
            expose_as_mcp_tool: endpoint.config.expose_as_mcp_tool,
        }
    }
}
