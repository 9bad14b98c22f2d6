//! Whether addresses that somebody puts into a form may be called.

use std::sync::Arc;

use async_trait::async_trait;

/// Somewhere that may not be called, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DestinationRefused(pub String);

/// Knows where calls may go. What it lets through is looked at again at each call.
#[async_trait]
pub trait DestinationGuard: Send + Sync {
    /// Whether a URL leads where calls may go, as far as that is known now. A host that is not known yet is
    /// no mistake of the form.
    async fn check(&self, url: &str) -> Result<(), DestinationRefused>;
}

/// Asks the guard, where there is one and the form says something.
pub(crate) async fn check(
    guard: Option<&Arc<dyn DestinationGuard>>,
    url: Option<&str>,
) -> Result<(), DestinationRefused> {
    match (guard, url) {
        (Some(guard), Some(url)) => guard.check(url).await,
        _ => Ok(()),
    }
}
