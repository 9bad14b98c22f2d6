//! SIGHUP: what can be read anew is; of what cannot, those settings are named that changed.
//!
//! Whatever a process has that can be read anew says so itself, with [`Reloads::add`]. Each part stands for
//! itself: one that cannot be read leaves what was there in force, and the others are read all the same.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use futures_util::future::BoxFuture;
use promptgate_providers::CapabilityTable;
use promptgate_settings::{Process, Settings, Sources};
use promptgate_telemetry::Levels;
use tokio_util::sync::CancellationToken;

use crate::base::Base;
use crate::outbound::Certificates;
use crate::shutdown::ReloadSignal;
use crate::start::level;

/// The settings that act without a restart.
const AT_ONCE: [&str; 5] = [
    "PROMPTGATE_LOG_LEVEL",
    "PROMPTGATE_CAPABILITIES_FILE",
    "PROMPTGATE_CA_FILE",
    "PROMPTGATE_PRICES_FILE",
    "PROMPTGATE_PRICES_URL",
];

/// Reads something anew by the settings of now; whether there was anything to read.
type Reading = Arc<dyn Fn(Settings) -> BoxFuture<'static, anyhow::Result<bool>> + Send + Sync>;

/// What a process can read anew, in the order in which it is read. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Reloads {
    parts: Arc<Mutex<Vec<Part>>>,
    /// Whether everything was added.
    complete: CancellationToken,
}

#[derive(Clone)]
struct Part {
    /// Such as `the configuration`.
    what: &'static str,
    /// What metrics call it.
    name: &'static str,
    read: Reading,
}

impl Reloads {
    /// Has something read at every signal from now on.
    pub(crate) fn add<F>(
        &self,
        what: &'static str,
        name: &'static str,
        read: impl Fn(Settings) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = anyhow::Result<bool>> + Send + 'static,
    {
        let read: Reading = Arc::new(move |settings| Box::pin(read(settings)));
        self.parts().push(Part { what, name, read });
    }

    /// Nothing more is added: the process begins to serve. Where the signal came before, everything is read
    /// once more, for some of it was made meanwhile, and by the settings of the start.
    pub(crate) fn complete(&self) {
        self.complete.cancel();
    }

    fn parts(&self) -> MutexGuard<'_, Vec<Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens for the signal from now on. A process that is yet to add something is not ended by it.
pub(crate) fn on_signal(base: &Base) -> anyhow::Result<()> {
    let mut signal = ReloadSignal::listen()?;
    let stop = base.stop.clone();
    let mut reload = Reload {
        process: base.process,
        sources: base.sources.clone(),
        levels: base.levels.clone(),
        started: base.settings.clone(),
        current: base.settings.clone(),
        certificates: base.certificates.clone(),
        parts: base.reloads.clone(),
    };
    let mut turns = Turns { complete: base.reloads.complete.clone(), came_early: false };
    base.tasks.spawn(async move {
        let reload = async {
            loop {
                turns.next(signal.next()).await;
                reload.all().await;
            }
        };
        stop.run_until_cancelled(reload).await
    });
    Ok(())
}

/// When everything is read: at each signal, and once more when the process is complete, where one came before.
struct Turns {
    complete: CancellationToken,
    came_early: bool,
}

impl Turns {
    async fn next(&mut self, signal: impl Future<Output = ()>) {
        tokio::select! {
            () = signal => self.came_early |= !self.complete.is_cancelled(),
            () = self.complete.cancelled(), if self.came_early => {
                self.came_early = false;
                tracing::info!("a SIGHUP came before the process served: reading everything once more");
            }
        }
    }
}

struct Reload {
    process: Process,
    sources: Sources,
    levels: Levels,
    /// The settings of the start, which those that need a restart are compared with.
    started: Settings,
    current: Settings,
    certificates: Certificates,
    parts: Reloads,
}

impl Reload {
    async fn all(&mut self) {
        tracing::info!("SIGHUP: reading settings and configuration anew");
        let mut done = Vec::new();
        match self.settings() {
            Ok(changed) => {
                count("settings", "succeeded");
                done.extend(changed);
            }
            Err(error) => {
                count("settings", "failed");
                tracing::error!(
                    error = format!("{error:#}"),
                    "the settings could not be read anew; going on with those that are in force"
                );
            }
        }
        let read = self.certificates.read_anew(&self.current);
        done.extend(told("the certificates of calls to the outside", "certificates", read));
        let parts = self.parts.parts().clone();
        for Part { what, name, read } in parts {
            done.extend(told(what, name, read(self.current.clone()).await));
        }
        let done = if done.is_empty() { "nothing".to_owned() } else { done.join(", ") };
        tracing::info!(reloaded = done, "read anew: {done}");
        let waiting = names(&self.started, &self.current, self.process, |name| !AT_ONCE.contains(&name));
        if !waiting.is_empty() {
            let waiting = waiting.join(", ");
            tracing::warn!(settings = waiting, "changed, and in force only after a restart: {waiting}");
        }
    }

    /// Puts settings in force that can be; says which changed.
    fn settings(&mut self) -> anyhow::Result<Vec<String>> {
        let new = self.sources.clone().resolve()?;
        new.check(self.process)?;
        let changed = names(&self.current, &new, self.process, |name| AT_ONCE.contains(&name));
        self.levels.set(level(&new.common()?.log));
        self.current = new;
        Ok(changed)
    }
}

/// Says how it went with one part; its name if it was read.
fn told(what: &'static str, name: &'static str, read: anyhow::Result<bool>) -> Option<String> {
    match read {
        Ok(true) => {
            count(name, "succeeded");
            tracing::info!("{what}: read anew");
            Some(what.to_owned())
        }
        Ok(false) => None,
        Err(error) => {
            count(name, "failed");
            tracing::error!(
                error = format!("{error:#}"),
                "{what}: could not be read anew; going on with what was read last"
            );
            None
        }
    }
}

fn count(part: &'static str, outcome: &'static str) {
    metrics::counter!("promptgate_reloads_total", "part" => part, "outcome" => outcome).increment(1);
}

/// The names of settings that are not the same, as far as they are wanted.
fn names(one: &Settings, other: &Settings, process: Process, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    one.differing(other, process).into_iter().filter(|name| wanted(name)).collect()
}

/// What models can do: as the operator's file says, else as the program knows.
pub(crate) fn capability_table(file: Option<&Path>) -> anyhow::Result<CapabilityTable> {
    let Some(file) = file else { return Ok(CapabilityTable::bundled()) };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("PROMPTGATE_CAPABILITIES_FILE: cannot read {}", file.display()))?;
    CapabilityTable::parse(&text).with_context(|| format!("PROMPTGATE_CAPABILITIES_FILE: {}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_signal_during_the_start_is_heeded_once_more_when_the_process_serves() {
        let complete = CancellationToken::new();
        let mut turns = Turns { complete: complete.clone(), came_early: false };
        assert!(turns.next(pending()).now_or_never().is_none());
        turns.next(ready(())).await;
        assert!(turns.next(pending()).now_or_never().is_none());
        turns.next(ready(())).await;
        complete.cancel();
        turns.next(pending()).await;
        assert!(turns.next(pending()).now_or_never().is_none(), "once for all that came before");
        turns.next(ready(())).await;
        assert!(turns.next(pending()).now_or_never().is_none(), "everything was there");
    }
}
