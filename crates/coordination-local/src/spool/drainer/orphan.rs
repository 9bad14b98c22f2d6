//! Spools of dead processes.

use std::path::Path;
use std::time::Duration;

use promptgate_ingest::{NotNow, Recorder};
use tokio::time::Instant;

use super::super::directory::Directory;
use super::super::gauge_value;
use super::super::segment::{self, Batch, Limit, Position};
use super::Pass;

/// The spool of a dead process. It goes straight into the store: nobody is in a hurry any more.
pub(super) struct Orphan {
    directory: Directory,
    pub(super) recorder: Recorder,
    position: Position,
    end: Position,
    /// How long ago its process was last heard of.
    age: Duration,
    pub(super) stored: Option<Instant>,
}

impl Orphan {
    pub(super) fn adopt(directory: Directory, recorder: Recorder) -> std::io::Result<Self> {
        let numbers = segment::numbers(directory.path())?;
        let (first, last) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(0));
        let file = std::fs::metadata(segment::path(directory.path(), last)).ok();
        let offset = file.as_ref().map_or(0, std::fs::Metadata::len);
        let age = file.and_then(|file| file.modified().ok()?.elapsed().ok()).unwrap_or_default();
        let (position, end) = (Position { segment: first, offset: 0 }, Position { segment: last, offset });
        let bytes = segment::distance(directory.path(), position, end);
        metrics::gauge!("promptgate_spool_pending_bytes").increment(gauge_value(bytes));
        tracing::info!(
            spool = %directory.path().display(),
            spool.pending_bytes = bytes,
            "adopted the spool of a process that ended"
        );
        Ok(Self { directory, recorder, position, end, age, stored: None })
    }

    /// Whether it is to be brought, and its process was last heard of so long ago.
    pub(super) fn waits_since(&self, age: Duration) -> bool {
        self.stored.is_none() && self.age >= age
    }

    pub(super) async fn bring(&mut self, limit: Limit) -> Pass {
        let read = read(&mut self.recorder, self.directory.path(), self.position, self.end, limit).await;
        let Ok(batch) = read else { return Pass::Stuck };
        if self.recorder.record(&batch.calls).await.is_err() {
            return Pass::Stuck;
        }
        metrics::gauge!("promptgate_spool_pending_bytes").decrement(gauge_value(batch.bytes));
        self.position = batch.next;
        self.stored = (self.position >= self.end).then(Instant::now);
        Pass::more_if(self.stored.is_none())
    }

    /// Whether it is gone.
    pub(super) fn remove(&self) -> bool {
        self.directory
            .remove()
            .inspect_err(|error| tracing::warn!(%error, "cannot remove the spool of a process that ended"))
            .is_ok()
    }
}

/// Reads a batch from the files of a spool; what is no event in them is set aside.
pub(super) async fn read(
    recorder: &mut Recorder,
    directory: &Path,
    from: Position,
    end: Position,
    limit: Limit,
) -> Result<Batch, NotNow> {
    if from >= end {
        return Ok(Batch { next: from, ..Batch::default() });
    }
    let path = directory.to_owned();
    let read = tokio::task::spawn_blocking(move || segment::read(&path, from, end, limit)).await;
    let batch = read.map_err(std::io::Error::other).and_then(|read| read).map_err(|error| {
        tracing::error!(%error, spool = %directory.display(), "cannot read a spool");
        recorder.put_off()
    })?;
    for json in &batch.foreign {
        recorder.set_aside_foreign(&String::from_utf8_lossy(json)).await?;
    }
    if batch.torn > 0 {
        metrics::counter!("promptgate_spool_torn_lines_total").increment(batch.torn);
        tracing::warn!(
            spool = %directory.display(),
            lines = batch.torn,
            "skipped what was being written to the spool when its process or the power ended"
        );
    }
    Ok(batch)
}
