//! Emptying the response cache of an endpoint.

use promptgate_auth::{Actor, Permission};
use promptgate_store::Access;
use tracing::instrument;

use super::{EndpointAddress, EndpointError, load};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;

/// Forgets the cached answers of an endpoint; says how many there were. Nothing that runs needs to
/// hear of it, because every hit is looked up where they are kept.
#[instrument(name = "control.endpoints.purge_cache", skip_all, fields(endpoint.id = %address.id))]
pub async fn purge_cache(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
) -> Result<u64, EndpointError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ManageEndpoints)?;
    let endpoint = load(&mut *work, address).await?;
    let removed = work.response_cache().remove_of(address.id).await?;
    let entry = Entry::of_endpoint("endpoint.cache.purged", &endpoint).detail("answers", removed.to_string());
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(removed)
}
