//! Looking at one alias.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{AliasId, ProjectId};
use promptgate_store::Access;
use tracing::instrument;

use super::{AliasError, NamedAlias, load, with_name};
use crate::Control;
use crate::members::actor_in;

/// The alias of a project with this id.
#[instrument(name = "control.aliases.find", skip_all, fields(project.id = %project, alias.id = %id))]
pub async fn find(
    control: &Control,
    actor: Actor,
    project: ProjectId,
    id: AliasId,
) -> Result<NamedAlias, AliasError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ReadProject)?;
    let alias = load(&mut *work, project, id).await?;
    let provider = work.providers().find(alias.provider_id).await?;
    Ok(with_name(alias, provider.as_ref()))
}
