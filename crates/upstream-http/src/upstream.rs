//! Calls to providers.

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use http::header::{ACCEPT_ENCODING, CONNECTION, HeaderMap, HeaderName};
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Full};
use promptgate_gateway::ports::{Upstream, UpstreamError, UpstreamRequest, UpstreamResponse};

use crate::client::{Client, Patience};
use crate::{HttpUpstreamOptions, Trust};

/// Headers that speak of one connection only (RFC 9110 section 7.6.1), besides those that
/// `Connection` names.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Calls providers over HTTP. Clones share connections.
#[derive(Debug, Clone)]
pub struct HttpUpstream {
    pub(crate) client: Client,
}

impl HttpUpstream {
    /// A client without connections yet, that believes what `trust` says at the time of a call. Calls run on
    /// a tokio runtime.
    pub fn new(trust: Trust, options: &HttpUpstreamOptions) -> Self {
        Self { client: Client::new(trust, options) }
    }
}

#[async_trait]
impl Upstream for HttpUpstream {
    async fn call(&self, call: UpstreamRequest) -> Result<UpstreamResponse, UpstreamError> {
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() =
            Uri::try_from(call.url).map_err(|error| UpstreamError::Connect(Box::new(error)))?;
        *request.headers_mut() = call.headers;
        // Nothing is unpacked here, and whoever reads the answer cannot either.
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let patience = Patience { connect: call.connect_timeout, first_byte: call.first_byte_timeout };
        let (answer, waited) = self.client.send(request, patience).await?;
        let (mut head, body) = answer.into_parts();
        strip_hop_by_hop(&mut head.headers);
        let body = body.into_data_stream().map_err(|error| UpstreamError::Broken(Box::new(error)));
        Ok(UpstreamResponse { status: head.status, headers: head.headers, body: body.boxed(), waited })
    }
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in &named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_speaks_of_the_connection_is_stripped() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-type", "application/json"),
            ("x-request-id", "req_1"),
        ] {
            headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static(value));
        }
        strip_hop_by_hop(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["content-type", "x-request-id"]);
    }
}
