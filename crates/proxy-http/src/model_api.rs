//! The model API of a project: OpenAI's and Anthropic's routes below `/api/{project}/v1`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::response::Response;
use http_body_util::BodyExt;
use promptgate_gateway::{Gateway, IncomingRequest, Refusal, RequestBody, Route};
use promptgate_kernel::ProjectId;

/// Answers a request of the model API.
pub(crate) async fn model_api(
    route: Route,
    State(gateway): State<Gateway>,
    project: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    // What is not even text is shown as it came.
    let project = match project {
        Ok(Path(project)) => project,
        Err(_) => parts.uri.path().split('/').nth(2).unwrap_or_default().to_owned(),
    };
    let answer = match project.parse::<ProjectId>() {
        Ok(project) => {
            let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
            let request = IncomingRequest {
                project,
                route,
                headers: parts.headers,
                peer: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip()),
                body: RequestBody::new(body.map_err(Into::into)),
            };
            gateway.call(request).await
        }
        Err(invalid) => {
            let surface = route.surface(&parts.headers);
            gateway.turn_away(&parts.headers, surface, &Refusal::NoProjectId { text: invalid.text })
        }
    };
    answer.map(Body::new)
}
