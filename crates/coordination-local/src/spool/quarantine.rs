//! Where events go that the store refuses.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::value::RawValue;

/// A file of events that need a person, one JSON object a line: `{"reason":…,"event":…}`.
#[derive(Debug)]
pub(super) struct Quarantine {
    /// `None` without a directory to write to: then the log is the file.
    file: Option<PathBuf>,
}

#[derive(serde::Serialize)]
struct Entry<'a> {
    reason: &'a str,
    event: &'a RawValue,
}

impl Quarantine {
    pub(super) fn in_root(root: Option<&std::path::Path>) -> Self {
        Self { file: root.map(|root| root.join("quarantine.jsonl")) }
    }

    /// Sets an event aside, given as JSON.
    pub(super) fn add(&self, event: &[u8], reason: &str) -> io::Result<()> {
        let event: &RawValue = serde_json::from_slice(event)?;
        if let Some(path) = &self.file {
            let mut line = serde_json::to_vec(&Entry { reason, event })?;
            line.push(b'\n');
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            file.write_all(&line)?;
            file.sync_data()?;
            tracing::error!(reason, file = %path.display(), "a usage event was set aside");
        } else {
            tracing::error!(reason, usage.event = event.get(), "a usage event was given up");
        }
        metrics::counter!("promptgate_spool_quarantined_total").increment(1);
        Ok(())
    }
}
