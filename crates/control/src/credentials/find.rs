//! Looking at one credential, and at what depends on it.

use std::collections::HashSet;

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{CredentialId, EndpointId, ProjectId, RepositoryError, TemplateId};
use promptgate_providers::Credential;
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use super::CredentialError;
use crate::Control;

/// A credential, and what depends on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The credential.
    pub credential: Credential,
    /// What depends on it.
    pub used_by: CredentialUsers,
}

/// What depends on a credential, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CredentialUsers {
    /// AI endpoints that name it, or whose template or failover does.
    pub endpoints: Vec<EndpointUse>,
    /// Templates that name it.
    pub templates: Vec<TemplateUse>,
    /// Projects whose calls to the provider use it.
    pub projects: Vec<ProjectUse>,
}

/// An AI endpoint that depends on a credential or a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUse {
    /// Its identity.
    pub id: EndpointId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its name.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    /// Whether it answers.
    pub is_active: bool,
}

/// A template that depends on a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateUse {
    /// Its identity.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
}

/// A project that depends on a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectUse {
    /// Its identity.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
}

impl From<promptgate_endpoints::Endpoint> for EndpointUse {
    fn from(endpoint: promptgate_endpoints::Endpoint) -> Self {
        Self {
            id: endpoint.id,
            project_id: endpoint.project_id,
            name: endpoint.config.name,
            slug: endpoint.config.slug.into(),
            is_active: endpoint.is_active,
        }
    }
}

/// The credential with this id.
#[instrument(name = "control.credentials.find", skip_all, fields(credential.id = %id))]
pub async fn find(control: &Control, actor: Actor, id: CredentialId) -> Result<Described, CredentialError> {
    actor.require(Permission::ManageProviders)?;
    let mut work = control.store.begin(Access::Read).await?;
    let credential = work.credentials().find(id).await?.ok_or(CredentialError::NotFound(id))?;
    let used_by = users(&mut *work, id).await?;
    Ok(Described { credential, used_by })
}

async fn users(work: &mut dyn UnitOfWork, id: CredentialId) -> Result<CredentialUsers, RepositoryError> {
    let named = |credential: Option<CredentialId>| credential == Some(id);
    let templates: Vec<_> = work
        .templates()
        .list_all()
        .await?
        .into_iter()
        .filter(|template| named(template.credential_id))
        .map(|template| TemplateUse { id: template.id, name: template.name })
        .collect();
    let through: HashSet<TemplateId> = templates.iter().map(|template| template.id).collect();
    let endpoints = work
        .endpoints()
        .list_all()
        .await?
        .into_iter()
        .filter(|endpoint| {
            let config = &endpoint.config;
            named(config.credential_id)
                || config.failover.iter().any(|failover| named(failover.credential_id))
                || config.provider_template_id.is_some_and(|template| through.contains(&template))
        })
        .map(EndpointUse::from)
        .collect();
    let settings = work.project_providers().list_all().await?;
    let pinned: HashSet<ProjectId> = settings
        .into_iter()
        .filter(|setting| named(setting.credential_id))
        .map(|setting| setting.project_id)
        .collect();
    let projects = if pinned.is_empty() { Vec::new() } else { work.projects().list_all().await? };
    let projects = projects
        .into_iter()
        .filter(|project| pinned.contains(&project.id))
        .map(|project| ProjectUse { id: project.id, name: project.name.as_str().to_owned() })
        .collect();
    Ok(CredentialUsers { endpoints, templates, projects })
}
