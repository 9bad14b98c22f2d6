//! Throwaway Redis that a test may stop, restart and pause.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use crate::server::{self, Recipe, Server};

/// A Redis of its own, without persistence. Stops when dropped.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    server: Option<Server>,
}

impl Redis {
    /// Starts a server and waits until it answers.
    pub async fn start() -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(Self::start_blocking).await?
    }

    /// As [`Self::start`], for programs without a runtime.
    pub fn start_blocking() -> anyhow::Result<Self> {
        let program = find_redis()?;
        server::on_a_free_port(|port| Ok(Self { port, server: Some(start_on(&program, port)?) }))
    }

    /// Where it is, or was before it was stopped.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server: connections break, new ones are refused.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let server = self.server.take();
        Ok(tokio::task::spawn_blocking(|| drop(server)).await?)
    }

    /// Stops the server if it runs and starts it, empty, on the same port.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        let port = self.port;
        let start = move || start_on(&find_redis()?, port);
        self.server = Some(tokio::task::spawn_blocking(start).await??);
        Ok(())
    }

    /// What it answers to a command, as it is on the wire.
    pub async fn ask(&self, command: &str) -> anyhow::Result<String> {
        let (port, command) = (self.port, format!("{command}\r\nQUIT\r\n"));
        let asked = move || -> anyhow::Result<String> {
            let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            connection.set_read_timeout(Some(Duration::from_secs(5)))?;
            connection.write_all(command.as_bytes())?;
            let mut answer = String::new();
            connection.read_to_string(&mut answer)?;
            Ok(answer.strip_suffix("+OK\r\n").unwrap_or(&answer).to_owned())
        };
        tokio::task::spawn_blocking(asked).await?
    }

    /// Freezes the server: connections stay, answers do not come.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.running()?.signal("STOP")
    }

    /// Ends a pause.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.running()?.signal("CONT")
    }

    fn running(&self) -> anyhow::Result<&Server> {
        self.server.as_ref().context("this Redis was stopped")
    }
}

pub(crate) fn find_redis() -> anyhow::Result<PathBuf> {
    let found = ["redis-server", "valkey-server"].iter().find_map(|name| server::find_program(name, &[]));
    found.context("Redis is not installed: `apt-get install redis-server` (its service need not run)")
}

fn start_on(program: &Path, port: u16) -> anyhow::Result<Server> {
    Server::start(&Recipe {
        name: "redis",
        run_as: None,
        stop_signal: "KILL",
        command: &|directory| {
            let mut command = vec![OsString::from(program), "--port".into(), port.to_string().into()];
            command.extend(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"].map(OsString::from));
            command.extend(["--dir".into(), directory.into()]);
            command
        },
        ready: &|_| answers(port),
    })
}

pub(crate) fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        connection.set_read_timeout(Some(Duration::from_secs(1)))?;
        connection.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        connection.read_exact(&mut answer)?;
        Ok(&answer == b"+PONG")
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stops_and_comes_back_on_the_same_port() {
        let mut redis = Redis::start().await.unwrap();
        let port = redis.port();
        redis.pause().unwrap();
        redis.stop().await.unwrap();
        assert!(!answers(port));
        redis.restart().await.unwrap();
        assert!(answers(port));
        assert_eq!(redis.ask("SET kept 1").await.unwrap(), "+OK\r\n");
        assert_eq!(redis.ask("GET kept").await.unwrap(), "$1\r\n1\r\n");
        assert_eq!(redis.url(), format!("redis://127.0.0.1:{port}"));
    }
}
