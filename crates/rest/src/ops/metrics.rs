//! `GET /metrics`

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use http::{Extensions, HeaderMap, header};
use promptgate_forwarded::is_forwarded;

use super::Ops;
use crate::edge::names_this_machine;
use crate::error::{ApiError, ErrorBody};

/// Shows the process's metrics, to loopback peers and to whoever has the metrics token.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses(
    (status = OK, description = "Prometheus's text format", body = String, content_type = "text/plain"),
    (status = UNAUTHORIZED, description = "`metrics_denied`", body = ErrorBody),
))]
pub(super) async fn metrics(
    State(ops): State<Arc<dyn Ops>>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    if !is_local(peer, &headers) && !has_token(&*ops, &headers) {
        return Err(ApiError::new(http::StatusCode::UNAUTHORIZED, "metrics_denied")
            .message("metrics are for loopback peers, or for the bearer of PROMPTGATE_METRICS_TOKEN"));
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, ops.metrics()).into_response())
}

/// A peer on this machine that speaks for nobody else: a reverse proxy beside the process says so, and a
/// page that has the browser take this machine for its own site asks for that site.
fn is_local(peer: Option<SocketAddr>, headers: &HeaderMap) -> bool {
    peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback())
        && !is_forwarded(headers)
        && headers.get(header::HOST).is_none_or(|host| host.to_str().is_ok_and(names_this_machine))
}

fn has_token(ops: &dyn Ops, headers: &HeaderMap) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    match (ops.metrics_token(), given) {
        (Some(token), Some(given)) => token.matches(given),
        (Some(_), None) | (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Readiness;
    use super::super::tests::fake;
    use super::*;
    use crate::testing::{Answer, request};

    async fn status(peer: Option<&str>, token: Option<&str>, sent: &[(&'static str, &str)]) -> u16 {
        let mut request = request("GET", "/metrics", "");
        for (name, value) in sent {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        }
        Answer::of(fake(Readiness::Ready, token), request).await.status
    }

    #[tokio::test]
    async fn only_loopback_peers_and_bearers_of_the_token_see_metrics() {
        let bearer = [("authorization", "Bearer t")];
        assert_eq!(status(Some("127.0.0.1:9"), None, &[]).await, 200);
        assert_eq!(status(Some("[::1]:9"), None, &[]).await, 200);
        assert_eq!(status(Some("[::ffff:127.0.0.1]:9"), None, &[]).await, 200);
        for header in
            ["x-forwarded-for", "x-forwarded-host", "forwarded", "via", "x-real-ip", "cf-connecting-ip"]
        {
            assert_eq!(status(Some("127.0.0.1:9"), None, &[(header, "127.0.0.1")]).await, 401, "{header}");
        }
        assert_eq!(status(Some("127.0.0.1:9"), None, &[("host", "localhost:8080")]).await, 200);
        assert_eq!(status(Some("127.0.0.1:9"), None, &[("host", "evil.example:8080")]).await, 401);
        assert_eq!(status(Some("10.0.0.1:9"), None, &[]).await, 401);
        assert_eq!(status(Some("10.0.0.1:9"), None, &bearer).await, 401, "no token is configured");
        assert_eq!(status(Some("10.0.0.1:9"), Some("t"), &bearer).await, 200);
        assert_eq!(status(Some("10.0.0.1:9"), Some("other"), &bearer).await, 401);
        assert_eq!(status(None, None, &[]).await, 401);
    }
}
