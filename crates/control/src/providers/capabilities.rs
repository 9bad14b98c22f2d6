//! What the capability table says of a provider's models.

use std::sync::Arc;

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::ProviderId;
use promptgate_providers::{Capabilities, Origin, Provider};
use promptgate_store::Access;
use tracing::instrument;

use super::FindProviderError;
use crate::Control;

/// What a model of a provider can do, and who says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Capable {
    /// The provider.
    pub provider: Provider,
    /// What the model can do.
    pub capabilities: Arc<Capabilities>,
    /// The beginning of the model's name that decided; empty for the defaults of the kind.
    pub entry: String,
    /// Where that is from.
    pub origin: Origin,
    /// Whether the provider's own configuration has changed what the table says.
    pub overridden: bool,
}

/// What a model of a provider can do; without a model, what is the default of its kind.
#[instrument(name = "control.providers.capabilities", skip_all, fields(provider.id = %id))]
pub async fn capabilities(
    control: &Control,
    actor: Actor,
    id: ProviderId,
    model: &str,
) -> Result<Capable, FindProviderError> {
    actor.require(Permission::ManageProviders)?;
    let mut work = control.store.begin(Access::Read).await?;
    let provider = work.providers().find(id).await?.ok_or(FindProviderError::NotFound(id))?;
    drop(work);
    let table = &*control.capabilities.load();
    let said = table.of(provider.kind, model);
    // A stored provider was checked, so this fails only for one of another version of the program.
    let own = provider.capabilities(table).ok().map(|models| models.of(model));
    let overridden = own.as_ref().is_some_and(|own| *own != said);
    let (entry, origin) = table.origin(provider.kind, model);
    Ok(Capable {
        capabilities: own.unwrap_or(said),
        entry: entry.to_owned(),
        origin: origin.clone(),
        overridden,
        provider,
    })
}
