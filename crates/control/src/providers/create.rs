//! Creating a provider.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{CredentialId, ProviderId, RepositoryError, Revision, Timestamp};
use promptgate_providers::{Credential, InvalidProvider, NewProvider, Provider};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use super::{ApiKey, Configured, NAME_KEY};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// What a provider is created from.
#[derive(Debug, Clone)]
pub struct CreateProvider {
    /// The provider.
    pub provider: NewProvider,
    /// Its key, if it needs one.
    pub api_key: Option<ApiKey>,
}

/// Why a provider is not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateProviderError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidProvider),
    /// Another provider has the name.
    #[error("another provider has this name; choose another one")]
    NameTaken,
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for CreateProviderError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(NAME_KEY) { Self::NameTaken } else { Self::Store(error) }
    }
}

/// Creates a provider, its key sealed.
#[instrument(name = "control.providers.create", skip_all, fields(provider.name = %command.provider.name))]
pub async fn create(
    control: &Control,
    actor: Actor,
    command: CreateProvider,
) -> Result<Configured, CreateProviderError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let id = ProviderId::mint(&*control.clock, &*control.entropy);
    let provider = Provider::create(id, command.provider, at)?;
    let mut work = control.store.begin(Access::Write).await?;
    let revision = record(control, &mut *work, actor, &provider, command.api_key.as_ref(), at).await?;
    control.commit(work, revision).await?;
    Ok(Configured { provider, has_api_key: command.api_key.is_some() })
}

/// Writes the provider, its sealed key, the audit event and the change.
pub(crate) async fn record(
    control: &Control,
    work: &mut dyn UnitOfWork,
    actor: Actor,
    provider: &Provider,
    api_key: Option<&ApiKey>,
    at: Timestamp,
) -> Result<Revision, RepositoryError> {
    work.providers().insert(provider).await?;
    if let Some(key) = api_key {
        work.credentials().insert(&seal(control, provider.id, key, at)).await?;
    }
    let entry = Entry::of_provider("provider.created", provider.id)
        .made(&shown::provider(provider))
        .detail("type", provider.kind.as_str())
        .detail("hasApiKey", api_key.is_some().to_string());
    control.audit(work, actor, entry, at).await?;
    work.changes().record(Change::Provider(provider.id), at).await
}

pub(super) fn seal(control: &Control, provider: ProviderId, key: &ApiKey, at: Timestamp) -> Credential {
    let id = CredentialId::mint(&*control.clock, &*control.entropy);
    Credential::seal(id, provider, key.secret(), &control.keys, &*control.entropy, at)
}
