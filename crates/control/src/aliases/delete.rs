//! Deleting an alias.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{AliasId, ProjectId};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{AliasError, load};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// Deletes an alias; its name is free again.
#[instrument(name = "control.aliases.delete", skip_all, fields(project.id = %project, alias.id = %id))]
pub async fn delete(
    control: &Control,
    actor: Actor,
    project: ProjectId,
    id: AliasId,
) -> Result<(), AliasError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ManageEndpoints)?;
    let alias = load(&mut *work, project, id).await?;
    work.aliases().remove(id).await?;
    let entry = Entry::of_alias("alias.deleted", &alias).gone(&shown::alias(&alias));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Project(project), at).await?;
    control.commit(work, revision).await?;
    Ok(())
}
