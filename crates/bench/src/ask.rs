//! Calls of the gateway's own API.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{HeaderName, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// Opens the admin routes of every gateway that is measured.
pub(crate) const ADMIN_KEY: &str = "bench-admin-key";
/// The password of the first account of one.
pub(crate) const PASSWORD: &str = "Bench-Passw0rd-of-the-first-account";

/// Who asks.
pub(crate) enum Visitor {
    /// Whoever has the admin key.
    Admin,
    /// Somebody who is signed in, with this cookie.
    SignedIn(String),
}

/// Makes something.
pub(crate) async fn admin(api: SocketAddr, path: &str, body: &Value) -> anyhow::Result<Value> {
    let body = Bytes::from(body.to_string());
    Ok(serde_json::from_slice(ask(api, Method::POST, path, body, &Visitor::Admin).await?.body())?)
}

/// Reads a page.
pub(crate) async fn page(api: SocketAddr, path: &str, visitor: &Visitor) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(ask(api, Method::GET, path, Bytes::new(), visitor).await?.body())?)
}

/// Reads a page that is text.
pub(crate) async fn text(api: SocketAddr, path: &str) -> anyhow::Result<String> {
    let answer = ask(api, Method::GET, path, Bytes::new(), &Visitor::Admin).await?;
    Ok(String::from_utf8_lossy(answer.body()).into_owned())
}

/// Signs the first account in.
pub(crate) async fn sign_in(api: SocketAddr) -> anyhow::Result<Visitor> {
    let body = json!({"email": "admin@promptgate.dev", "password": PASSWORD}).to_string();
    let answer =
        ask(api, Method::POST, "/auth/password", body.into(), &Visitor::SignedIn(String::new())).await?;
    let cookie = answer.headers().get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
    let cookie = cookie.and_then(|cookie| cookie.split(';').next()).context("a sign-in sets a cookie")?;
    Ok(Visitor::SignedIn(cookie.to_owned()))
}

async fn ask(
    api: SocketAddr,
    method: Method,
    path: &str,
    body: Bytes,
    visitor: &Visitor,
) -> anyhow::Result<Response<Bytes>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(TcpStream::connect(api).await?)).await?;
    let mut connections = tokio::task::JoinSet::new();
    connections.spawn(connection);
    let (name, value) = match visitor {
        Visitor::Admin => (HeaderName::from_static("x-admin-api-key"), ADMIN_KEY),
        Visitor::SignedIn(cookie) => (header::COOKIE, cookie.as_str()),
    };
    let request = Request::builder()
        .method(method.clone())
        .uri(path)
        .header(header::HOST, api.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .header(name, value)
        .body(Full::new(body))?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let (status, body) = (head.status, body.collect().await?.to_bytes());
    ensure!(status.is_success(), "{method} {path} answered {status}: {}", String::from_utf8_lossy(&body));
    Ok(Response::from_parts(head, body))
}
