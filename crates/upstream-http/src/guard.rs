//! Where calls may go: the address is checked that a connection is made to.

mod address;
mod allowed;
mod dns;
mod name_server;
mod resolve;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;
use url::{Host, Url};

pub use address::AddressKind;
pub use allowed::{AllowedHosts, InvalidAllowedHost};
pub use name_server::NameServer;
pub use resolve::{Resolve, SystemResolver};

/// How far calls may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Wherever an administrator of the installation says, this machine and private networks too, but not
    /// to where machines are told their own secrets.
    Trusted,
    /// Only where everybody could: for addresses that come from a form or a project.
    Public,
}

/// Says where calls may go.
///
/// A name is resolved once for each connection. All addresses that it leads to are looked at, one that may
/// not be called refuses all, and the connection is made to one of those that were looked at, so that a
/// second answer of a name server changes nothing.
#[derive(Clone)]
pub struct AddressGuard {
    reach: Reach,
    allowed: Arc<AllowedHosts>,
    resolver: Arc<dyn Resolve>,
}

/// Why a call is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no address of the web.
    #[error("`{0}` is no http or https address with a host")]
    NoHttp(String),
    /// The host is, or leads to, an address that may not be called.
    #[error(
        "the host `{host}` is at {address}, which is {kind}; an operator can list the host or the address in \
         PROMPTGATE_SSRF_ALLOWED_HOSTS"
    )]
    Address {
        /// The host, as it was written.
        host: String,
        /// The first address that may not be called.
        address: IpAddr,
        /// What kind of address that is.
        kind: AddressKind,
    },
    /// Nobody knows where the host is.
    #[error("the host `{host}` cannot be resolved: {reason}")]
    Unresolved {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
}

impl Default for AddressGuard {
    /// What calls to configured providers go through.
    fn default() -> Self {
        Self::new(Reach::Trusted, AllowedHosts::default(), Arc::new(SystemResolver))
    }
}

impl fmt::Debug for AddressGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressGuard").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl AddressGuard {
    /// A guard that asks `resolver` for names.
    pub fn new(reach: Reach, allowed: AllowedHosts, resolver: Arc<dyn Resolve>) -> Self {
        Self { reach, allowed: Arc::new(allowed), resolver }
    }

    /// Whether a URL may be called now. The answer may be another one later; who calls asks again, by
    /// calling.
    pub async fn check(&self, url: &str) -> Result<(), Refused> {
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let no_http = || Refused::NoHttp(url.chars().take(200).collect());
        let address = match parsed.as_ref().and_then(Url::host).ok_or_else(no_http)? {
            Host::Domain(name) => return self.addresses(name).await.map(|_| ()),
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
        };
        self.check_address(&address.to_string(), address)
    }

    /// Whether the host of a call, if it is an address, may be called. Names are looked at when they are
    /// resolved.
    pub(crate) fn check_literal(&self, host: &str) -> Result<(), Refused> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        bare.parse().map_or(Ok(()), |address| self.check_address(bare, address))
    }

    fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let refused = match self.reach {
            Reach::Trusted => AddressKind::of_metadata(address),
            Reach::Public => AddressKind::of(address),
        };
        match refused {
            Some(kind) if !self.allowed.has_address(address) => {
                Err(Refused::Address { host: host.to_owned(), address, kind })
            }
            _ => Ok(()),
        }
    }

    /// Where a host is, if it may be called.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Refused> {
        let unresolved = |reason: String| Refused::Unresolved { host: host.to_owned(), reason };
        let found = self.resolver.resolve(host).await.map_err(|error| unresolved(error.to_string()))?;
        if found.is_empty() {
            return Err(unresolved("it has no address".to_owned()));
        }
        if !self.allowed.has_name(host) {
            found.iter().try_for_each(|address| self.check_address(host, *address))?;
        }
        Ok(found)
    }
}

/// Resolves names for the connector, and hands on only what may be called.
#[derive(Clone)]
pub(crate) struct GuardedResolver(pub(crate) AddressGuard);

impl Service<Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Refused;
    type Future = BoxFuture<'static, Result<Self::Response, Refused>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.0.clone();
        async move {
            let addresses = guard.addresses(name.as_str()).await?;
            // The connector puts the port in.
            let sockets: Vec<SocketAddr> =
                addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(sockets.into_iter())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
