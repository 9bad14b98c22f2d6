//! The versions of an endpoint: list, look at one, compare two, restore one.

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::{Endpoint, EndpointVersion, FieldChange};
use promptgate_kernel::{Page, PageRequest};
use promptgate_store::{Access, Change, UnitOfWork};
use tracing::instrument;

use super::catalogue::Known;
use super::{EndpointAddress, EndpointError, load};
use crate::Control;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// Which versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// The older one; `None` means the one before the other.
    pub from: Option<u32>,
    /// The newer one; `None` means the newest.
    pub to: Option<u32>,
}

/// What differs between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences {
    /// The number of the one.
    pub from: u32,
    /// The number of the other.
    pub to: u32,
    /// The fields that differ.
    pub changes: Vec<FieldChange>,
}

/// One page of an endpoint's versions, newest first.
#[instrument(name = "control.endpoints.versions", skip_all, fields(endpoint.id = %address.id))]
pub async fn versions(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
    page: PageRequest,
) -> Result<Page<EndpointVersion>, EndpointError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ReadProject)?;
    load(&mut *work, address).await?;
    Ok(work.endpoints().versions(address.id, page).await?)
}

/// One version of an endpoint.
#[instrument(name = "control.endpoints.version", skip_all, fields(endpoint.id = %address.id))]
pub async fn version(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
    number: u32,
) -> Result<EndpointVersion, EndpointError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ReadProject)?;
    load(&mut *work, address).await?;
    numbered(&mut *work, address, number).await
}

/// What differs between two versions; for the first one, all that it set.
#[instrument(name = "control.endpoints.diff", skip_all, fields(endpoint.id = %address.id))]
pub async fn diff(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
    range: Range,
) -> Result<Differences, EndpointError> {
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ReadProject)?;
    let endpoint = load(&mut *work, address).await?;
    let to = range.to.unwrap_or(endpoint.latest_version);
    let newer = numbered(&mut *work, address, to).await?;
    let older = match range.from.unwrap_or(to.saturating_sub(1)) {
        // Nothing was there before the first one.
        0 if range.from.is_none() => {
            EndpointVersion { number: 0, snapshot: serde_json::Map::new(), ..newer.clone() }
        }
        from => numbered(&mut *work, address, from).await?,
    };
    Ok(Differences { from: older.number, to, changes: older.diff(&newer) })
}

/// Makes the configuration of an older version the present one, as a new version.
#[instrument(name = "control.endpoints.restore", skip_all, fields(endpoint.id = %address.id))]
pub async fn restore(
    control: &Control,
    actor: Actor,
    address: EndpointAddress,
    number: u32,
) -> Result<Endpoint, EndpointError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, address.project)
        .await?
        .require_in(address.project, Permission::ManageEndpoints)?;
    let endpoint = load(&mut *work, address).await?;
    let version = numbered(&mut *work, address, number).await?;
    let known = Known::load_for(&mut *work, &endpoint).await?;
    let was = shown::endpoint(&endpoint);
    let saved = endpoint.restore(&version, &known, None, at)?;
    let entry = Entry::of_endpoint("endpoint.version.restore", &saved.endpoint)
        .detail("sourceVersion", number.to_string())
        .detail("version", saved.version.number.to_string())
        .between(&was, &shown::endpoint(&saved.endpoint));
    super::update::write(&mut *work, &saved).await?;
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Endpoint(address.id), at).await?;
    control.commit(work, revision).await?;
    Ok(saved.endpoint)
}

async fn numbered(
    work: &mut dyn UnitOfWork,
    address: EndpointAddress,
    number: u32,
) -> Result<EndpointVersion, EndpointError> {
    let version = work.endpoints().version(address.id, number).await?;
    version.ok_or(EndpointError::UnknownVersion(number))
}
