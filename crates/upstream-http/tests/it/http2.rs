//! Calls over HTTP/2, which needs TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use promptgate_gateway::ports::{Upstream, UpstreamRequest};
use promptgate_upstream_http::{HttpUpstream, HttpUpstreamOptions, Trust};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::tls::{CA, server_config};
use crate::{LONG, request, rest};

struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    _accepting: JoinSet<()>,
}

/// Answers with the version and what was sent, `together` requests at a time.
async fn serve(alpn: &'static [u8], together: usize) -> Server {
    serve_limited(alpn, together, None).await
}

/// The same, with so many requests over one connection at the same time.
async fn serve_limited(alpn: &'static [u8], together: usize, most_streams: Option<u32>) -> Server {
    let mut config = server_config();
    config.alpn_protocols = vec![alpn.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}/v1/x?y=z", listener.local_addr().expect("it is bound"));
    let (connections, together) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(together)));
    let counter = Arc::clone(&connections);
    let mut accepting = JoinSet::new();
    accepting.spawn(async move {
        let mut serving = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let (acceptor, together) = (acceptor.clone(), Arc::clone(&together));
            serving.spawn(async move {
                let stream = acceptor.accept(stream).await.expect("a handshake");
                let service = service_fn(move |request: Request<Incoming>| {
                    let together = Arc::clone(&together);
                    async move {
                        together.wait().await;
                        let said = format!("{:?} {}: ", request.version(), request.uri());
                        let has_host = request.headers().contains_key("host");
                        assert_eq!(has_host, request.version() == Version::HTTP_11);
                        let body = request.into_body().collect().await?.to_bytes();
                        let said = [said.as_bytes(), &body].concat();
                        Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from(said))))
                    }
                });
                let mut http = auto::Builder::new(TokioExecutor::new());
                http.http2().max_concurrent_streams(most_streams);
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Server { url, connections, _accepting: accepting }
}

fn upstream() -> HttpUpstream {
    HttpUpstream::new(Trust::new(Some(CA)).expect("TLS"), &HttpUpstreamOptions::default())
}

async fn call(upstream: &HttpUpstream, url: &str, body: &str) -> String {
    let call = UpstreamRequest { body: body.to_owned().into(), ..request(url) };
    let response =
        tokio::time::timeout(LONG, upstream.call(call)).await.expect("it ends").expect("an answer");
    String::from_utf8(rest(response).await.expect("a body")).expect("text")
}

#[tokio::test]
async fn calls_at_the_same_time_share_a_connection_where_http_2_is_offered() {
    let server = serve(b"h2", 1).await;
    let upstream = upstream();
    let expected = |body: &str| format!("HTTP/2.0 {}: {body}", server.url);
    assert_eq!(call(&upstream, &server.url, "first").await, expected("first"));
    let large = "l".repeat(1024 * 1024);
    let bodies: Vec<_> = (0..8).map(|call| format!("{call}{large}")).collect();
    let said = join_all(bodies.iter().map(|body| call(&upstream, &server.url, body))).await;
    for (said, body) in said.iter().zip(&bodies) {
        assert!(*said == expected(body));
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn calls_at_the_same_time_do_not_wait_for_each_other() {
    let server = serve(b"h2", 4).await;
    let upstream = upstream();
    for _ in 0..3 {
        join_all((0..4).map(|_| call(&upstream, &server.url, "all at once"))).await;
    }
    // Only the first of them did not know yet.
    assert!(server.connections.load(Ordering::SeqCst) <= 4);
}

#[tokio::test]
async fn whoever_finds_no_place_on_a_connection_makes_another() {
    // Nobody is answered before three ask at the same time, and a connection takes one of them.
    let server = serve_limited(b"h2", 3, Some(1)).await;
    let upstream = upstream();
    for _ in 0..3 {
        join_all((0..3).map(|_| call(&upstream, &server.url, "all at once"))).await;
        assert_eq!(server.connections.load(Ordering::SeqCst), 3, "they are used again");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_on_does_not_stop_the_others() {
    let server = serve(b"h2", 1).await;
    let upstream = upstream();
    let large = "l".repeat(1024 * 1024);
    call(&upstream, &server.url, "first").await;
    let ask = || UpstreamRequest { body: large.clone().into(), ..request(&server.url) };
    let unread = join_all((0..8).map(|_| upstream.call(ask()))).await;
    assert!(call(&upstream, &server.url, &large).await.ends_with(&large));
    for response in unread {
        assert!(rest(response.unwrap()).await.unwrap().ends_with(large.as_bytes()));
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_place_is_free_again_when_an_answer_is_let_go_of() {
    let server = serve_limited(b"h2", 1, Some(1)).await;
    let upstream = upstream();
    let large = "l".repeat(1024 * 1024);
    for _ in 0..3 {
        let ask = UpstreamRequest { body: large.clone().into(), ..request(&server.url) };
        drop(upstream.call(ask).await.unwrap());
        assert!(call(&upstream, &server.url, "next").await.ends_with("next"));
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn http_1_over_tls_is_spoken_where_http_2_is_not_offered() {
    let server = serve(b"http/1.1", 1).await;
    let upstream = upstream();
    for _ in 0..3 {
        assert_eq!(call(&upstream, &server.url, "said").await, "HTTP/1.1 /v1/x?y=z: said");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}
