//! Creating a template.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::TemplateId;
use promptgate_providers::{NewTemplate, Template};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{TemplateError, check_references};
use crate::Control;
use crate::journal::Entry;

/// Creates a template.
#[instrument(name = "control.templates.create", skip_all, fields(provider.id = %new.provider_id))]
pub async fn create(control: &Control, actor: Actor, new: NewTemplate) -> Result<Template, TemplateError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let template = Template::create(TemplateId::mint(&*control.clock, &*control.entropy), new, at)?;
    let mut work = control.store.begin(Access::Write).await?;
    check_references(&mut *work, &template).await?;
    work.templates().insert(&template).await?;
    let entry = Entry::of_template("provider_template.created", template.id)
        .detail("providerId", template.provider_id.to_string());
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Template(template.id), at).await?;
    control.commit(work, revision).await?;
    Ok(template)
}
