//! Processes under measurement: their start, their processor time, their memory, their end.

use std::ffi::OsStr;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A child process and its children, ended when dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    pid: u32,
}

impl Process {
    /// Starts a program and waits until `address` accepts connections.
    pub(crate) async fn start<I, S>(
        name: &'static str,
        program: &Path,
        arguments: I,
        directory: &Path,
        address: SocketAddr,
    ) -> anyhow::Result<Self>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let log = std::fs::File::create(directory.join(format!("{name}.log")))?;
        let child = Command::new(program)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {name} ({})", program.display()))?;
        let pid = child.id().context("the process has just been started")?;
        let mut process = Self { name, child, pid };
        process.wait_until_it_listens(address).await.with_context(|| {
            let log = std::fs::read_to_string(directory.join(format!("{name}.log"))).unwrap_or_default();
            format!("{name} said: {}", log.trim())
        })?;
        Ok(process)
    }

    async fn wait_until_it_listens(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}", self.name);
            }
            if Instant::now() > deadline {
                bail!("{} does not listen on {address} after a minute", self.name);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Processor seconds of the process and of the workers it started.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.family().iter().filter_map(|pid| cpu_ticks(*pid)).sum::<u64>() as f64 / 100.0
    }

    /// The resident memory in MiB: the peak so far, and now.
    pub(crate) fn memory_mib(&self) -> (f64, f64) {
        let read = |field: &str| {
            self.family().iter().filter_map(|pid| status_kib(*pid, field)).sum::<u64>() as f64 / 1024.0
        };
        (read("VmHWM:"), read("VmRSS:"))
    }

    fn family(&self) -> Vec<u32> {
        let children =
            std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid)).unwrap_or_default();
        std::iter::once(self.pid)
            .chain(children.split_whitespace().filter_map(|pid| pid.parse().ok()))
            .collect()
    }
}

impl Drop for Process {
    /// Ends the workers too: a master that is merely killed leaves them behind.
    fn drop(&mut self) {
        let family = self.family();
        let _ = std::process::Command::new("kill").args(family.iter().map(u32::to_string)).status();
    }
}

/// User and system time in clock ticks, of which Linux has 100 a second.
fn cpu_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

/// The same, with those of its children that ended.
pub(crate) fn cpu_ticks_with_ended(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
    Some(fields.filter_map(|field| field.parse::<u64>().ok()).sum())
}

fn status_kib(pid: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// An address on the loopback interface that was free a moment ago.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Prints a line, or several, of the report.
#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}
