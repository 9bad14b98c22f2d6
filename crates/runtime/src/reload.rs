//! SIGHUP: what can be read anew is; of what cannot, those settings are named that changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use promptgate_gateway::Synchroniser;
use promptgate_providers::CapabilityTable;
use promptgate_settings::{Process, Settings, Sources};
use promptgate_store::Store;
use promptgate_telemetry::Levels;

use crate::base::Base;
use crate::shutdown::ReloadSignal;
use crate::start::level;

/// The settings that act without a restart.
const AT_ONCE: [&str; 2] = ["PROMPTGATE_LOG_LEVEL", "PROMPTGATE_CAPABILITIES_FILE"];

/// Listens for the signal, in a process with a data plane or without one. A failure leaves what is there in
/// force.
pub(crate) fn on_signal(base: &Base, data_plane: Option<Synchroniser<Arc<dyn Store>>>) -> anyhow::Result<()> {
    let mut signal = ReloadSignal::listen()?;
    let stop = base.stop.clone();
    let mut reload = Reload {
        process: base.process,
        sources: base.sources.clone(),
        levels: base.levels.clone(),
        started: base.settings.clone(),
        current: base.settings.clone(),
        data_plane,
    };
    base.tasks.spawn(async move {
        let reload = async {
            loop {
                signal.next().await;
                reload.all().await;
            }
        };
        stop.run_until_cancelled(reload).await
    });
    Ok(())
}

struct Reload {
    process: Process,
    sources: Sources,
    levels: Levels,
    /// The settings of the start, which those that need a restart are compared with.
    started: Settings,
    current: Settings,
    data_plane: Option<Synchroniser<Arc<dyn Store>>>,
}

impl Reload {
    async fn all(&mut self) {
        tracing::info!("SIGHUP: reading settings and configuration anew");
        let mut done = Vec::new();
        match self.settings() {
            Ok(changed) => done.extend(changed),
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "the settings could not be read anew; going on with those that are in force"
            ),
        }
        if let Some(synchroniser) = &self.data_plane {
            match self.capabilities() {
                Ok(table) => {
                    synchroniser.capabilities.store(table);
                    done.push("the capability table".to_owned());
                }
                Err(error) => tracing::error!(
                    error = format!("{error:#}"),
                    "the capability table could not be read anew; going on with the last good one"
                ),
            }
            match synchroniser.reload().await {
                Ok(()) => {
                    tracing::info!("the configuration was read anew");
                    done.push("the configuration".to_owned());
                }
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the configuration could not be read anew; going on with the last good one"
                ),
            }
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

    fn capabilities(&self) -> anyhow::Result<CapabilityTable> {
        let file: Option<PathBuf> = self.current.data_plane()?.capabilities_file;
        capability_table(file.as_deref())
    }
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
