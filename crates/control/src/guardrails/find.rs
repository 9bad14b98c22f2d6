//! Looking at guardrails.

use promptgate_auth::{Actor, Permission};
use promptgate_firewall::guardrails::{Holder, Level, Rules};
use promptgate_kernel::{EndpointId, ProjectId, RepositoryError};
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use super::{GuardrailError, Levels, Whose, check};
use crate::Control;
use crate::members::actor_in;

/// What guardrails say on a level, and on those above it.
#[instrument(name = "control.guardrails.find", skip_all)]
pub async fn find(control: &Control, actor: Actor, whose: Whose) -> Result<Levels, GuardrailError> {
    let mut work = control.store.begin(Access::Read).await?;
    check(&mut *work, actor, whose, Permission::ReadProject).await?;
    Ok(levels(&mut *work, whose).await?)
}

/// What guardrails say for an AI endpoint: for everybody, for the project, and on the endpoint itself.
#[instrument(name = "control.guardrails.find_of_endpoint", skip_all, fields(endpoint.id = %id))]
pub async fn find_of_endpoint(
    control: &Control,
    actor: Actor,
    project: ProjectId,
    id: EndpointId,
) -> Result<Levels, GuardrailError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ReadProject)?;
    work.projects().find(project).await?.ok_or(GuardrailError::UnknownProject(project))?;
    let endpoint = work.endpoints().find(id).await?.filter(|endpoint| endpoint.project_id == project);
    let endpoint = endpoint.ok_or(GuardrailError::UnknownEndpoint(id))?;
    let mut levels = levels(&mut *work, Whose::Project(project)).await?;
    levels.levels.push((Level::Endpoint, Rules::readable(&endpoint.guardrails)));
    Ok(levels)
}

pub(super) async fn levels(work: &mut dyn UnitOfWork, whose: Whose) -> Result<Levels, RepositoryError> {
    let mut holders = vec![Holder::Global];
    holders.extend(whose.project().map(Holder::Project));
    if let Whose::Token(_, id) = whose {
        holders.push(Holder::Token(id));
    }
    let mut levels = Vec::new();
    for holder in holders {
        levels.push((holder.level(), work.guardrails().find(holder).await?.rules));
    }
    Ok(Levels { levels })
}
