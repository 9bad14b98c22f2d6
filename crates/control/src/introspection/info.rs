//! What a project is.

use promptgate_auth::Permission;
use promptgate_kernel::PageRequest;
use promptgate_projects::Project;
use promptgate_store::Access;
use tracing::instrument;

use super::tokens::filter;
use super::{Caller, IntrospectionError};
use crate::Control;

/// A project, and how much there is of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectInfo {
    /// The project.
    pub project: Project,
    /// How many AI endpoints it has.
    pub endpoints_count: u64,
    /// How many tokens it has, inactive and revoked ones too.
    pub tokens_count: u64,
}

/// The caller's project.
#[instrument(name = "control.introspection.info", skip_all, fields(project.id = %caller.project.id))]
pub async fn info(control: &Control, caller: &Caller) -> Result<ProjectInfo, IntrospectionError> {
    caller.actor().require_in(caller.project.id, Permission::ReadProject)?;
    let mut work = control.store.begin(Access::Read).await?;
    let tokens = work.tokens().list(&filter(caller.project.id), PageRequest::clamped(1, 1)).await?;
    let endpoints_count = super::endpoints::of(&mut *work, &caller.project).await?.len() as u64;
    Ok(ProjectInfo { project: caller.project.clone(), endpoints_count, tokens_count: tokens.total })
}
