//! A PostgreSQL server that one test has for itself, and may stop, freeze and start again.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::postgres::find_program;
use crate::server::{self, Recipe, RunAs, Server};

/// A PostgreSQL server that keeps what was committed, however it is ended. Stops, and is removed, when
/// dropped.
#[derive(Debug)]
pub struct LonePostgres {
    port: u16,
    server: Option<Server>,
    data: TempDir,
}

impl LonePostgres {
    /// Starts a server with a database `promptgate`.
    pub async fn start() -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(Self::start_blocking).await?
    }

    fn start_blocking() -> anyhow::Result<Self> {
        let data = tempfile::Builder::new().prefix("promptgate-test-postgres-data-").tempdir()?;
        if let Some(account) = RunAs::instead_of_root("postgres")? {
            chown(data.path(), Some(account.uid), Some(account.gid))?;
        }
        fs::set_permissions(data.path(), fs::Permissions::from_mode(0o700))?;
        let (port, server) = server::on_a_free_port(|port| Ok((port, start_on(port, data.path())?)))?;
        let started = Self { port, server: Some(server), data };
        started.ask_blocking("postgres", "CREATE DATABASE promptgate TEMPLATE template0")?;
        Ok(started)
    }

    /// The port it listens on, or listened on before it was stopped.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its database, reached through a port: its own, or that of a line to it.
    pub fn url_through(port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/promptgate")
    }

    /// Ends the server at once: connections break, new ones are refused.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let server = self.server.take();
        Ok(tokio::task::spawn_blocking(|| drop(server)).await?)
    }

    /// Starts the server that was stopped, with all that was committed.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        let (port, data) = (self.port, self.data.path().to_owned());
        self.server = Some(tokio::task::spawn_blocking(move || start_on(port, &data)).await??);
        Ok(())
    }

    /// Freezes every process of the server: connections stay, answers do not come.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal_all("STOP")
    }

    /// Ends a pause.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal_all("CONT")
    }

    /// What a statement answers in its database: lines of fields between `|`.
    pub async fn ask(&self, statement: &str) -> anyhow::Result<String> {
        let (port, statement) = (self.port, statement.to_owned());
        tokio::task::spawn_blocking(move || ask(port, "promptgate", &statement)).await?
    }

    fn ask_blocking(&self, database: &str, statement: &str) -> anyhow::Result<String> {
        ask(self.port, database, statement)
    }

    /// The process that was started, and those that it started for its connections.
    fn signal_all(&self, signal: &str) -> anyhow::Result<()> {
        let file = fs::read_to_string(self.data.path().join("data/postmaster.pid"));
        let file = file.context("this PostgreSQL was stopped")?;
        let pid = file.lines().next().context("no pid")?.trim();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        // Whoever begins connections first, so that none is begun meanwhile.
        for each in std::iter::once(pid).chain(children.split_whitespace()) {
            let status = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, each]).status()?;
            // A connection may have ended by itself.
            anyhow::ensure!(status.success() || each != pid, "cannot send {signal} to the server");
        }
        Ok(())
    }
}

fn ask(port: u16, database: &str, statement: &str) -> anyhow::Result<String> {
    let output = Command::new(find_program("psql")?)
        .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", statement, "-d"])
        .arg(format!("postgres://postgres@127.0.0.1:{port}/{database}"))
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!("`{statement}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn start_on(port: u16, data: &Path) -> anyhow::Result<Server> {
    let [initdb, postgres] = ["initdb", "postgres"].map(find_program);
    let (initdb, postgres) = (initdb?, postgres?);
    Server::start(&Recipe {
        name: "postgres",
        run_as: RunAs::instead_of_root("postgres")?,
        stop_signal: "QUIT",
        command: &|directory| command(&initdb, &postgres, directory, data, port),
        ready: &|_| {
            let state = fs::read_to_string(data.join("data/postmaster.pid")).unwrap_or_default();
            state.lines().nth(7).is_some_and(|line| line.trim() == "ready")
        },
    })
}

/// Makes the cluster if there is none, then becomes the server. What is committed survives the end of the
/// server; that of the machine need not be survived.
fn command(initdb: &Path, postgres: &Path, directory: &Path, data: &Path, port: u16) -> Vec<OsString> {
    const SCRIPT: &str = r#"
[ -e "$3/data/PG_VERSION" ] || "$0" -D "$3/data" -U postgres --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 || exit 1
rm -f "$3/data/postmaster.pid"
exec "$1" -D "$3/data" -p "$4" -k "$2" -c listen_addresses=127.0.0.1 -c max_connections=200 \
  -c fsync=off -c synchronous_commit=on -c full_page_writes=off -c shared_buffers=32MB
"#;
    ["sh".into(), "-c".into(), SCRIPT.into(), initdb.into(), postgres.into(), directory.into(), data.into()]
        .into_iter()
        .chain([OsString::from(port.to_string())])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_what_was_committed_and_answers_nobody_while_paused() {
        let mut postgres = LonePostgres::start().await.unwrap();
        postgres.ask("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").await.unwrap();
        postgres.stop().await.unwrap();
        assert!(postgres.ask("SELECT 1").await.is_err());
        postgres.start_again().await.unwrap();
        assert_eq!(postgres.ask("SELECT n FROM kept").await.unwrap(), "7");
        postgres.pause().unwrap();
        let asked =
            tokio::time::timeout(std::time::Duration::from_millis(300), postgres.ask("SELECT 1")).await;
        assert!(asked.is_err(), "a frozen server answered");
        postgres.resume().unwrap();
        assert_eq!(postgres.ask("SELECT n FROM kept").await.unwrap(), "7");
    }
}
