//! Listing templates.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Page, PageRequest};
use promptgate_providers::{Template, TemplateFilter};
use promptgate_store::Access;
use tracing::instrument;

use super::TemplateError;
use crate::Control;

/// One page of templates.
#[instrument(name = "control.templates.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &TemplateFilter,
    page: PageRequest,
) -> Result<Page<Template>, TemplateError> {
    actor.require(Permission::ManageProviders)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.templates().list(filter, page).await?)
}
