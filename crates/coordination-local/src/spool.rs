//! Custody of usage events, and of what was said in the calls, between the end of a call and the store.
//!
//! A process appends to its own directory, `<root>/<instance>/`, which it holds locked. Appending is
//! one write to the page cache: a killed process loses nothing, a power cut at most what was not
//! synchronised yet ([`SpoolOptions::sync_every`]). The [`Drainer`] brings batches into the store and
//! removes segments once they have been there for a while. A directory whose lock is free belonged
//! to a process that died; any drainer over the same root adopts it.
//!
//! Recording is idempotent by the event's id, so that an event may be brought twice: there is no
//! file of positions that could be wrong.
//!
//! Between the spool and the store there may be a [stream](promptgate_ingest::Feed), through which others
//! bring the events into the store. The spool keeps them until the store has them, whatever becomes of
//! the stream: those of which nothing is heard for [`SpoolOptions::stream_patience`] are brought
//! straight into the store.
//!
//! An event that the store refuses for itself is put on the list of
//! [dead letters](promptgate_usage::DeadLetter), logged and counted, and does not hold up the others.
//!
//! A process without a directory to write to uses [`MemorySpool`], and gives up what that says.

mod call;
mod directory;
mod drainer;
mod line;
mod memory;
mod recent;
mod segment;
mod writer;

#[cfg(test)]
use promptgate_ingest::testing as sample;
use std::path::PathBuf;
use std::time::Duration;

pub use drainer::Drainer;
pub use memory::MemorySpool;
pub use writer::Spool;

/// How a spool and its drainer behave.
#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// A segment is closed when it has reached this size.
    pub segment_bytes: u64,
    /// Above this much that is not stored yet, the spool complains. It goes on, but leaves out what is
    /// said in the calls: an event is worth more than the disk it takes, a content is not.
    pub alarm_bytes: u64,
    /// How often what was appended is forced to the disk.
    pub sync_every: Duration,
    /// Events go to the store in batches of at most this many.
    pub batch_events: usize,
    /// A batch that has reached this size is not made larger.
    pub batch_bytes: u64,
    /// How long an incomplete batch waits for more.
    pub linger: Duration,
    /// How long a segment is kept after its events were stored: a store may itself forget its last
    /// transactions when the power fails.
    pub keep_stored: Duration,
    /// How often spools of dead processes are looked for.
    pub adopt_every: Duration,
    /// How long events may be in a stream without the store having them, while it answers; and how long
    /// a stream may be full. After that they are brought straight into the store.
    pub stream_patience: Duration,
    /// How long the last drain, at shutdown, may take. What is left then waits on the disk.
    pub drain_deadline: Duration,
}

impl Default for SpoolOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 8 << 20,
            alarm_bytes: 1 << 30,
            sync_every: Duration::from_secs(1),
            batch_events: 1_000,
            batch_bytes: 6 << 20,
            linger: Duration::from_millis(200),
            keep_stored: Duration::from_mins(1),
            adopt_every: Duration::from_secs(10),
            stream_patience: Duration::from_mins(1),
            drain_deadline: Duration::from_secs(5),
        }
    }
}

/// A spool cannot be had in a directory.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep a spool in {}", root.display())]
pub struct SpoolError {
    /// The directory.
    pub root: PathBuf,
    /// Why not.
    #[source]
    pub source: std::io::Error,
}

#[expect(clippy::cast_precision_loss, reason = "a gauge of bytes need not be exact beyond 2^53")]
fn gauge_value(bytes: u64) -> f64 {
    bytes as f64
}
