//! Requests without a route.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use promptgate_gateway::{Gateway, Refusal};
use promptgate_wire::Surface;

const MAX_SHOWN_PATH: usize = 200;

/// There is nothing under the path.
pub(crate) async fn unknown_route(State(gateway): State<Gateway>, request: Request) -> Response {
    let path: String = request.uri().path().chars().take(MAX_SHOWN_PATH).collect();
    let asked = format!("{} {path}", request.method());
    turn_away(&gateway, &request, &Refusal::NoRoute { asked })
}

/// There is, but not with this method. `OPTIONS` is answered with the methods there are; browsers of
/// other origins are not invited.
pub(crate) async fn wrong_method(State(gateway): State<Gateway>, request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let method = request.method().as_str().chars().take(32).collect();
    turn_away(&gateway, &request, &Refusal::WrongMethod { method })
}

fn turn_away(gateway: &Gateway, request: &Request, refusal: &Refusal) -> Response {
    let surface = surface(request.uri().path(), request.headers());
    gateway.turn_away(request.headers(), surface, refusal).map(Body::new)
}

/// How the client of a path that leads nowhere most likely wants to be spoken to.
fn surface(path: &str, headers: &HeaderMap) -> Surface {
    let below_project = path.strip_prefix("/api/").and_then(|rest| rest.split_once('/'));
    match below_project {
        Some((_, rest)) if rest.starts_with("v1/messages") => Surface::Anthropic,
        Some((_, rest)) if rest == "v1" || rest.starts_with("v1/") => {
            if headers.contains_key("anthropic-version") { Surface::Anthropic } else { Surface::OpenAi }
        }
        _ => Surface::Community,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_tells_who_is_spoken_to() {
        let of = |path| surface(path, &HeaderMap::new());
        assert_eq!(of("/api/x/v1/messages/batches"), Surface::Anthropic);
        assert_eq!(of("/api/x/v1/responses"), Surface::OpenAi);
        assert_eq!(of("/api/x/anything"), Surface::Community);
        assert_eq!(of("/"), Surface::Community);
    }
}
