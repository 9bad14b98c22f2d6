//! Which path leads where.

use axum::Router;
use axum::routing::{get, post};
use http::header::CONTENT_TYPE;
use promptgate_gateway::{Gateway, Route};
use promptgate_providers::Operation;
use tower::util::MapResponseLayer;

use crate::model_api::model_api;
use crate::security_headers::secure;
use crate::turned_away::{unknown_route, wrong_method};

/// The public surfaces of the data plane. Other routers may be merged into it; the security headers
/// are on the answers of this one only.
///
/// The server puts the client's address into every request as
/// [`ConnectInfo`](axum::extract::ConnectInfo).
pub fn router(gateway: Gateway) -> Router {
    let model = |operation: Operation| {
        let path = format!("/api/{{project}}{}", operation.path());
        (
            path,
            post(async move |state, path, request| {
                model_api(Route::Model(operation), state, path, request).await
            }),
        )
    };
    let (chat, answer_chat) = model(Operation::ChatCompletions);
    let (messages, answer_messages) = model(Operation::Messages);
    let (embeddings, answer_embeddings) = model(Operation::Embeddings);
    Router::new()
        .route(&chat, answer_chat)
        .route(&messages, answer_messages)
        .route(&embeddings, answer_embeddings)
        .route(
            "/api/{project}/v1/models",
            get(async |state, path, request| model_api(Route::ModelList, state, path, request).await),
        )
        .route("/health", get(health))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(MapResponseLayer::new(secure))
        .with_state(gateway)
}

/// Whether the process is there at all; nothing else is looked at.
async fn health() -> ([(http::HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#)
}
