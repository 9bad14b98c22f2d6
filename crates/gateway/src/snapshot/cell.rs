//! The snapshot in force.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use promptgate_kernel::Revision;
use tokio::sync::{Mutex, MutexGuard, Notify, watch};

use super::Snapshot;

/// The snapshot in force. Reading it takes no lock.
#[derive(Debug)]
pub struct SnapshotCell {
    current: ArcSwap<Snapshot>,
    wanted: Notify,
    looked: watch::Sender<u64>,
    revision: watch::Sender<Revision>,
    reading: Mutex<()>,
}

impl Default for SnapshotCell {
    fn default() -> Self {
        Self::new(Snapshot::default())
    }
}

impl SnapshotCell {
    /// A cell that holds `snapshot`.
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            revision: watch::Sender::new(snapshot.revision()),
            current: ArcSwap::from_pointee(snapshot),
            wanted: Notify::new(),
            looked: watch::Sender::new(0),
            reading: Mutex::new(()),
        }
    }

    /// The snapshot in force. A request takes one and keeps to it.
    pub fn load(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Puts another snapshot in force.
    pub fn store(&self, snapshot: Snapshot) {
        #[expect(clippy::cast_precision_loss, reason = "a metric; exact below 2^53")]
        metrics::gauge!("promptgate_snapshot_revision").set(snapshot.revision().number() as f64);
        let revision = snapshot.revision();
        self.current.store(Arc::new(snapshot));
        self.revision.send_replace(revision);
    }

    /// Tells of every revision that comes into force.
    pub fn revisions(&self) -> watch::Receiver<Revision> {
        self.revision.subscribe()
    }

    /// Asks the synchroniser to look for changes now, and waits for the end of a look, but not
    /// longer than `limit`. For callers that name something which may be too new for the snapshot.
    /// The look may be one that was under way already.
    pub(crate) async fn refresh(&self, limit: Duration) {
        let mut looked = self.looked.subscribe();
        self.wanted.notify_one();
        let _ = tokio::time::timeout(limit, looked.changed()).await;
    }

    /// For whoever reads the configuration and puts it in force: one at a time, from the one to the other.
    pub(crate) async fn reading(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().await
    }

    /// Waits until somebody asks for a look.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Tells those who wait that a look is over.
    pub(crate) fn looked(&self) {
        self.looked.send_modify(|count| *count += 1);
    }
}
