//! Redis with Sentinel: a master, a replica of it, and who says which is which.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::redis::{Redis, answers, find_redis};
use crate::server::{self, Recipe, Server};

/// The name of the service that the sentinel watches.
pub const SERVICE: &str = "promptgate";

/// A master and its replica, watched by a sentinel that makes the replica the master when the master is
/// gone for half a second. All of them stop when it is dropped.
#[derive(Debug)]
pub struct Sentinel {
    port: u16,
    /// Who is the master at first.
    pub master: Redis,
    replica: Redis,
    _server: Server,
}

impl Sentinel {
    /// Starts all of them, and waits until the sentinel knows the replica.
    pub async fn start() -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(Self::start_blocking).await?
    }

    /// Where clients ask who the master is.
    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={SERVICE}", self.port)
    }

    /// The port of who becomes master.
    pub fn replica(&self) -> u16 {
        self.replica.port()
    }

    /// Whether who was the replica is the master.
    pub fn has_turned(&self) -> bool {
        say(self.replica.port(), "ROLE\r\n").is_some_and(|said| said.contains("master"))
    }

    fn start_blocking() -> anyhow::Result<Self> {
        let (master, replica) = (Redis::start_blocking()?, Redis::start_blocking()?);
        let follow = format!("REPLICAOF 127.0.0.1 {}\r\n", master.port());
        anyhow::ensure!(say(replica.port(), &follow).is_some(), "the replica follows nobody");
        let program = find_redis()?;
        let watched = master.port();
        let (port, server) = server::on_a_free_port(|port| {
            let configuration = format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor {SERVICE} 127.0.0.1 {watched} 1\n\
                 sentinel down-after-milliseconds {SERVICE} 500\nsentinel failover-timeout {SERVICE} 2000\n"
            );
            let server = Server::start(&Recipe {
                name: "sentinel",
                run_as: None,
                stop_signal: "KILL",
                command: &|directory| {
                    const SCRIPT: &str = r#"cd "$1" && printf '%s' "$2" >sentinel.conf && exec "$0" "$1/sentinel.conf" --sentinel"#;
                    let words = ["sh", "-c", SCRIPT].map(OsString::from);
                    let more = [program.clone().into(), directory.into(), OsString::from(&configuration)];
                    words.into_iter().chain(more).collect()
                },
                ready: &|_| answers(port) && knows_the_replica(port),
            })?;
            Ok((port, server))
        })?;
        Ok(Self { port, master, replica, _server: server })
    }
}

fn knows_the_replica(port: u16) -> bool {
    let said = say(port, &format!("SENTINEL REPLICAS {SERVICE}\r\n"));
    // Before it has spoken to the replica, it would not make it the master.
    said.is_some_and(|said| said.contains("\r\nslave\r\n") && said.contains("\r\nok\r\n"))
}

/// What a server says to a line, as far as it comes at once.
fn say(port: u16, line: &str) -> Option<String> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    connection.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    connection.write_all(line.as_bytes()).ok()?;
    let (mut said, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = connection.read(&mut piece) {
        said.extend_from_slice(&piece[..length]);
    }
    (!said.is_empty()).then(|| String::from_utf8_lossy(&said).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_replica_becomes_the_master_when_the_master_is_gone() {
        let mut sentinel = Sentinel::start().await.unwrap();
        assert!(!sentinel.has_turned());
        sentinel.master.stop().await.unwrap();
        for _ in 0..100 {
            if sentinel.has_turned() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the replica stays a replica");
    }
}
