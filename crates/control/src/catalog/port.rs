//! What the catalogue needs from outside.

use async_trait::async_trait;
use promptgate_kernel::SecretString;

/// A GET to a provider's list of models.
#[derive(Debug, Clone)]
pub struct ListingRequest {
    /// Where to.
    pub url: String,
    /// What is sent with it, names in lower case; the provider's credential may be among it.
    pub headers: Vec<(&'static str, SecretString)>,
    /// The most bytes of an answer that are of use; a longer one is [`Unreachable`].
    pub max_bytes: usize,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// The provider did not answer, or its answer cannot be read. What is in the source is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the provider cannot be reached")]
pub struct Unreachable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Asks providers for their models. It follows no redirects, and dropping the future ends the call.
#[async_trait]
pub trait ModelLister: Send + Sync {
    /// Makes the request.
    async fn fetch(&self, request: ListingRequest) -> Result<ListingAnswer, Unreachable>;
}
