//! Calls over real sockets of 127.0.0.1.

mod http2;
mod otlp;
mod pool;
mod server;
mod sizes;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, Method};
use promptgate_gateway::ports::{Upstream, UpstreamError, UpstreamRequest, UpstreamResponse};
use promptgate_upstream_http::{HttpUpstream, HttpUpstreamOptions, Trust};
use server::Server;
use tokio::sync::mpsc;

/// Longer than anything here takes; reaching it fails the test.
const LONG: Duration = Duration::from_secs(20);
/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(50);

pub(crate) fn upstream() -> HttpUpstream {
    HttpUpstream::new(Trust::new(None).expect("TLS is there"), &HttpUpstreamOptions::default())
}

pub(crate) fn request(url: &str) -> UpstreamRequest {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    UpstreamRequest {
        method: Method::POST,
        url: url.to_owned(),
        headers,
        body: Bytes::from_static(b"{\"model\":\"m\"}"),
        connect_timeout: LONG,
        first_byte_timeout: LONG,
    }
}

async fn call(url: &str) -> Result<UpstreamResponse, UpstreamError> {
    tokio::time::timeout(LONG, upstream().call(request(url))).await.expect("it ends")
}

async fn rest(response: UpstreamResponse) -> Result<Vec<u8>, UpstreamError> {
    let mut body = response.body;
    let mut whole = Vec::new();
    while let Some(piece) = tokio::time::timeout(LONG, body.next()).await.expect("it ends") {
        whole.extend_from_slice(&piece?);
    }
    Ok(whole)
}

#[tokio::test]
async fn what_is_sent_arrives_and_what_comes_back_is_not_unpacked() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let seen = seen.clone();
        async move {
            let request = connection.request().await.expect("a request");
            seen.send(request).expect("the test waits");
            let head = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-encoding: gzip\r\nkeep-alive: timeout=1\r\n";
            connection.send(&format!("{head}content-length: 3\r\n\r\nxyz")).await;
        }
    })
    .await;
    let response = call(&server.url).await.unwrap();
    let request = requests.recv().await.unwrap();
    assert!(request.starts_with("POST /v1/x HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"model\":\"m\"}"), "{request}");
    assert!(request.to_lowercase().contains("\r\naccept-encoding: identity\r\n"), "{request}");
    assert_eq!(response.status, 302, "redirects are not followed");
    assert_eq!(response.headers["content-encoding"], "gzip");
    assert!(!response.headers.contains_key("keep-alive"));
    assert_eq!(rest(response).await.unwrap(), b"xyz");
}

#[tokio::test]
async fn other_methods_go_out_without_a_body() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let seen = seen.clone();
        async move {
            let request = connection.request().await.expect("a request");
            seen.send(request).expect("the test waits");
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        }
    })
    .await;
    for method in [Method::GET, Method::DELETE] {
        let call = UpstreamRequest { method: method.clone(), body: Bytes::new(), ..request(&server.url) };
        let response = upstream().call(call).await.unwrap();
        assert!(response.waited < LONG);
        let request = requests.recv().await.unwrap();
        assert!(request.starts_with(&format!("{method} /v1/x HTTP/1.1\r\n")), "{request}");
        assert!(request.ends_with("\r\n\r\n"), "{request}");
    }
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(call(&url).await, Err(UpstreamError::Connect(_))));
    assert!(matches!(call("not a url").await, Err(UpstreamError::Connect(_))));
}

#[tokio::test]
async fn the_time_to_connect_includes_tls() {
    let server = Server::start(|mut connection| async move { connection.closed().await }).await;
    let url = server.url.replace("http:", "https:");
    let call = UpstreamRequest { connect_timeout: SHORT, ..request(&url) };
    assert!(matches!(upstream().call(call).await, Err(UpstreamError::ConnectTimeout)));
}

#[tokio::test]
async fn silence_ends_with_the_time_to_the_first_byte() {
    let (gone, mut left) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let gone = gone.clone();
        async move {
            connection.request().await;
            connection.closed().await;
            gone.send(()).expect("the test waits");
        }
    })
    .await;
    // Connected at once, so the shorter time to connect does not count.
    let call =
        UpstreamRequest { connect_timeout: SHORT, first_byte_timeout: SHORT * 4, ..request(&server.url) };
    let before = std::time::Instant::now();
    assert!(matches!(upstream().call(call).await, Err(UpstreamError::FirstByteTimeout)));
    assert!(before.elapsed() >= SHORT * 4);
    tokio::time::timeout(LONG, left.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn pieces_come_as_they_are_sent() {
    let (release, gate) = mpsc::unbounded_channel::<&str>();
    let gate = std::sync::Arc::new(tokio::sync::Mutex::new(gate));
    let server = Server::start(move |mut connection| {
        let gate = gate.clone();
        async move {
            connection.request().await;
            connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            while let Some(piece) = gate.lock().await.recv().await {
                connection.send(&format!("{:x}\r\n{piece}\r\n", piece.len())).await;
            }
            connection.send("0\r\n\r\n").await;
        }
    })
    .await;
    let mut body = call(&server.url).await.unwrap().body;
    for piece in ["data: 1\n\n", "da", "ta: \u{fc}\n\n"] {
        release.send(piece).unwrap();
        let came = tokio::time::timeout(LONG, body.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(came, piece, "before the next one is sent");
    }
    drop(release);
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_broken() {
    for head in ["content-length: 99\r\n\r\nonly this", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        let server = Server::start(move |mut connection| async move {
            connection.request().await;
            connection.send(&format!("HTTP/1.1 200 OK\r\n{head}")).await;
        })
        .await;
        let response = call(&server.url).await.unwrap();
        assert!(matches!(rest(response).await, Err(UpstreamError::Broken(_))), "{head}");
    }
    let silent = Server::start(|mut connection| async move {
        connection.request().await;
    })
    .await;
    assert!(matches!(call(&silent.url).await, Err(UpstreamError::Broken(_))));
}

#[tokio::test]
async fn letting_go_of_the_body_ends_the_call() {
    let (gone, mut left) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let gone = gone.clone();
        async move {
            connection.request().await;
            connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n").await;
            connection.closed().await;
            gone.send(()).expect("the test waits");
        }
    })
    .await;
    let mut body = call(&server.url).await.unwrap().body;
    assert_eq!(body.next().await.unwrap().unwrap(), "hi");
    assert!(left.try_recv().is_err());
    drop(body);
    tokio::time::timeout(LONG, left.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn letting_go_of_the_call_ends_it() {
    let (told, mut events) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let told = told.clone();
        async move {
            connection.request().await;
            told.send("asked").expect("the test waits");
            connection.closed().await;
            told.send("gone").expect("the test waits");
        }
    })
    .await;
    let upstream = upstream();
    tokio::select! {
        _ = upstream.call(request(&server.url)) => unreachable!("it never answers"),
        event = events.recv() => assert_eq!(event, Some("asked")),
    }
    assert_eq!(tokio::time::timeout(LONG, events.recv()).await.unwrap(), Some("gone"));
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(|mut connection| async move {
        while connection.request().await.is_some() {
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let upstream = upstream();
    for _ in 0..5 {
        let response = upstream.call(request(&server.url)).await.unwrap();
        assert_eq!(rest(response).await.unwrap(), b"ok");
    }
    assert_eq!(server.connections(), 1);
}
