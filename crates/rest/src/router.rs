//! The routers that processes serve.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_swagger_ui::SwaggerUi;

use crate::document::{documented, openapi};
use crate::edge::{cors, guard};
use crate::error::ApiError;
use crate::observe::observe;
use crate::wait_revision::wait_revision;
use crate::{ApiState, introspection, management};

/// Everything on the API's port, but for [`crate::ops`].
pub fn router(state: ApiState) -> Router {
    let (routes, _) = documented().split_for_parts();
    let docs = SwaggerUi::new("/api/docs").url("/api/openapi.json", openapi());
    let docs = Router::from(docs).layer(middleware::map_response(no_such_asset));
    routes
        .merge(docs)
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(only_projects))
        .layer(middleware::from_fn_with_state(state.clone(), wait_revision))
        .layer(middleware::from_fn_with_state(state.clone(), guard))
        .layer(middleware::from_fn_with_state(state.clone(), cors))
        .layer(middleware::from_fn_with_state(state.clone(), observe))
        .with_state(state)
}

/// The part that the proxy's port has too, to be merged into its router. It has no fallback.
pub fn introspection_router(state: ApiState) -> Router {
    let (routes, _) = introspection::routes().merge(management::routes()).split_for_parts();
    routes
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(state.clone(), wait_revision))
        .layer(middleware::from_fn_with_state(state.clone(), observe))
        .with_state(state)
}

/// The documentation's own answer has no body.
async fn no_such_asset(response: Response) -> Response {
    if response.status() == StatusCode::NOT_FOUND {
        return ApiError::not_found("not_found").message("there is nothing at this address").into_response();
    }
    response
}

/// What no route claims: a file or an address of the frontend, or nothing.
async fn unknown_path(State(state): State<ApiState>, request: Request) -> Response {
    if let Some(assets) = &state.edge.assets {
        let (method, path) = (request.method(), request.uri().path());
        if let Some(answer) = assets.answer(method, path, request.headers()).await {
            return answer;
        }
    }
    let message = "there is nothing at this address";
    if !is_project_route(request.uri().path()) {
        return ApiError::not_found("not_found").message(message).into_response();
    }
    let hint = "; model calls go to the proxy's port";
    introspection::problem(StatusCode::NOT_FOUND, format!("{message}{hint}"))
}

/// Keeps `/api/{uuid}/…` from taking what is not a project's: an unknown address of the JSON API is not
/// found, in its own shape.
async fn only_projects(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if route.starts_with("/api/{uuid}/") && !is_project_route(request.uri().path()) {
        return ApiError::not_found("not_found").message("there is nothing at this address").into_response();
    }
    next.run(request).await
}

pub(crate) async fn wrong_method(request: Request) -> Response {
    let message = format!("{} is not allowed here", request.method());
    if is_project_route(request.uri().path()) {
        return introspection::problem(StatusCode::METHOD_NOT_ALLOWED, message);
    }
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").message(message).into_response()
}

/// `/api/{uuid}/…`, which answers in the shape of the community contract.
fn is_project_route(path: &str) -> bool {
    path.strip_prefix("/api/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(first, _)| !matches!(first, "v1" | "docs"))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn every_answer_is_guarded_and_has_an_id() {
        let api = Api::new().await;
        for path in ["/health", "/nowhere", "/api/v1/admin/projects", "/api/docs/", "/api/x/info"] {
            let answer = api.without_key("GET", path).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
            assert_eq!(answer.header("x-frame-options"), "DENY");
            assert_eq!(answer.header("permissions-policy"), "camera=(), microphone=(), geolocation=()");
            assert_eq!(
                answer.header("content-security-policy"),
                "frame-ancestors 'none'; base-uri 'self'; object-src 'none'"
            );
            assert_eq!(answer.header("x-request-id").len(), 36);
        }
        let mut request = crate::testing::request("GET", "/health", "");
        request.headers_mut().insert("x-request-id", "mine".parse().unwrap());
        assert_eq!(api.answer(request).await.header("x-request-id"), "mine");
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_answer_in_the_shape_of_their_surface() {
        let api = Api::new().await;
        api.get("/nowhere").await.refused(404, "not_found");
        for path in ["/api/v1/nowhere", "/api/v1/models", "/api/v1/info", "/api/v1/endpoints"] {
            api.get(path).await.refused(404, "not_found");
        }
        api.post("/api/v1/admin/tokens", &serde_json::json!({})).await.refused(404, "not_found");
        let community = api.get("/api/x/nowhere").await;
        assert_eq!((community.status, &community.json()["ok"]), (404, &false.into()));
        let wrong = api.send("PUT", "/api/v1/admin/projects", "").await;
        let allow = wrong.header("allow").to_owned();
        assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
        wrong.refused(405, "method_not_allowed");
        let community = api.send("POST", "/api/x/info", "").await;
        assert_eq!((community.status, &community.json()["ok"]), (405, &false.into()));
    }

    #[tokio::test]
    async fn health_is_as_the_contract_says() {
        let api = Api::new().await;
        let health = api.without_key("GET", "/health").await;
        assert_eq!((health.status, health.text()), (200, r#"{"status":"ok","checks":{"database":"ok"}}"#));
        assert_eq!(api.without_key("HEAD", "/health").await.status, 200);
    }

    #[tokio::test]
    async fn the_docs_work_without_a_network() {
        let api = Api::new().await;
        let document = api.without_key("GET", "/api/openapi.json").await.ok();
        assert!(document["paths"]["/api/v1/admin/projects"].is_object());
        let page = api.without_key("GET", "/api/docs/").await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("https://"), "nothing is fetched from elsewhere");
        for asset in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
            assert_eq!(api.without_key("GET", &format!("/api/docs/{asset}")).await.status, 200, "{asset}");
        }
        api.without_key("GET", "/api/docs/nope").await.refused(404, "not_found");
        let redirect = api.without_key("GET", "/api/docs").await;
        assert_eq!((redirect.status, redirect.header("location")), (303, "/api/docs/"));
    }
}
