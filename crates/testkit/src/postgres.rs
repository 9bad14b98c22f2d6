//! Throwaway PostgreSQL: one server for a test run, one database for a test.

use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use url::Url;

use crate::server::{self, Recipe, RunAs};

/// Names a server to use instead of starting one: the URL of a superuser. Set by `cargo xtask test`.
pub const SERVER_VARIABLE: &str = "PROMPTGATE_TEST_POSTGRES";

const INSTALL: &str = "PostgreSQL is not installed: `apt-get install postgresql` (its service need not run)";

/// A PostgreSQL server of its own, with nothing in it and no promise to keep it. Stops when dropped.
#[derive(Debug)]
pub struct PostgresServer {
    url: Url,
    _server: server::Server,
}

impl PostgresServer {
    /// Starts a server. Blocks the thread for a second or two.
    pub fn start() -> anyhow::Result<Self> {
        let [initdb, postgres] = ["initdb", "postgres"].map(find_program);
        let (initdb, postgres) = (initdb?, postgres?);
        let run_as = RunAs::instead_of_root("postgres")?;
        server::on_a_free_port(|port| {
            let recipe = Recipe {
                name: "postgres",
                run_as,
                stop_signal: "QUIT",
                command: &|directory| command(&initdb, &postgres, directory, port),
                ready: &|directory| {
                    let state = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap_or_default();
                    state.lines().nth(7).is_some_and(|line| line.trim() == "ready")
                },
            };
            let server = server::Server::start(&recipe)?;
            let url = Url::parse(&format!("postgres://postgres@127.0.0.1:{port}/postgres"))?;
            Ok(Self { url, _server: server })
        })
    }

    /// The URL of its superuser, for [`SERVER_VARIABLE`].
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

/// Makes the cluster, then becomes the server.
fn command(initdb: &Path, postgres: &Path, directory: &Path, port: u16) -> Vec<OsString> {
    const SCRIPT: &str = r#"
"$0" -D "$2/data" -U postgres --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 || exit 1
exec "$1" -D "$2/data" -p "$3" -k "$2" -c listen_addresses=127.0.0.1 -c max_connections=200 \
  -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=32MB
"#;
    ["sh".into(), "-c".into(), SCRIPT.into(), initdb.into(), postgres.into(), directory.into()]
        .into_iter()
        .chain([OsString::from(port.to_string())])
        .collect()
}

/// A fresh, empty database. Dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    url: Url,
    server: Url,
    _started: Option<Arc<PostgresServer>>,
}

impl TestDatabase {
    /// Where it is.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let name = self.url.path().trim_start_matches('/');
        let _ = execute(&self.server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }
}

/// Makes a fresh database: on the server that [`SERVER_VARIABLE`] names, else on one that is
/// started for this process, once.
pub async fn database() -> anyhow::Result<TestDatabase> {
    tokio::task::spawn_blocking(make_database).await?
}

fn make_database() -> anyhow::Result<TestDatabase> {
    let (server, started) = if let Some(text) = given_server() {
        (Url::parse(&text).with_context(|| format!("{SERVER_VARIABLE} is not a URL"))?, None)
    } else {
        let started = server_of_this_process()?;
        (started.url.clone(), Some(started))
    };
    let name = format!("test_{:016x}", RandomState::new().build_hasher().finish());
    execute(&server, &format!("CREATE DATABASE {name} TEMPLATE template0"))?;
    let mut url = server.clone();
    url.set_path(&name);
    Ok(TestDatabase { url, server, _started: started })
}

#[expect(clippy::disallowed_methods, reason = "tests take the server from the command that runs them")]
fn given_server() -> Option<String> {
    std::env::var(SERVER_VARIABLE).ok().filter(|text| !text.is_empty())
}

fn server_of_this_process() -> anyhow::Result<Arc<PostgresServer>> {
    // Never dropped: the watch of the server notices when this process ends.
    static SERVER: Mutex<Option<Arc<PostgresServer>>> = Mutex::new(None);
    let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(started) = &*server {
        return Ok(Arc::clone(started));
    }
    Ok(Arc::clone(server.insert(Arc::new(PostgresServer::start()?))))
}

fn execute(server: &Url, statement: &str) -> anyhow::Result<()> {
    let output = Command::new(find_program("psql")?)
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.as_str(), "-c", statement])
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!("`{statement}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

pub(crate) fn find_program(name: &str) -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").map(|entries| {
        let mut versions: Vec<(u32, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
            .collect();
        versions.sort_unstable_by(|a, b| b.cmp(a));
        versions.into_iter().map(|(_, path)| path).collect::<Vec<_>>()
    });
    server::find_program(name, &versions.unwrap_or_default()).context(INSTALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(url: &str, query: &str) -> String {
        let mut psql = Command::new(find_program("psql").unwrap());
        let output = psql.args(["-XAt", "-d", url, "-c", query]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[tokio::test]
    async fn every_call_gives_a_database_of_its_own_that_goes_with_the_value() {
        let (first, second) = tokio::join!(database(), database());
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_ne!(first.url(), second.url());
        rows(first.url(), "CREATE TABLE here (id int)");
        let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'here'";
        assert_eq!(rows(first.url(), tables), "1");
        assert_eq!(rows(second.url(), tables), "0");
        let gone = first.url().rsplit('/').next().unwrap().to_owned();
        drop(first);
        let left = format!("SELECT count(*) FROM pg_database WHERE datname = '{gone}'");
        assert_eq!(rows(second.url(), &left), "0");
    }

    #[test]
    fn a_dropped_server_leaves_nothing() {
        let server = PostgresServer::start().unwrap();
        let directory = PathBuf::from(rows(server.url(), "SHOW data_directory"));
        assert!(directory.is_dir(), "{}", directory.display());
        drop(server);
        assert!(!directory.parent().unwrap().exists());
    }
}
