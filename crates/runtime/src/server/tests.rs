//! Servers over real sockets of this machine.

use axum::body::Body;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const PATIENCE: Patience =
    Patience { header: HEADER_TIMEOUT, idle: IDLE_TIMEOUT, write: Duration::from_mins(1) };
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

struct Bench {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Bench {
    async fn start(router: Router, drain: Duration) -> Self {
        Self::start_with(router, PATIENCE, drain).await
    }

    async fn start_with(router: Router, patience: Patience, drain: Duration) -> Self {
        let bound = bind("127.0.0.1", 0, "PORT").await.expect("a free port");
        let (address, stop, tasks) = (bound.address, CancellationToken::new(), TaskTracker::new());
        tasks.spawn(serve(bound, router, patience, stop.clone(), drain));
        tasks.close();
        Self { address, stop, tasks }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }
}

fn hello() -> Router {
    Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }))
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let length = stream.read(&mut bytes).await.expect("the connection is open");
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

#[tokio::test]
async fn handlers_know_the_peer() {
    let bench = Bench::start(hello(), Duration::from_secs(5)).await;
    let mut client = bench.connect().await;
    client.write_all(REQUEST).await.expect("written");
    let peer = client.local_addr().expect("connected").to_string();
    assert!(answer(&mut client).await.ends_with(&peer));
}

#[tokio::test]
async fn a_taken_port_is_one_line_with_the_setting_to_change() {
    let bench = Bench::start(hello(), Duration::from_secs(5)).await;
    let error = bind("127.0.0.1", bench.address.port(), "PROMPTGATE_PORT").await.expect_err("taken");
    let line = format!("{error:#}");
    assert!(
        line.contains("the port is taken") && line.contains("PROMPTGATE_PORT") && !line.contains('\n'),
        "{line}"
    );
}

#[tokio::test]
async fn a_request_under_way_finishes_and_new_connections_are_refused() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, gate) = (Arc::clone(&entered), Arc::clone(&release));
    let router = Router::new().route(
        "/",
        get(move || async move {
            inside.notify_one();
            gate.notified().await;
            "done"
        }),
    );
    let bench = Bench::start(router, Duration::from_mins(1)).await;
    let mut client = bench.connect().await;
    client.write_all(REQUEST).await.expect("written");
    entered.notified().await;
    bench.stop.cancel();
    let refused = async {
        while TcpStream::connect(bench.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.expect("the listener closes");
    release.notify_one();
    assert!(answer(&mut client).await.ends_with("done"));
    tokio::time::timeout(Duration::from_secs(10), bench.tasks.wait()).await.expect("it ends by itself");
}

#[tokio::test]
async fn what_outlasts_the_drain_is_dropped() {
    let entered = Arc::new(Notify::new());
    let inside = Arc::clone(&entered);
    let router = Router::new().route(
        "/",
        get(move || async move {
            inside.notify_one();
            std::future::pending::<()>().await;
        }),
    );
    let bench = Bench::start(router, Duration::from_millis(50)).await;
    let mut client = bench.connect().await;
    client.write_all(REQUEST).await.expect("written");
    entered.notified().await;
    bench.stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), bench.tasks.wait()).await.expect("it ends at the deadline");
}

/// Whether a connection is closed while the client waits: after `first` was answered, if there is
/// any, and `then` was sent.
async fn is_closed(first: &[u8], then: &[u8], patience: Patience) -> bool {
    let bench = Bench::start_with(hello(), patience, Duration::from_secs(5)).await;
    let mut client = bench.connect().await;
    if !first.is_empty() {
        client.write_all(first).await.expect("written");
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"));
    }
    client.write_all(then).await.expect("written");
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(2), client.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn slow_headers_are_cut_off_and_idle_connections_are_not() {
    let strict = Patience { header: Duration::from_millis(100), ..PATIENCE };
    let both = Patience { idle: Duration::from_millis(100), ..strict };
    let closed = tokio::join!(
        is_closed(b"", b"", strict),
        is_closed(b"", b"GET / HT", strict),
        is_closed(REQUEST, b"GET / HT", strict),
        is_closed(REQUEST, b"", both),
        is_closed(REQUEST, b"", strict),
    );
    assert_eq!(closed, (true, true, true, true, false));
}

#[tokio::test]
async fn a_client_that_stops_reading_loses_its_answer() {
    struct Guard(tokio::sync::mpsc::UnboundedSender<()>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (gone, mut dropped) = tokio::sync::mpsc::unbounded_channel();
    let router = Router::new().route(
        "/",
        get(move || {
            let guard = Guard(gone.clone());
            let endless = futures_util::stream::repeat_with(move || {
                let _ = &guard;
                Ok::<_, io::Error>(bytes::Bytes::from_static(&[b'x'; 16 * 1024]))
            });
            async move { Body::from_stream(endless) }
        }),
    );
    let patience = Patience { write: Duration::from_millis(100), ..PATIENCE };
    let bench = Bench::start_with(router, patience, Duration::from_secs(5)).await;
    let mut client = bench.connect().await;
    client.write_all(REQUEST).await.expect("written");
    // The client keeps the connection open and reads nothing.
    tokio::time::timeout(Duration::from_secs(10), dropped.recv()).await.expect("the answer is dropped");
    drop(client);
}

/// Refuses everything, and reads nothing of it.
fn refusing() -> Router {
    Router::new().fallback(|| async { http::StatusCode::PAYLOAD_TOO_LARGE })
}

fn post(length: usize, more: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{more}\r\n").into_bytes()
}

#[tokio::test]
async fn a_client_that_is_still_sending_sees_why_it_is_refused() {
    const LENGTH: usize = 24 * 1024 * 1024;
    let bench = Bench::start(refusing(), Duration::from_secs(5)).await;
    let mut client = bench.connect().await;
    for _ in 0..2 {
        client.write_all(&post(LENGTH, "")).await.expect("written");
        // All of it is sent before anything is read, as simple clients do.
        for piece in vec![b'x'; LENGTH].chunks(64 * 1024) {
            client.write_all(piece).await.expect("the connection is not reset");
        }
        let said = answer(&mut client).await;
        assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_not_read_for_ever() {
    let bench = Bench::start(refusing(), Duration::from_secs(5)).await;
    let mut client = bench.connect().await;
    client.write_all(&post(usize::MAX / 2, "")).await.expect("written");
    let endless = async {
        let piece = vec![b'x'; 1024 * 1024];
        while client.write_all(&piece).await.is_ok() {}
    };
    tokio::time::timeout(Duration::from_secs(20), endless).await.expect("the connection is closed");
}

#[tokio::test]
async fn who_waits_for_leave_to_send_is_refused_without_it() {
    let bench = Bench::start(refusing(), Duration::from_secs(5)).await;
    let mut client = bench.connect().await;
    client.write_all(&post(1024, "expect: 100-continue\r\n")).await.expect("written");
    let mut said = Vec::new();
    let whole = tokio::time::timeout(Duration::from_secs(4), client.read_to_end(&mut said));
    whole.await.expect("nobody waits for the body").expect("the connection is closed");
    let said = String::from_utf8_lossy(&said);
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
}

#[tokio::test]
async fn who_has_connected_before_the_end_is_answered() {
    let bench = Bench::start(hello(), Duration::from_secs(20)).await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(bench.connect().await);
    }
    bench.stop.cancel();
    for client in &mut clients {
        client.write_all(REQUEST).await.expect("the connection is open");
    }
    for client in &mut clients {
        let said = answer(client).await;
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    }
    drop(clients);
    tokio::time::timeout(Duration::from_secs(10), bench.tasks.wait()).await.expect("it ends by itself");
}
