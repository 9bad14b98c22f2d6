//! Asks providers for their models, over the same client that calls go over.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use promptgate_control::catalog::{ListingAnswer, ListingRequest, ModelLister, Unreachable};
use promptgate_gateway::ports::{Upstream, UpstreamRequest};
use promptgate_upstream_http::HttpUpstream;

/// Lists are small and their readers wait; the catalogue has a deadline of its own besides.
const PATIENCE: Duration = Duration::from_secs(3);

/// The catalogue's view of the outbound client.
pub(crate) struct OutboundLister(pub(crate) HttpUpstream);

#[derive(Debug, thiserror::Error)]
#[error("the list is larger than {0} bytes")]
struct TooLong(usize);

#[async_trait]
impl ModelLister for OutboundLister {
    async fn fetch(&self, request: ListingRequest) -> Result<ListingAnswer, Unreachable> {
        let mut headers = HeaderMap::with_capacity(request.headers.len() + 1);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in &request.headers {
            let mut value =
                HeaderValue::from_str(value.expose()).map_err(|error| Unreachable(Box::new(error)))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let call = UpstreamRequest {
            method: Method::GET,
            url: request.url,
            headers,
            body: Bytes::new(),
            connect_timeout: PATIENCE,
            first_byte_timeout: PATIENCE,
        };
        let mut answer = self.0.call(call).await.map_err(|error| Unreachable(Box::new(error)))?;
        let mut body = Vec::new();
        while let Some(piece) = answer.body.next().await {
            body.extend_from_slice(&piece.map_err(|error| Unreachable(Box::new(error)))?);
            if body.len() > request.max_bytes {
                return Err(Unreachable(Box::new(TooLong(request.max_bytes))));
            }
        }
        Ok(ListingAnswer { status: answer.status.as_u16(), body })
    }
}
