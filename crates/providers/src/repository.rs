//! Where providers live.

use async_trait::async_trait;
use promptgate_kernel::{
    AliasId, CredentialId, Page, PageRequest, ProjectId, ProviderId, RepositoryError, SortDirection,
    TemplateId,
};

use crate::{Alias, Credential, ProjectProvider, Provider, Template};

/// In which order providers are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProviderFilter {
    /// What they are sorted by; equal ones by id.
    pub sort: ProviderSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What providers can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProviderSort {
    /// Their name.
    #[default]
    Name,
    /// Their name for people.
    DisplayName,
    /// Their kind.
    Kind,
    /// Whether a credential is stored.
    HasApiKey,
    /// Whether they answer.
    Enabled,
    /// When they were created.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
}

/// Where providers and their credentials live. Behaviour every adapter must show:
/// `store::contract::providers`.
#[async_trait]
pub trait ProviderRepository: Send {
    /// The provider with this id.
    async fn find(&mut self, id: ProviderId) -> Result<Option<Provider>, RepositoryError>;

    /// Stores a new provider. A second one of the same name is a conflict on `providers_name_key`.
    async fn insert(&mut self, provider: &Provider) -> Result<(), RepositoryError>;

    /// Writes `provider` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, provider: &Provider) -> Result<bool, RepositoryError>;

    /// Removes a provider and its credentials; `false` when there was none. Its name is free again.
    async fn remove(&mut self, id: ProviderId) -> Result<bool, RepositoryError>;

    /// One page of providers.
    async fn list(
        &mut self,
        filter: &ProviderFilter,
        page: PageRequest,
    ) -> Result<Page<Provider>, RepositoryError>;

    /// Every provider, by name.
    async fn list_all(&mut self) -> Result<Vec<Provider>, RepositoryError>;

    /// The credentials of a provider, oldest first.
    async fn credentials(&mut self, provider: ProviderId) -> Result<Vec<Credential>, RepositoryError>;

    /// Every credential, by provider, oldest first.
    async fn all_credentials(&mut self) -> Result<Vec<Credential>, RepositoryError>;

    /// Replaces all credentials of a provider.
    async fn set_credentials(
        &mut self,
        provider: ProviderId,
        credentials: &[Credential],
    ) -> Result<(), RepositoryError>;
}

/// Which credentials are wanted, and in which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CredentialFilter {
    /// Only those of this provider.
    pub provider: Option<ProviderId>,
    /// Only those that are used, or only those that are not.
    pub active: Option<bool>,
    /// What they are sorted by; equal ones by id.
    pub sort: CredentialSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What credentials can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CredentialSort {
    /// Their name.
    #[default]
    Name,
    /// The name of their provider.
    Provider,
    /// Whether they are used.
    Active,
    /// When they were created.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
}

/// How much depends on a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CredentialUses {
    /// AI endpoints that name it themselves.
    pub endpoints: u64,
    /// Templates that name it.
    pub templates: u64,
    /// Projects whose calls to the provider use it.
    pub projects: u64,
}

/// A credential of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCredential {
    /// The credential.
    pub credential: Credential,
    /// What depends on it.
    pub used_by: CredentialUses,
}

/// Where credentials live, one by one. Behaviour every adapter must show:
/// `store::contract::credentials`.
#[async_trait]
pub trait CredentialRepository: Send {
    /// The credential with this id.
    async fn find(&mut self, id: CredentialId) -> Result<Option<Credential>, RepositoryError>;

    /// What depends on a credential.
    async fn uses(&mut self, id: CredentialId) -> Result<CredentialUses, RepositoryError>;

    /// Stores a new credential.
    async fn insert(&mut self, credential: &Credential) -> Result<(), RepositoryError>;

    /// Writes `credential` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, credential: &Credential) -> Result<bool, RepositoryError>;

    /// Removes a credential; `false` when there was none. Whatever named it names none from then on.
    async fn remove(&mut self, id: CredentialId) -> Result<bool, RepositoryError>;

    /// One page of credentials.
    async fn list(
        &mut self,
        filter: &CredentialFilter,
        page: PageRequest,
    ) -> Result<Page<ListedCredential>, RepositoryError>;
}

/// Which templates are wanted, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateFilter {
    /// Only templates whose name contains this text, whatever its case; no wildcards.
    pub search: Option<String>,
    /// Only those of this provider.
    pub provider: Option<ProviderId>,
    /// Only those that may be used, or only those that may not.
    pub active: Option<bool>,
    /// What they are sorted by; equal ones by id.
    pub sort: TemplateSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What templates can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TemplateSort {
    /// Their name.
    #[default]
    Name,
    /// Their slug.
    Slug,
    /// When they were created.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
}

/// Where templates live. Behaviour every adapter must show: `store::contract::templates`.
#[async_trait]
pub trait TemplateRepository: Send {
    /// The template with this id.
    async fn find(&mut self, id: TemplateId) -> Result<Option<Template>, RepositoryError>;

    /// Stores a new template. A second one of the same slug is a conflict on `templates_slug_key`.
    async fn insert(&mut self, template: &Template) -> Result<(), RepositoryError>;

    /// Writes `template` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, template: &Template) -> Result<bool, RepositoryError>;

    /// Removes a template; `false` when there was none. Endpoints that named it name none from then
    /// on.
    async fn remove(&mut self, id: TemplateId) -> Result<bool, RepositoryError>;

    /// One page of templates.
    async fn list(
        &mut self,
        filter: &TemplateFilter,
        page: PageRequest,
    ) -> Result<Page<Template>, RepositoryError>;

    /// Every template, by id.
    async fn list_all(&mut self) -> Result<Vec<Template>, RepositoryError>;
}

/// Where aliases live. Behaviour every adapter must show: `store::contract::aliases`.
#[async_trait]
pub trait AliasRepository: Send {
    /// The alias with this id.
    async fn find(&mut self, id: AliasId) -> Result<Option<Alias>, RepositoryError>;

    /// Stores a new alias. A second one of the same name in a project is a conflict on
    /// `aliases_project_id_name_key`.
    async fn insert(&mut self, alias: &Alias) -> Result<(), RepositoryError>;

    /// Writes `alias` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, alias: &Alias) -> Result<bool, RepositoryError>;

    /// Removes an alias; `false` when there was none.
    async fn remove(&mut self, id: AliasId) -> Result<bool, RepositoryError>;

    /// One page of a project's aliases, by name.
    async fn list(
        &mut self,
        project: ProjectId,
        direction: SortDirection,
        page: PageRequest,
    ) -> Result<Page<Alias>, RepositoryError>;

    /// Every alias, by project and name.
    async fn list_all(&mut self) -> Result<Vec<Alias>, RepositoryError>;
}

/// Where the projects' settings of providers live. Behaviour every adapter must show:
/// `store::contract::project_providers`.
#[async_trait]
pub trait ProjectProviderRepository: Send {
    /// The settings of one project, by provider; providers without any are not among them.
    async fn list(&mut self, project: ProjectId) -> Result<Vec<ProjectProvider>, RepositoryError>;

    /// Every setting, by project and provider.
    async fn list_all(&mut self) -> Result<Vec<ProjectProvider>, RepositoryError>;

    /// Stores a setting, in place of the one that may be there.
    async fn save(&mut self, setting: &ProjectProvider) -> Result<(), RepositoryError>;

    /// Removes a setting, so that the defaults count; `false` when there was none.
    async fn remove(&mut self, project: ProjectId, provider: ProviderId) -> Result<bool, RepositoryError>;
}
