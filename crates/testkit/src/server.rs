//! Server processes that end with the process that started them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

const START_DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(10);

/// Starts the server, waits until nobody holds its standard input open any more, then stops the
/// server and removes its directory. `$1` is the directory, `$2` the signal that stops the server,
/// the rest the server's command.
const WATCH: &str = r#"
dir=$1; signal=$2; shift 2
( sh -c 'echo $$ >"$0/pid"; exec "$@"' "$dir" "$@" >"$dir/log" 2>&1 </dev/null; echo $? >"$dir/exited" ) &
trap '' HUP INT TERM
while read -r _; do :; done
until [ -s "$dir/pid" ] || [ -e "$dir/exited" ]; do sleep 0.02; done
pid=$(cat "$dir/pid")
if [ ! -e "$dir/exited" ]; then
  kill -s "$signal" "$pid"
  kill -s CONT "$pid"
  tries=0
  while [ ! -e "$dir/exited" ] && [ $tries -lt 250 ]; do sleep 0.02; tries=$((tries + 1)); done
  [ -e "$dir/exited" ] || kill -s KILL "$pid"
fi 2>/dev/null
wait
cd / && rm -rf "$dir"
"#;

/// Who a server runs as, when that is not who runs the tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunAs {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl RunAs {
    /// For servers that refuse to run as root: their own account or `nobody`, when this process is root.
    pub(crate) fn instead_of_root(account: &str) -> anyhow::Result<Option<Self>> {
        let id = Command::new("id").arg("-u").output().context("cannot run `id`")?;
        if id.stdout.trim_ascii() != b"0" {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        let find = |name: &str| {
            accounts.lines().find_map(|line| {
                let mut fields = line.split(':');
                (fields.next() == Some(name)).then_some(())?;
                Some(Self { uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
            })
        };
        let found = find(account).or_else(|| find("nobody"));
        found.map(Some).with_context(|| format!("neither the account `{account}` nor `nobody` exists"))
    }
}

/// How to start a server.
pub(crate) struct Recipe<'a> {
    /// A word for messages and for the directory's name.
    pub(crate) name: &'static str,
    /// Who it runs as.
    pub(crate) run_as: Option<RunAs>,
    /// The signal that stops it without ceremony.
    pub(crate) stop_signal: &'static str,
    /// Its command, given its directory.
    pub(crate) command: &'a dyn Fn(&Path) -> Vec<OsString>,
    /// Whether it serves, given its directory.
    pub(crate) ready: &'a dyn Fn(&Path) -> bool,
}

/// A running server. Dropping it, or the death of this process, stops the server and removes its files.
#[derive(Debug)]
pub(crate) struct Server {
    directory: PathBuf,
    watch: Child,
}

impl Server {
    /// Starts a server and waits until it serves.
    pub(crate) fn start(recipe: &Recipe<'_>) -> anyhow::Result<Self> {
        let directory = make_directory(recipe)?;
        let mut watch = Command::new("sh");
        watch.args(["-c", WATCH, recipe.name]).arg(&directory).arg(recipe.stop_signal);
        watch.args((recipe.command)(&directory));
        // A process group of its own: what ends the tests must not end the watch.
        watch.process_group(0).current_dir("/").env("LC_ALL", "C.UTF-8");
        watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(account) = recipe.run_as {
            watch.uid(account.uid).gid(account.gid);
        }
        let watch = match watch.spawn() {
            Ok(watch) => watch,
            Err(error) => {
                let _ = fs::remove_dir_all(&directory);
                return Err(error).context("cannot start `sh`");
            }
        };
        let server = Self { directory, watch };
        let deadline = Instant::now() + START_DEADLINE;
        while !(recipe.ready)(&server.directory) {
            if server.has_exited() {
                bail!("{} ended at once: {}", recipe.name, server.last_words());
            }
            if Instant::now() > deadline {
                bail!("{} was not ready in {START_DEADLINE:?}: {}", recipe.name, server.last_words());
            }
            std::thread::sleep(POLL);
        }
        Ok(server)
    }

    /// Sends the server a signal, by name.
    pub(crate) fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = fs::read_to_string(self.directory.join("pid")).context("the server has no pid")?;
        let status = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, pid.trim()]).status()?;
        anyhow::ensure!(status.success(), "cannot send {name} to the server");
        Ok(())
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// All that the server wrote.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn has_exited(&self) -> bool {
        self.directory.join("exited").exists()
    }

    fn last_words(&self) -> String {
        let log = self.log();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        last.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

fn make_directory(recipe: &Recipe<'_>) -> anyhow::Result<PathBuf> {
    let prefix = format!("promptgate-test-{}-", recipe.name);
    let directory = tempfile::Builder::new()
        .prefix(&prefix)
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir()
        .context("cannot make a temporary directory")?;
    if let Some(account) = recipe.run_as {
        chown(directory.path(), Some(account.uid), Some(account.gid))?;
    }
    Ok(directory.keep())
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Tries a few ports, as another process may take one between looking and using it.
pub(crate) fn on_a_free_port<T>(start: impl Fn(u16) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let mut last = None;
    for _ in 0..3 {
        match start(free_port()?) {
            Ok(started) => return Ok(started),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("nothing was tried")))
}

/// Where a program is: in `PATH`, or in one of the directories given.
pub(crate) fn find_program(name: &str, also_in: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(also_in.iter().cloned())
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}
