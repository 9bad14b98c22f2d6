//! The client that exports traces.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use opentelemetry_http::{Bytes, HttpClient, Request};
use promptgate_upstream_http::OtlpHttpClient;
use tokio::runtime::Handle;

use crate::server::Server;
use crate::{LONG, SHORT, upstream};

/// Drives a future on this thread, which belongs to no runtime.
fn drive<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

async fn export(url: &str, timeout: std::time::Duration) -> Result<Bytes, String> {
    let client = OtlpHttpClient::new(&upstream(), Handle::current(), timeout);
    let request = Request::post(url).body(Bytes::from_static(b"spans")).expect("a request");
    let exporting = tokio::task::spawn_blocking(move || {
        std::thread::spawn(move || {
            assert!(Handle::try_current().is_err(), "this thread belongs to no runtime");
            drive(client.send_bytes(request))
                .map(http::Response::into_body)
                .map_err(|error| error.to_string())
        })
        .join()
        .expect("no panic")
    });
    exporting.await.expect("no panic")
}

#[tokio::test]
async fn traces_are_exported_from_outside_the_runtime() {
    let server = Server::start(|mut connection| async move {
        let request = connection.request().await.expect("a request");
        let seen = request.ends_with("\r\n\r\nspans");
        connection
            .send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{seen}", seen.to_string().len()))
            .await;
    })
    .await;
    assert_eq!(export(&server.url, LONG).await.unwrap(), "true");
}

#[tokio::test]
async fn a_collector_that_says_nothing_or_too_much_is_an_error() {
    let silent = Server::start(|mut connection| async move { connection.closed().await }).await;
    export(&silent.url, SHORT).await.unwrap_err();
    let babbling = Server::start(|mut connection| async move {
        connection.request().await;
        let much = "x".repeat(100_000);
        connection.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{much}")).await;
        connection.closed().await;
    })
    .await;
    export(&babbling.url, LONG).await.unwrap_err();
}
