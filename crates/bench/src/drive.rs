//! The load: a number of connections that call one after another.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Where calls go, and what they carry.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) token: String,
    pub(crate) model: String,
}

/// What a turn took.
pub(crate) struct Turn {
    pub(crate) wall: Duration,
    pub(crate) latencies: Vec<Duration>,
}

/// Makes `count` calls over `clients` connections and waits for every answer's last byte.
pub(crate) async fn turn(
    target: &Target,
    stream: bool,
    clients: usize,
    count: usize,
) -> anyhow::Result<Turn> {
    let left = Arc::new(AtomicUsize::new(count));
    let body = Bytes::from(request_body(target, stream));
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..clients {
        callers.spawn(caller(target.clone(), body.clone(), Arc::clone(&left)));
    }
    let mut latencies = Vec::with_capacity(count);
    while let Some(finished) = callers.join_next().await {
        latencies.extend(finished??);
    }
    Ok(Turn { wall: started.elapsed(), latencies })
}

async fn caller(target: Target, body: Bytes, left: Arc<AtomicUsize>) -> anyhow::Result<Vec<Duration>> {
    let stream =
        TcpStream::connect(target.address).await.with_context(|| format!("connect to {}", target.address))?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    let mut latencies = Vec::new();
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let request = Request::post(&target.path)
            .header(header::HOST, target.address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", target.token))
            .body(Full::new(body.clone()))?;
        let started = Instant::now();
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        ensure!(
            status.is_success(),
            "{} answered {status}: {}",
            target.address,
            String::from_utf8_lossy(&answer)
        );
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}

/// A chat request of about 1 KB. Without the option of one of them it is one of OpenAI's and of
/// Anthropic's.
fn request_body(target: &Target, stream: bool) -> String {
    let model = &target.model;
    let asks_usage = stream && target.path.ends_with("/chat/completions");
    let text = "What does a gateway between programs and models have to do, and why? ".repeat(12);
    // The upstream looks for this spelling, so it is written by hand.
    format!(
        r#"{{"model":"{model}","messages":[{{"role":"user","content":"{text}"}}],"max_tokens":500,"stream":{stream},"stream_options":{{"include_usage":true}}}}"#
    )
    .replace(if asks_usage { "\u{0}" } else { r#","stream_options":{"include_usage":true}"# }, "")
}
