//! Row 19, apart from the providers' answers (see `resilience`): connections that are not taken, clients
//! that send slowly, and healthy streams that are long.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use promptgate_e2e::Installation;
use promptgate_testkit::upstream::{Gate, Reply};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::stage::{Stage, and, chat};

/// An address that takes no more connections, as a machine that is too busy.
async fn full() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    // Those in the queue are connected; the first who is not has found it full.
    while let Ok(Ok(connection)) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        waiting.push(connection);
        assert!(waiting.len() < 100, "the queue has no end");
    }
    (listener, waiting)
}

#[tokio::test]
async fn row_19_a_connection_that_is_not_taken_has_its_own_code() {
    let stage = Stage::with(&[]).await;
    let (listener, _waiting) = full().await;
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let more = json!({"config": {"connectTimeoutMs": 300}});
    stage.gateway.provider_with("busy", "openai_compatible", &base, &more).await.unwrap();
    stage.gateway.caught_up().await.unwrap();
    let began = Instant::now();
    let answer = stage.post("/v1/chat/completions", &chat("busy:m", "Hello")).await.expect(504).unwrap();
    assert_eq!(answer["error"]["code"], "upstream_connect_timeout", "{answer}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn row_19_a_slow_upload_is_408_and_reaches_nobody() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_PROXY_UPLOAD_TIMEOUT", "500ms");
    let stage = Stage::on(installation, &[("up", "openai_compatible", "/v1")]).await;
    let project = &stage.project;
    let host = stage.gateway.proxy.strip_prefix("http://").unwrap();
    for (path, code) in
        [("/v1/chat/completions", "\"code\":\"request_timeout\""), ("/v1/messages", "\"type\":\"error\"")]
    {
        let mut connection = TcpStream::connect(host).await.unwrap();
        let head = format!(
            "POST /api/{}{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"model\":",
            project.id, project.token,
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains(code), "{answer}");
    }
    assert_eq!(stage.upstream.counts().requests, 0);
    let call = stage.recorded(2).await;
    assert_eq!((&call["status"], &call["errorCode"]), (&json!(408), &json!("request_timeout")), "{call}");
}

#[tokio::test]
async fn row_19_no_total_deadline_cuts_a_healthy_stream() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_PROXY_UPSTREAM_TIMEOUT", "300ms");
    let stage = Stage::on(installation, &[("up", "openai_compatible", "/v1")]).await;
    let word = |text: &str| {
        let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
        format!("data: {}\n\n", json!({"id": "c", "object": "chat.completion.chunk", "choices": [choice]}))
    };
    let gate = Gate::new();
    stage.upstream.enqueue(
        Reply::sse([word("one")]).wait(&gate).chunk(word("two")).wait(&gate).chunk("data: [DONE]\n\n"),
    );
    let body = and(chat("up:m", "Hello"), &json!({"stream": true}));
    let url = stage.project.url("/v1/chat/completions");
    let began = Instant::now();
    let mut stream = stage.project.client.stream(&url, &body).await.unwrap();
    stream.read_until("one").await.unwrap();
    // What is no stream is cut in the meantime: that is how the test knows that the time is over.
    stage.upstream.enqueue(Reply::never());
    let cut = stage.post("/v1/chat/completions", &chat("up:m", "Hello")).await.expect(504).unwrap();
    assert_eq!(cut["error"]["code"], "upstream_total_timeout", "{cut}");
    assert!(began.elapsed() >= Duration::from_millis(300));
    gate.release();
    stream.read_until("two").await.unwrap();
    gate.release();
    let rest = stream.whole().await.unwrap().text();
    assert!(rest.contains("[DONE]") && !rest.contains("error"), "{rest}");
}
