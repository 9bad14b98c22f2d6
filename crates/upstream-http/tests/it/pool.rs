//! Which connections are used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use promptgate_gateway::ports::{Upstream, UpstreamError, UpstreamRequest};
use promptgate_upstream_http::{HttpUpstream, HttpUpstreamOptions, Trust};
use tokio::sync::{Barrier, mpsc};

use crate::server::{Connection, Server};
use crate::{LONG, request, rest, upstream};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn answer_all(mut connection: Connection) {
    while connection.request().await.is_some() {
        connection.send(OK).await;
    }
}

async fn call(upstream: &HttpUpstream, url: &str) -> Result<Vec<u8>, UpstreamError> {
    let response = tokio::time::timeout(LONG, upstream.call(request(url))).await.expect("it ends")?;
    rest(response).await
}

#[tokio::test]
async fn however_an_answer_is_framed_its_connection_is_used_again() {
    for answer in [
        OK,
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let server = Server::start(move |mut connection| async move {
            while connection.request().await.is_some() {
                connection.send(answer).await;
            }
        })
        .await;
        let upstream = upstream();
        for _ in 0..3 {
            let said = call(&upstream, &server.url).await.unwrap();
            assert!(said == b"ok" || said.is_empty(), "{answer}");
        }
        // What nobody reads is read away if it is one piece, and there.
        if !answer.contains("chunked") {
            drop(upstream.call(request(&server.url)).await.unwrap());
        }
        call(&upstream, &server.url).await.unwrap();
        assert_eq!(server.connections(), 1, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_its_connection_is_read_and_the_next_call_connects_anew() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nok",
        "HTTP/1.0 200 OK\r\n\r\nok",
    ] {
        let server = Server::start(move |mut connection| async move {
            connection.request().await;
            connection.send(answer).await;
        })
        .await;
        let upstream = upstream();
        for calls in 1..=3 {
            assert_eq!(call(&upstream, &server.url).await.unwrap(), b"ok", "{answer}");
            assert_eq!(server.connections(), calls, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_between_two_calls_is_not_used() {
    let (closed, mut told) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let closed = closed.clone();
        async move {
            connection.request().await;
            connection.send(OK).await;
            drop(connection);
            closed.send(()).expect("the test waits");
        }
    })
    .await;
    let upstream = upstream();
    for calls in 1..=5 {
        assert_eq!(call(&upstream, &server.url).await.unwrap(), b"ok");
        assert_eq!(server.connections(), calls);
        told.recv().await.unwrap();
        // The runtime looks at its sockets.
        tokio::task::yield_now().await;
    }
}

/// The provider may have done what it was asked for.
#[tokio::test]
async fn a_request_that_was_written_is_not_sent_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let server = Server::start(move |mut connection| {
        let counter = Arc::clone(&counter);
        async move {
            while connection.request().await.is_some() {
                if counter.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
                    return;
                }
                connection.send(OK).await;
            }
        }
    })
    .await;
    let upstream = upstream();
    for _ in 0..3 {
        assert_eq!(call(&upstream, &server.url).await.unwrap(), b"ok");
        let broken = call(&upstream, &server.url).await;
        assert!(matches!(broken, Err(UpstreamError::Broken(_))), "{broken:?}");
    }
    assert_eq!((asked.load(Ordering::SeqCst), server.connections()), (6, 3));
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_ends_the_connection() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.send(&format!("{OK}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")).await;
        connection.closed().await;
    })
    .await;
    let upstream = upstream();
    for calls in 1..=3 {
        assert_eq!(call(&upstream, &server.url).await.unwrap(), b"ok");
        assert_eq!(server.connections(), calls);
    }
}

#[tokio::test]
async fn half_an_answer_ends_the_connection() {
    let (gone, mut left) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let gone = gone.clone();
        async move {
            connection.request().await;
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok").await;
            connection.closed().await;
            gone.send(()).expect("the test waits");
        }
    })
    .await;
    let upstream = upstream();
    for calls in 1..=3 {
        let mut body = upstream.call(request(&server.url)).await.unwrap().body;
        assert_eq!(body.next().await.unwrap().unwrap(), "ok");
        drop(body);
        tokio::time::timeout(LONG, left.recv()).await.unwrap().unwrap();
        assert_eq!(server.connections(), calls);
    }
}

