//! Export of traces.

use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

use crate::HttpUpstream;
use crate::client::{Client, Patience};

/// A collector's answer says little; a longer one is an error.
const MAX_ANSWER: usize = 64 * 1024;

/// Lends an [`HttpUpstream`]'s connections to the OTLP exporter, whose own thread runs on no
/// runtime.
#[derive(Debug, Clone)]
pub struct OtlpHttpClient {
    client: Client,
    runtime: Handle,
    timeout: Duration,
}

impl OtlpHttpClient {
    /// A client whose calls run on `runtime`, each for `timeout` at most.
    pub fn new(upstream: &HttpUpstream, runtime: Handle, timeout: Duration) -> Self {
        Self { client: upstream.client.clone(), runtime, timeout }
    }
}

#[async_trait]
impl HttpClient for OtlpHttpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, timeout) = (self.client.clone(), self.timeout);
        let call = async move {
            let patience = Patience { connect: timeout, first_byte: timeout };
            let (answer, _) = client.send(request.map(Full::new), patience).await?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        // The timer, too, needs the runtime.
        let call = self.runtime.spawn(async move { tokio::time::timeout(timeout, call).await });
        call.await??
    }
}
