//! Looking at guardrails.

use promptgate_auth::{Actor, Permission};
use promptgate_firewall::guardrails::{Holder, Level, Rules};
use promptgate_kernel::{EndpointId, ProjectId};
use promptgate_projects::ProjectType;
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use super::{GuardrailError, Levels, Way, Whose, check};
use crate::Control;
use crate::members::actor_in;

/// What guardrails say on a level, and on those above it.
#[instrument(name = "control.guardrails.find", skip_all)]
pub async fn find(control: &Control, actor: Actor, whose: Whose) -> Result<Levels, GuardrailError> {
    let mut work = control.store.begin(Access::Read).await?;
    check(&mut *work, actor, whose, Permission::ReadProject).await?;
    levels(&mut *work, whose.into()).await
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
    let kind = work.projects().find(project).await?.ok_or(GuardrailError::UnknownProject(project))?.kind;
    if kind != ProjectType::AiGateway {
        return Err(GuardrailError::WrongType(kind));
    }
    let endpoint = work.endpoints().find(id).await?.filter(|endpoint| endpoint.project_id == project);
    endpoint.ok_or(GuardrailError::UnknownEndpoint(id))?;
    levels(&mut *work, Way { project: Some(project), endpoint: Some(id), token: None }).await
}

/// Every level that counts on a way, the topmost first. A token that another one minted goes by the rules
/// of all that it comes from, too.
pub(super) async fn levels(work: &mut dyn UnitOfWork, way: Way) -> Result<Levels, GuardrailError> {
    let mut levels = Vec::new();
    for holder in [Some(Holder::Global), way.project.map(Holder::Project)].into_iter().flatten() {
        levels.push((holder.level(), readable(work, holder).await?));
    }
    if let Some(id) = way.endpoint {
        let endpoint = work.endpoints().find(id).await?.ok_or(GuardrailError::UnknownEndpoint(id))?;
        let rules = Rules::readable(&endpoint.guardrails)
            .map_err(|_| GuardrailError::Unreadable(format!("the endpoint {id}")))?;
        levels.push((Level::Endpoint, rules));
    }
    if let Some(id) = way.token {
        let above = work.tokens().line_above(id).await?;
        for id in above.into_iter().rev().chain([id]) {
            levels.push((Level::Token, readable(work, Holder::Token(id)).await?));
        }
    }
    Ok(Levels { levels })
}

async fn readable(work: &mut dyn UnitOfWork, holder: Holder) -> Result<Rules, GuardrailError> {
    let kept = work.guardrails().find(holder).await?;
    if kept.stored.is_err() { Err(GuardrailError::unreadable(holder)) } else { Ok(kept.rules) }
}