#[tokio::test]
async fn calls_at_the_same_time_have_connections_of_their_own_and_no_more_are_kept_than_may_be() {
    let together = Arc::new(Barrier::new(8));
    let (gone, mut left) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let (together, gone) = (Arc::clone(&together), gone.clone());
        async move {
            while connection.request().await.is_some() {
                together.wait().await;
                connection.send(OK).await;
            }
            let _ = gone.send(());
        }
    })
    .await;
    let options = HttpUpstreamOptions { pool_max_idle_per_host: 3, ..HttpUpstreamOptions::default() };
    let upstream = HttpUpstream::new(Trust::new(None).unwrap(), &options);
    let all = || join_all((0..8).map(|_| call(&upstream, &server.url)));
    assert!(all().await.into_iter().all(|said| said.unwrap() == b"ok"));
    assert_eq!(server.connections(), 8);
    for _ in 0..5 {
        tokio::time::timeout(LONG, left.recv()).await.unwrap().unwrap();
    }
    assert!(left.try_recv().is_err(), "three are kept");
    assert!(all().await.into_iter().all(|said| said.unwrap() == b"ok"));
    assert_eq!(server.connections(), 8 + 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_are_answered_each_with_its_own_answer() {
    let server = Server::start(|mut connection| async move {
        while let Some(request) = connection.request().await {
            let said = request.rsplit("\r\n\r\n").next().expect("a body");
            connection
                .send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len()))
                .await;
        }
    })
    .await;
    let upstream = upstream();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..32 {
        let (upstream, url) = (upstream.clone(), server.url.clone());
        callers.spawn(async move {
            for call in 0..50 {
                let said = format!("caller {caller} call {call}");
                let request = UpstreamRequest { body: said.clone().into(), ..request(&url) };
                let response = tokio::time::timeout(LONG, upstream.call(request)).await.unwrap().unwrap();
                assert_eq!(rest(response).await.unwrap(), said.as_bytes());
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    assert!(server.connections() <= 32, "{}", server.connections());
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed_in_its_time() {
    let (gone, mut left) = mpsc::unbounded_channel();
    let server = Server::start(move |connection| {
        let gone = gone.clone();
        async move {
            answer_all(connection).await;
            let _ = gone.send(());
        }
    })
    .await;
    let options =
        HttpUpstreamOptions { pool_idle_timeout: Duration::from_mins(1), ..HttpUpstreamOptions::default() };
    let upstream = HttpUpstream::new(Trust::new(None).unwrap(), &options);
    assert_eq!(call(&upstream, &server.url).await.unwrap(), b"ok");
    // While the clock stands still, no call may wait: it would be over its time at once.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(59)).await;
    tokio::time::resume();
    assert_eq!(call(&upstream, &server.url).await.unwrap(), b"ok");
    assert_eq!(server.connections(), 1);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(59)).await;
    assert!(left.try_recv().is_err(), "a call makes it young");
    tokio::time::advance(Duration::from_secs(2)).await;
    left.recv().await.expect("it is closed though nobody calls");
    tokio::time::resume();
    assert_eq!(call(&upstream, &server.url).await.unwrap(), b"ok");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_the_other_side_closes_is_closed_though_nobody_calls() {
    let (gone, mut left) = mpsc::unbounded_channel();
    let together = Arc::new(Barrier::new(3));
    let server = Server::start(move |mut connection| {
        let (together, gone) = (Arc::clone(&together), gone.clone());
        async move {
            connection.request().await;
            together.wait().await;
            connection.send(OK).await;
            connection.end().await;
            connection.closed().await;
            let _ = gone.send(());
        }
    })
    .await;
    let upstream = upstream();
    for said in join_all((0..3).map(|_| call(&upstream, &server.url))).await {
        assert_eq!(said.unwrap(), b"ok");
    }
    for _ in 0..3 {
        tokio::time::timeout(LONG, left.recv()).await.unwrap().unwrap();
    }
}
