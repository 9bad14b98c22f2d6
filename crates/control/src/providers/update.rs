//! Changing a provider.

use std::time::Duration;

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{EndpointId, ProviderId, RepositoryError, Timestamp};
use promptgate_providers::{CredentialChanges, InvalidCredential, InvalidProvider, ProviderChanges};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use super::create::seal;
use super::{ApiKey, Configured, configured};
use crate::Control;
use crate::endpoints::{EndpointError, forget_credential};
use crate::journal::{Entry, named, update_action};
use crate::shown;

const ACTIONS: [&str; 3] = ["provider.updated", "provider.enabled", "provider.disabled"];

/// What is to happen to the key.
#[derive(Debug, Clone, Default)]
pub enum KeyChange {
    /// It stays, if there is one.
    #[default]
    Keep,
    /// The oldest credential is forgotten.
    Clear,
    /// Another takes the place of the oldest credential, or is the first one.
    Replace(ApiKey),
}

/// What is to change about a provider.
#[derive(Debug, Clone, Default)]
pub struct UpdateProvider {
    /// Everything but the key.
    pub provider: ProviderChanges,
    /// The key.
    pub api_key: KeyChange,
}

/// Why a provider is not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateProviderError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no provider {0}")]
    NotFound(ProviderId),
    /// Something about the change is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidProvider),
    /// The key cannot be one.
    #[error(transparent)]
    InvalidKey(#[from] InvalidCredential),
    /// Somebody else changed it at the same time; look at it again.
    #[error("the provider {0} was changed by somebody else")]
    Changed(ProviderId),
    /// Somebody else changed an endpoint that names the key; try again.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Applies changes to a provider and its key. Changes that name nothing are not recorded.
#[instrument(name = "control.providers.update", skip_all, fields(provider.id = %id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    id: ProviderId,
    command: UpdateProvider,
) -> Result<Configured, UpdateProviderError> {
    actor.require(Permission::ManageProviders)?;
    let at = control.clock.now();
    let fields = fields(&command);
    let action = update_action(&fields, "enabled", command.provider.enabled, ACTIONS);
    let mut work = control.store.begin(Access::Write).await?;
    let provider = work.providers().find(id).await?.ok_or(UpdateProviderError::NotFound(id))?;
    if fields.is_empty() {
        return Ok(configured(&mut *work, provider).await?);
    }
    let before = shown::provider(&provider);
    let provider = provider.change(command.provider, at)?;
    let after = shown::provider(&provider);
    if !work.providers().save(&provider).await? {
        return Err(UpdateProviderError::Changed(id));
    }
    let endpoints = change_key(control, &mut *work, id, command.api_key, at).await?;
    let configured = configured(&mut *work, provider).await?;
    let entry = Entry::of_provider(action, id).detail("fields", fields).between(&before, &after);
    control.audit(&mut *work, actor, entry, at).await?;
    for endpoint in endpoints {
        work.changes().record(Change::Endpoint(endpoint), at).await?;
    }
    let revision = work.changes().record(Change::Provider(id), at).await?;
    control.commit(work, revision).await?;
    Ok(configured)
}

/// Changes the oldest credential of a provider, which is the one that its `apiKey` stands for; others
/// stay as they are. One that is put in place is used, whatever was said of the one before. Returns the
/// endpoints whose failover lists changed with it.
async fn change_key(
    control: &Control,
    work: &mut dyn UnitOfWork,
    id: ProviderId,
    change: KeyChange,
    at: Timestamp,
) -> Result<Vec<EndpointId>, UpdateProviderError> {
    let mut endpoints = Vec::new();
    let oldest = work.providers().credentials(id).await?.into_iter().next();
    match (change, oldest) {
        (KeyChange::Keep, _) | (KeyChange::Clear, None) => {}
        (KeyChange::Clear, Some(oldest)) => {
            endpoints = forget_credential(work, &oldest, at).await?;
            work.credentials().remove(oldest.id).await?;
        }
        (KeyChange::Replace(key), None) => {
            work.credentials().insert(&seal(control, id, &key, at)).await?;
        }
        (KeyChange::Replace(key), Some(mut oldest)) => {
            if !oldest.active {
                let changes = CredentialChanges { active: Some(true), ..CredentialChanges::default() };
                oldest = oldest.change(changes, at)?;
                if !work.credentials().save(&oldest).await? {
                    return Err(UpdateProviderError::Changed(id));
                }
            }
            let replaced =
                oldest.rotate(key.secret(), Duration::ZERO, &control.keys, &*control.entropy, at)?;
            if !work.credentials().save(&replaced).await? {
                return Err(UpdateProviderError::Changed(id));
            }
        }
    }
    Ok(endpoints)
}

fn fields(command: &UpdateProvider) -> String {
    let changes = &command.provider;
    named([
        ("displayName", changes.display_name.is_some()),
        ("type", changes.kind.is_some()),
        ("baseUrl", changes.base_url.is_some()),
        ("models", changes.models.is_some()),
        ("config", changes.config.is_some()),
        ("enabled", changes.enabled.is_some()),
        ("apiKey", !matches!(command.api_key, KeyChange::Keep)),
    ])
}
