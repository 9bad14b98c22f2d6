//! How providers are called.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

/// Makes calls to providers. It follows no redirect, and its answers and its patience are bounded.
#[async_trait]
pub trait OidcHttp: Send + Sync {
    /// Sends a request and reads the whole answer.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Box<dyn Error + Send + Sync>>;
}

/// What `openidconnect` calls providers with.
#[derive(Clone)]
pub(crate) struct Caller(pub(crate) Arc<dyn OidcHttp>);

/// There was no answer.
#[derive(Debug, thiserror::Error)]
#[error("the provider does not answer")]
pub(crate) struct NoAnswer(#[source] pub(crate) Box<dyn Error + Send + Sync>);

impl<'c> AsyncHttpClient<'c> for Caller {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { self.0.send(request).await.map_err(NoAnswer) })
    }
}
