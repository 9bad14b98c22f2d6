//! A line to a server, which may be slow.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// A port of this machine that leads to another one, with as much latency as is wanted. Where the other one
/// refuses connections, those made here are closed at once. Its connections break when it is dropped.
#[derive(Debug)]
pub struct Line {
    port: u16,
    delay: Arc<AtomicU64>,
    _stop: DropGuard,
}

impl Line {
    /// A line to a port of this machine, as fast as there are.
    pub async fn to(port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (own, stop, delay) = (listener.local_addr()?.port(), CancellationToken::new(), Arc::default());
        let line = Self { port: own, delay: Arc::clone(&delay), _stop: stop.clone().drop_guard() };
        let tasks = TaskTracker::new();
        tasks.spawn(accept(
            listener,
            SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            delay,
            stop,
            tasks.clone(),
        ));
        Ok(line)
    }

    /// The port of this end.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, whatever is sent arrives so much later, in both directions.
    pub fn slow_down(&self, delay: Duration) {
        self.delay.store(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

async fn accept(
    listener: TcpListener,
    to: SocketAddr,
    delay: Arc<AtomicU64>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((near, _)) = accepted else { continue };
        let (delay, stop) = (Arc::clone(&delay), stop.clone());
        tasks.spawn(async move {
            let Ok(far) = TcpStream::connect(to).await else { return };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::select! {
                () = stop.cancelled() => {}
                () = pass(near_in, far_out, &delay) => {}
                () = pass(far_in, near_out, &delay) => {}
            }
        });
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: &AtomicU64) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let delay = delay.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_micros(delay)).await;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::redis::Redis;

    async fn ping(port: u16) -> Option<Duration> {
        let started = Instant::now();
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        connection.write_all(b"PING\r\n").await.ok()?;
        let mut answer = [0; 5];
        connection.read_exact(&mut answer).await.ok()?;
        (&answer == b"+PONG").then(|| started.elapsed())
    }

    #[tokio::test]
    async fn what_is_sent_arrives_later_and_not_at_all_without_a_server() {
        let mut redis = Redis::start().await.unwrap();
        let line = Line::to(redis.port()).await.unwrap();
        assert!(ping(line.port()).await.is_some());
        line.slow_down(Duration::from_millis(50));
        assert!(ping(line.port()).await.unwrap() >= Duration::from_millis(100));
        redis.stop().await.unwrap();
        assert!(ping(line.port()).await.is_none());
    }
}
