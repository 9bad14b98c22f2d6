//! Looking at one template, and at the endpoints that use it.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::TemplateId;
use promptgate_providers::Template;
use promptgate_store::Access;
use tracing::instrument;

use super::TemplateError;
use crate::Control;
use crate::credentials::EndpointUse;

/// A template, and the endpoints that take provider, model and settings from it.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateUsed {
    /// The template.
    pub template: Template,
    /// The endpoints.
    pub endpoints: Vec<EndpointUse>,
}

/// The template with this id.
#[instrument(name = "control.templates.find", skip_all, fields(template.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: TemplateId) -> Result<TemplateUsed, TemplateError> {
    actor.require(Permission::ManageProviders)?;
    let mut work = control.store.begin(Access::Read).await?;
    let template = work.templates().find(id).await?.ok_or(TemplateError::NotFound(id))?;
    let endpoints = work.endpoints().list_all().await?;
    let endpoints = endpoints
        .into_iter()
        .filter(|endpoint| endpoint.config.provider_template_id == Some(id))
        .map(EndpointUse::from)
        .collect();
    Ok(TemplateUsed { template, endpoints })
}
