//! Where outbound calls may go, by the settings.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use promptgate_control::{DestinationGuard, DestinationRefused};
use promptgate_kernel::OsEntropy;
use promptgate_settings::Settings;
use promptgate_upstream_http::{
    AddressGuard, AllowedHosts, NameServer, Reach, Refused, Resolve, SystemResolver,
};
use tokio::time::timeout;

/// Whoever fills in a form waits no longer for a name server.
const PATIENCE: Duration = Duration::from_secs(1);

/// The guard of calls that reach so far.
pub(crate) fn guard(settings: &Settings, reach: Reach) -> anyhow::Result<AddressGuard> {
    let outbound = settings.outbound()?;
    let allowed = AllowedHosts::parse(outbound.allowed_hosts.iter().map(String::as_str))
        .context("PROMPTGATE_SSRF_ALLOWED_HOSTS")?;
    let resolver: Arc<dyn Resolve> = match outbound.dns_server {
        Some(server) => Arc::new(NameServer::new(server, Arc::new(OsEntropy))),
        None => Arc::new(SystemResolver),
    };
    Ok(AddressGuard::new(reach, allowed, resolver))
}

/// The view that forms have of the guard.
pub(crate) struct FormGuard(AddressGuard);

impl FormGuard {
    pub(crate) fn new(settings: &Settings) -> anyhow::Result<Self> {
        guard(settings, Reach::Public).map(Self)
    }
}

#[async_trait]
impl DestinationGuard for FormGuard {
    async fn check(&self, url: &str) -> Result<(), DestinationRefused> {
        match timeout(PATIENCE, self.0.check(url)).await {
            Ok(Err(refused @ Refused::Address { .. })) => Err(DestinationRefused(refused.to_string())),
            // What a URL is, the form knows; a host that is not there yet is looked for at each call.
            Ok(Err(Refused::NoHttp(_) | Refused::Unresolved { .. }) | Ok(())) | Err(_) => Ok(()),
        }
    }
}
