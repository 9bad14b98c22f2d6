//! Creating an alias.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::AliasId;
use promptgate_providers::{Alias, NewAlias};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{AliasError, NamedAlias, check_project, provider, with_name};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// Creates an alias.
#[instrument(name = "control.aliases.create", skip_all, fields(project.id = %new.project_id))]
pub async fn create(control: &Control, actor: Actor, new: NewAlias) -> Result<NamedAlias, AliasError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, new.project_id)
        .await?
        .require_in(new.project_id, Permission::ManageEndpoints)?;
    check_project(&mut *work, new.project_id).await?;
    let alias = Alias::create(AliasId::mint(&*control.clock, &*control.entropy), new, at)?;
    let provider = provider(&mut *work, alias.provider_id).await?;
    work.aliases().insert(&alias).await?;
    let entry = Entry::of_alias("alias.created", &alias)
        .detail("providerId", alias.provider_id.to_string())
        .made(&shown::alias(&alias));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Project(alias.project_id), at).await?;
    control.commit(work, revision).await?;
    Ok(with_name(alias, Some(&provider)))
}
