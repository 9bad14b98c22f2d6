//! HTTP as a client sees it.

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

/// Makes calls; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// An answer whose body is still arriving. Dropping it closes the connection.
#[derive(Debug)]
pub struct Stream {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A client with connections of its own.
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { pool: Pool::builder(TokioExecutor::new()).build(connector), headers: Vec::new() }
    }

    /// The same, with connections of its own.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        Self { headers: self.headers.clone(), ..Self::new() }
    }

    /// The same, with a header on every call.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, with a bearer token on every call.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Calls and waits for the whole answer.
    pub async fn send(&self, method: Method, url: &str, body: impl Into<Bytes>) -> anyhow::Result<Response> {
        self.open(method, url, body).await?.whole().await
    }

    /// Calls and waits for the head of the answer.
    pub async fn open(&self, method: Method, url: &str, body: impl Into<Bytes>) -> anyhow::Result<Stream> {
        let body = body.into();
        let mut request = Request::builder().method(method).uri(url);
        let says_what_it_is = self.headers.iter().any(|(name, _)| name == "content-type");
        if !body.is_empty() && !says_what_it_is {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).context("a test made an impossible request")?;
        let answer = self.pool.request(request).await.with_context(|| format!("no answer from {url}"))?;
        let (head, body) = answer.into_parts();
        Ok(Stream { status: head.status, headers: head.headers, body })
    }

    /// GET.
    pub async fn get(&self, url: &str) -> anyhow::Result<Response> {
        self.send(Method::GET, url, Bytes::new()).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, url: &str, body: &Value) -> anyhow::Result<Response> {
        self.send(Method::POST, url, body.to_string()).await
    }

    /// POST with a JSON body; the answer's head.
    pub async fn stream(&self, url: &str, body: &Value) -> anyhow::Result<Stream> {
        self.open(Method::POST, url, body.to_string()).await
    }
}

impl Response {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, if it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The JSON body, if the status is this one; else an error that shows the answer.
    pub fn expect(&self, status: u16) -> anyhow::Result<Value> {
        anyhow::ensure!(
            self.status.as_u16() == status,
            "{} instead of {status}: {}",
            self.status,
            self.text()
        );
        Ok(self.json())
    }
}

impl Stream {
    /// The next piece of the body; `None` at its end.
    pub async fn next(&mut self) -> anyhow::Result<Option<Bytes>> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(piece) = frame.context("the answer broke off")?.into_data() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Reads until the body so far contains `text`, and returns it so far.
    pub async fn read_until(&mut self, text: &str) -> anyhow::Result<Bytes> {
        let mut so_far = BytesMut::new();
        while !so_far.windows(text.len()).any(|window| window == text.as_bytes()) {
            let piece = self.next().await?;
            let piece = piece.with_context(|| {
                format!("`{text}` did not come, only `{}`", String::from_utf8_lossy(&so_far))
            })?;
            so_far.extend_from_slice(&piece);
        }
        Ok(so_far.freeze())
    }

    /// Reads to the end.
    pub async fn whole(mut self) -> anyhow::Result<Response> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.next().await? {
            body.extend_from_slice(&piece);
        }
        Ok(Response { status: self.status, headers: self.headers, body: body.freeze() })
    }
}
