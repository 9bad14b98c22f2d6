//! Creating a template.

use std::collections::HashSet;

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{RepositoryError, TemplateId};
use promptgate_providers::{NewTemplate, Template};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use super::{TemplateError, check_references};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Creates a template. A slug that is made from the name gets a number where it is taken.
#[instrument(name = "control.templates.create", skip_all, fields(provider.id = %new.provider_id))]
pub async fn create(
    control: &Control,
    actor: Actor,
    mut new: NewTemplate,
) -> Result<Template, TemplateError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    if new.slug.is_none() {
        new.slug = Some(free_slug(&mut *work, &new.name).await?);
    }
    let template = Template::create(TemplateId::mint(&*control.clock, &*control.entropy), new, at)?;
    check_references(&mut *work, &template).await?;
    work.templates().insert(&template).await?;
    let entry = Entry::of_template("provider_template.created", template.id)
        .detail("providerId", template.provider_id.to_string())
        .made(&shown::template(&template));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Template(template.id), at).await?;
    control.commit(work, revision).await?;
    Ok(template)
}

/// The slug of a name, or the first numbered one that is free.
async fn free_slug(work: &mut dyn UnitOfWork, name: &str) -> Result<String, RepositoryError> {
    let wanted = Template::slug_of(name);
    let taken: HashSet<String> =
        work.templates().list_all().await?.into_iter().map(|template| template.slug).collect();
    let mut slug = wanted.clone();
    let mut number = 1;
    while taken.contains(&slug) {
        number += 1;
        slug = format!("{wanted}-{number}");
    }
    Ok(slug)
}
