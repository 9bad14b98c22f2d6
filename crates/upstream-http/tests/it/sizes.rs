//! Bodies that no socket holds at once, and answers that come before the request is read.

use bytes::Bytes;
use futures_util::StreamExt;
use promptgate_gateway::ports::{Upstream, UpstreamError, UpstreamRequest};
use tokio::sync::mpsc;

use crate::server::Server;
use crate::{LONG, request, rest, upstream};

/// More than the buffers of a socket take.
const LARGE: usize = 16 * 1024 * 1024;

fn large(url: &str) -> UpstreamRequest {
    UpstreamRequest { body: Bytes::from(vec![b'x'; LARGE]), ..request(url) }
}

#[tokio::test]
async fn a_large_request_is_sent_while_its_large_answer_is_read() {
    // Whoever stops to write while there is something to read, or the other way round, never ends.
    let server = Server::start(|mut connection| async move {
        let mut read = 0;
        connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        while read < LARGE {
            let some = connection.some().await;
            assert!(!some.is_empty(), "the client is there");
            read += some.len();
            connection.send(&format!("{:x}\r\n{}\r\n", some.len(), "y".repeat(some.len()))).await;
        }
        connection.send("0\r\n\r\n").await;
        connection.closed().await;
    })
    .await;
    let response = tokio::time::timeout(LONG, upstream().call(large(&server.url))).await.unwrap().unwrap();
    let said = rest(response).await.unwrap();
    assert!(said.len() >= LARGE && said.iter().all(|byte| *byte == b'y'), "{}", said.len());
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_is_read_is_handed_on_and_ends_the_connection() {
    let (gone, mut left) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let gone = gone.clone();
        async move {
            connection.some().await;
            connection.send("HTTP/1.1 413 Too Large\r\ncontent-length: 8\r\n\r\ntoo long").await;
            connection.closed().await;
            gone.send(()).expect("the test waits");
        }
    })
    .await;
    let upstream = upstream();
    for calls in 1..=2 {
        let response = tokio::time::timeout(LONG, upstream.call(large(&server.url))).await.unwrap().unwrap();
        assert_eq!(response.status, 413);
        assert_eq!(rest(response).await.unwrap(), b"too long");
        tokio::time::timeout(LONG, left.recv()).await.unwrap().unwrap();
        assert_eq!(server.connections(), calls);
    }
}

#[tokio::test]
async fn what_arrived_together_is_one_piece_and_an_error_comes_after_it() {
    let (release, gate) = mpsc::unbounded_channel::<()>();
    let gate = std::sync::Arc::new(tokio::sync::Mutex::new(gate));
    let server = Server::start(move |mut connection| {
        let gate = gate.clone();
        async move {
            connection.request().await;
            connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            gate.lock().await.recv().await;
            connection.send("2\r\na\n\r\n2\r\nb\n\r\n2\r\nc\n\r\nno number").await;
        }
    })
    .await;
    let mut body = upstream().call(request(&server.url)).await.unwrap().body;
    release.send(()).unwrap();
    assert_eq!(body.next().await.unwrap().unwrap(), "a\nb\nc\n");
    assert!(matches!(body.next().await, Some(Err(UpstreamError::Broken(_)))));
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn pieces_are_not_joined_without_end() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let chunk = format!("400\r\n{}\r\n", "z".repeat(1024));
        connection.send(&(chunk.repeat(4096) + "0\r\n\r\n")).await;
        connection.closed().await;
    })
    .await;
    let mut body = upstream().call(request(&server.url)).await.unwrap().body;
    let (mut pieces, mut size) = (0, 0);
    while let Some(piece) = tokio::time::timeout(LONG, body.next()).await.unwrap() {
        let piece = piece.unwrap();
        assert!(piece.len() <= 65 * 1024, "{}", piece.len());
        (pieces, size) = (pieces + 1, size + piece.len());
    }
    assert_eq!(size, 4 * 1024 * 1024);
    assert!(pieces < 2048, "{pieces}");
}
