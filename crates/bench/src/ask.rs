//! Calls of the gateway's own API.

use std::net::SocketAddr;

use anyhow::ensure;
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Opens the admin routes of every gateway that is measured.
pub(crate) const ADMIN_KEY: &str = "bench-admin-key";

/// Makes something.
pub(crate) async fn admin(api: SocketAddr, path: &str, body: &Value) -> anyhow::Result<Value> {
    ask(api, Method::POST, path, Bytes::from(body.to_string())).await
}

/// Reads a page.
pub(crate) async fn page(api: SocketAddr, path: &str) -> anyhow::Result<Value> {
    ask(api, Method::GET, path, Bytes::new()).await
}

async fn ask(api: SocketAddr, method: Method, path: &str, body: Bytes) -> anyhow::Result<Value> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(TcpStream::connect(api).await?)).await?;
    let mut connections = tokio::task::JoinSet::new();
    connections.spawn(connection);
    let request = Request::builder()
        .method(method.clone())
        .uri(path)
        .header(header::HOST, api.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-admin-api-key", ADMIN_KEY)
        .body(Full::new(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    ensure!(status.is_success(), "{method} {path} answered {status}: {}", String::from_utf8_lossy(&answer));
    Ok(serde_json::from_slice(&answer)?)
}
