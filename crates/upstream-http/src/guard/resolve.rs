//! From names to addresses.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Knows where hosts are.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// Every address of a host, of either version.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the operating system, which looks into its files and asks its name servers.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|socket| socket.ip()).collect())
    }
}
