//! Where providers live.

use async_trait::async_trait;
use promptgate_kernel::{Page, PageRequest, ProviderId, RepositoryError, SortDirection};

use crate::{Credential, Provider};

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
