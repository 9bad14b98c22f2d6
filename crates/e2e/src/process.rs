//! One running binary.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Seek, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context;

use crate::eventually;

/// How long a start or an end may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process whose output is kept. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: Lines,
    errors: Lines,
    readers: [JoinHandle<()>; 2],
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// With which status.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub output: String,
    /// What it wrote to standard error.
    pub errors: String,
}

type Lines = Arc<Mutex<Vec<String>>>;

impl Process {
    pub(crate) fn start(command: Command) -> anyhow::Result<Self> {
        Self::reading(Stdio::null(), command)
    }

    /// One that is told something: `input` is all that it can read.
    pub(crate) fn told(input: &str, command: Command) -> anyhow::Result<Self> {
        let mut file = tempfile::tempfile()?;
        file.write_all(input.as_bytes())?;
        file.rewind()?;
        Self::reading(file.into(), command)
    }

    fn reading(input: Stdio, mut command: Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let (output, errors) = (Lines::default(), Lines::default());
        let readers = [
            keep(child.stdout.take().context("a child without output")?, Arc::clone(&output)),
            keep(child.stderr.take().context("a child without errors")?, Arc::clone(&errors)),
        ];
        Ok(Self { child, output, errors, readers })
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    pub fn output(&self) -> String {
        joined(&self.output)
    }

    /// What it has written to standard error so far.
    pub fn errors(&self) -> String {
        joined(&self.errors)
    }

    /// Both.
    pub fn said(&self) -> String {
        format!("{}{}", self.output(), self.errors())
    }

    /// Waits for a line of standard output that contains `text`, and returns it.
    pub async fn line(&mut self, text: &str) -> anyhow::Result<String> {
        let found = eventually(&format!("a line with `{text}`"), PATIENCE, || {
            let line = self.output().lines().find(|line| line.contains(text)).map(str::to_owned);
            let ended = self.child.try_wait().ok().flatten();
            async move { line.map(Ok).or_else(|| ended.map(Err)) }
        })
        .await;
        match found {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(status)) => {
                anyhow::bail!("it ended ({status}) without a line with `{text}`: {}", self.said())
            }
            Err(error) => Err(error.context(self.said())),
        }
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let status = Command::new("kill").args(["-s", name, &self.id().to_string()]).status()?;
        anyhow::ensure!(status.success(), "cannot send {name} to {}", self.id());
        Ok(())
    }

    /// Kills it, without giving it a chance to do anything.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it ends by itself.
    pub async fn end(mut self) -> anyhow::Result<Ended> {
        let waited = eventually("its end", PATIENCE, || {
            let ended = self.child.try_wait().ok().flatten();
            async move { ended }
        })
        .await;
        let status = waited.with_context(|| self.said())?;
        // The readers end with the pipes, which may be a moment after the process.
        eventually("the end of its output", PATIENCE, || {
            let done = self.readers.iter().all(JoinHandle::is_finished);
            async move { done.then_some(()) }
        })
        .await?;
        Ok(Ended { status, output: self.output(), errors: self.errors() })
    }

    /// Asks it to end, and waits until it has.
    pub async fn terminate(self) -> anyhow::Result<Ended> {
        self.signal("TERM")?;
        self.end().await
    }

    /// How many file handles it holds.
    pub fn open_files(&self) -> anyhow::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.id()))?.count())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end on a thread of its own, so that the process never waits for us.
fn keep(source: impl Read + Send + 'static, lines: Lines) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(source).lines() {
            let Ok(line) = line else { break };
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    })
}

fn joined(lines: &Lines) -> String {
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}
