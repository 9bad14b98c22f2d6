//! Listing the aliases of a project.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Page, PageRequest, ProjectId, SortDirection};
use promptgate_store::Access;
use tracing::instrument;

use super::{AliasError, NamedAlias, check_project, with_name};
use crate::Control;
use crate::members::actor_in;

/// One page of a project's aliases, by name.
#[instrument(name = "control.aliases.list", skip_all, fields(project.id = %project))]
pub async fn list(
    control: &Control,
    actor: Actor,
    project: ProjectId,
    direction: SortDirection,
    page: PageRequest,
) -> Result<Page<NamedAlias>, AliasError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ReadProject)?;
    check_project(&mut *work, project).await?;
    let page = work.aliases().list(project, direction, page).await?;
    let providers = work.providers().list_all().await?;
    Ok(page.map(|alias| {
        let provider = providers.iter().find(|provider| provider.id == alias.provider_id);
        with_name(alias, provider)
    }))
}
