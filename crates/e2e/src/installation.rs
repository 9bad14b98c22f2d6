//! A place where PromptGate is installed.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::Context;
use promptgate_testkit::{
    postgres::{self, TestDatabase},
    redis::Redis,
};
use tempfile::TempDir;

use crate::{
    port::free_port,
    process::{Ended, Process},
};

/// The account that processes run as where the test is about not being root.
const UNPRIVILEGED: u32 = 1000;

/// Opens the admin routes of every installation.
pub const ADMIN_KEY: &str = "the-operator's-key-in-tests";

/// Who a process runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// Whoever runs the tests.
    Same,
    /// Uid 1000 if root runs the tests, else whoever does.
    Unprivileged,
}

/// A directory of its own, a database, and settings. Processes started here see no variable of
/// the environment that the tests run in.
pub struct Installation {
    directory: TempDir,
    variables: BTreeMap<String, String>,
    user: User,
    working_directory: PathBuf,
    /// Kept as long as the installation, and removed with it.
    database: Option<Arc<TestDatabase>>,
    redis: Option<Redis>,
}

impl Installation {
    /// The embedded default: SQLite in a data directory, nothing set but what keeps tests apart.
    pub fn embedded() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("promptgate-e2e-").tempdir()?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        let installation = Self {
            directory,
            variables: BTreeMap::new(),
            user: User::Same,
            working_directory: PathBuf::new(),
            database: None,
            redis: None,
        };
        let data = installation.data_directory();
        // Nobody else's ports, whatever a test forgets.
        let ports = ["PORT", "PROXY_PORT", "SCHEDULER_PORT", "WORKER_PORT"];
        let installation = ports.into_iter().fold(installation, |installation, name| {
            installation.set(&format!("PROMPTGATE_{name}"), &free_port().to_string())
        });
        Ok(installation
            .set("PROMPTGATE_DATA_DIR", &data.to_string_lossy())
            .set("PROMPTGATE_ADMIN_API_KEY", ADMIN_KEY))
    }

    /// Over a PostgreSQL database of its own, with the secrets that a cluster must be given.
    pub async fn on_postgres() -> anyhow::Result<Self> {
        let database = Arc::new(postgres::database().await?);
        let mut installation = Self::on(database.url())?;
        installation.database = Some(database);
        Ok(installation)
    }

    /// The same over a PostgreSQL database that is somebody else's to keep.
    pub fn on(url: &str) -> anyhow::Result<Self> {
        Ok(Self::embedded()?
            .set("PROMPTGATE_DATABASE_URL", url)
            .set("PROMPTGATE_SECRETS_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
            .set("PROMPTGATE_JWT_SECRET", "a-secret-of-more-than-32-bytes-for-tests"))
    }

    /// The same with a Redis of its own.
    pub async fn on_postgres_and_redis() -> anyhow::Result<Self> {
        let redis = Redis::start().await?;
        let mut installation = Self::on_postgres().await?.set("PROMPTGATE_REDIS_URL", &redis.url());
        installation.redis = Some(redis);
        Ok(installation)
    }

    /// With one more setting.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Without a setting.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// With processes that run as somebody else, who owns nothing here.
    #[must_use]
    pub fn run_as(mut self, user: User) -> Self {
        self.user = user;
        self
    }

    /// With processes whose working directory is one below its own, which exists.
    #[must_use]
    pub fn working_in(mut self, directory: &str) -> Self {
        self.working_directory = PathBuf::from(directory);
        self
    }

    /// Its directory, in which processes work unless told otherwise.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where the processes keep what is theirs.
    pub fn data_directory(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Its Redis, if it has one.
    pub fn redis(&mut self) -> Option<&mut Redis> {
        self.redis.as_mut()
    }

    /// What is set.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Starts a binary with arguments.
    pub fn start(&self, binary: &str, arguments: &[&str]) -> anyhow::Result<Process> {
        self.start_with(binary, arguments, &[])
    }

    /// Starts a binary with arguments and variables of its own.
    pub fn start_with(
        &self,
        binary: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Process> {
        Process::start(self.command(binary, arguments, variables)?)
    }

    /// Runs a command of the operator to its end, with something to read on its standard input.
    pub async fn operate(&self, arguments: &[&str], input: &str) -> anyhow::Result<Ended> {
        Process::told(input, self.command("promptgate", arguments, &[])?)?.end().await
    }

    fn command(
        &self,
        binary: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Command> {
        let program = self.program(binary)?;
        let mut command = if self.drops_privileges()? {
            let mut command = Command::new("setpriv");
            let id = UNPRIVILEGED.to_string();
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--no-new-privs"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .args(arguments)
            .current_dir(self.path().join(&self.working_directory))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin")))
            .envs(self.variables.iter().filter(|(name, _)| concerns(binary, name)))
            .envs(variables.iter().copied());
        Ok(command)
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        let ended = self.start("promptgate-migrate", &[])?.end().await?;
        anyhow::ensure!(ended.status.success(), "migrate failed: {}{}", ended.output, ended.errors);
        Ok(())
    }

    fn drops_privileges(&self) -> anyhow::Result<bool> {
        let id = Command::new("id").arg("-u").output().context("cannot run `id`")?;
        Ok(self.user == User::Unprivileged && id.stdout.trim_ascii() == b"0")
    }

    /// The built binary; a copy where it must be reachable for somebody else.
    fn program(&self, binary: &str) -> anyhow::Result<PathBuf> {
        let built = built(binary)?;
        if !self.drops_privileges()? {
            return Ok(built);
        }
        let copy = self.path().join(binary);
        if !copy.exists() {
            fs::copy(&built, &copy).with_context(|| format!("cannot copy {}", built.display()))?;
        }
        Ok(copy)
    }
}

/// Whether a setting is meant for a binary. Those that are one process are given nothing that is
/// for others, so that every test shows that they need no more.
fn concerns(binary: &str, name: &str) -> bool {
    match name {
        "PROMPTGATE_ADMIN_API_KEY" => matches!(binary, "promptgate" | "promptgate-api"),
        "PROMPTGATE_REDIS_URL" | "PROMPTGATE_SECRETS_KEY" | "PROMPTGATE_JWT_SECRET" => {
            binary != "promptgate-migrate"
        }
        _ => true,
    }
}

/// Where Cargo put a binary: near the test that runs.
fn built(binary: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let beside = test.parent().context("a program outside a target directory")?;
    // Tests are in a directory below that of the binaries; the soak is one of them.
    let profile = if beside.ends_with("deps") { beside.parent().unwrap_or(beside) } else { beside };
    let path = profile.join(binary);
    anyhow::ensure!(
        path.exists(),
        "{} is not built; run `cargo build --workspace --all-targets`",
        path.display()
    );
    Ok(path)
}
