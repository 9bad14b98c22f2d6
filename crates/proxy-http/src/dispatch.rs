//! From a path to the gateway and back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use promptgate_gateway::{Entry, Gateway, IncomingRequest, Refusal, RequestBody, Route};
use promptgate_kernel::ProjectId;
use promptgate_wire::Surface;

use crate::paths::{Owner, Place, find};

const MAX_SHOWN_PATH: usize = 200;

/// Answers everything that no router before it did.
pub(crate) async fn dispatch(State(gateway): State<Gateway>, request: Request) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let Some(place) = find(&path) else {
        let shown: String = path.chars().take(MAX_SHOWN_PATH).collect();
        let refusal = Refusal::NoRoute { asked: format!("{method} {shown}") };
        return turn_away(&gateway, &path, request.headers(), &refusal);
    };
    let Some(route) = place.route(&method) else {
        return with_allow(wrong_method(&gateway, &method, &path, request.headers()), &place);
    };
    let answer = call(&gateway, &path, place, route, request).await;
    // What a HEAD is told is the head of the answer.
    if method == Method::HEAD { answer.map(|_| Body::empty()) } else { answer }
}

/// For a path of this surface with a method that it does not have. `OPTIONS` is answered with the
/// methods there are; browsers of other origins are not invited.
pub(crate) async fn other_method(State(gateway): State<Gateway>, request: Request) -> Response {
    wrong_method(&gateway, request.method(), request.uri().path(), request.headers())
}

fn wrong_method(gateway: &Gateway, method: &Method, path: &str, headers: &HeaderMap) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let method = method.as_str().chars().take(32).collect();
    turn_away(gateway, path, headers, &Refusal::WrongMethod { method })
}

fn with_allow(mut response: Response, place: &Place<'_>) -> Response {
    let allow = HeaderValue::from_str(&place.allow()).expect("names of methods are visible ASCII");
    response.headers_mut().insert(ALLOW, allow);
    response
}

async fn call(gateway: &Gateway, path: &str, place: Place<'_>, route: Route, request: Request) -> Response {
    let entry = match place.owner {
        Owner::Provider(name) => Entry::Provider(name.to_owned()),
        Owner::Project(text) => match text.parse::<ProjectId>() {
            Ok(project) => Entry::Project(project),
            Err(invalid) => {
                let refusal = Refusal::NoProjectId { text: invalid.text };
                return turn_away(gateway, path, request.headers(), &refusal);
            }
        },
    };
    let (parts, body) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let request = IncomingRequest {
        entry,
        route,
        ids: place.ids,
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        peer: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip()),
        body: RequestBody::new(body.map_err(Into::into)),
    };
    gateway.call(request).await.map(Body::new)
}

fn turn_away(gateway: &Gateway, path: &str, headers: &HeaderMap, refusal: &Refusal) -> Response {
    gateway.turn_away(headers, surface(path, headers), refusal).map(Body::new)
}

/// How the client of a path that leads nowhere most likely wants to be spoken to. Whether there is
/// a provider of the path's name, a stranger does not learn.
fn surface(path: &str, headers: &HeaderMap) -> Surface {
    let rest = path.strip_prefix("/api/").unwrap_or_else(|| path.trim_start_matches('/'));
    let Some((_, rest)) = rest.split_once('/') else { return Surface::Community };
    let is_below =
        |start: &str| rest.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let speaks_anthropic = headers.contains_key("anthropic-version");
    if is_below("v1/messages") || is_below("api/event_logging") || (is_below("v1") && speaks_anthropic) {
        Surface::Anthropic
    } else if is_below("v1") {
        Surface::OpenAi
    } else {
        Surface::Community
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_tells_who_is_spoken_to() {
        let of = |path| surface(path, &HeaderMap::new());
        assert_eq!(of("/api/x/v1/messages/batches"), Surface::Anthropic);
        assert_eq!(of("/claude/v1/messages/"), Surface::Anthropic);
        assert_eq!(of("/api/x/v1/files"), Surface::OpenAi);
        assert_eq!(of("/main/v1/completions"), Surface::OpenAi);
        assert_eq!(of("/api/x/anything"), Surface::Community);
        assert_eq!(of("/main/anything"), Surface::Community);
        assert_eq!(of("/"), Surface::Community);
    }

    #[test]
    fn anthropics_clients_are_known_by_their_version_header() {
        let headers = [("anthropic-version", "2023-06-01")];
        let headers: HeaderMap = headers
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect::<HeaderMap<_>>();
        assert_eq!(surface("/api/x/v1/files", &headers), Surface::Anthropic);
        assert_eq!(surface("/api/x/anything", &headers), Surface::Community);
    }
}
