//! From the spool into the store.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use promptgate_store::Store;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::directory::Directory;
use super::ledger::Ledger;
use super::quarantine::Quarantine;
use super::recorder::{NotNow, Recorder, Recording};
use super::segment::{self, Batch, Limit, Position};
use super::writer::Next;
use super::{MemorySpool, Spool, SpoolOptions, gauge_value};

const TICK: Duration = Duration::from_secs(1);

/// Brings usage events into the store: those of this process, and those that dead processes left
/// under the same root.
pub struct Drainer {
    own: Own,
    root: Option<PathBuf>,
    options: SpoolOptions,
    recording: Arc<Recording>,
    recorder: Recorder,
    /// Segments of the own spool that are stored, and since when.
    stored: VecDeque<(u64, Instant)>,
    orphans: Vec<Orphan>,
    adopted: Option<Instant>,
}

enum Own {
    Disk(Arc<Spool>),
    Memory(Arc<MemorySpool>),
    Nothing,
}

/// The spool of a dead process.
struct Orphan {
    directory: Directory,
    recorder: Recorder,
    position: Position,
    end: Position,
    stored: Option<Instant>,
}

/// What a pass over every spool came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pass {
    /// Everything there was is stored.
    Done,
    /// Something cannot be read or stored now.
    Stuck,
    /// There is more to be stored at once.
    More,
}

impl Drainer {
    /// For a process with a spool of its own.
    pub fn new(spool: Arc<Spool>, store: Arc<dyn Store>) -> Self {
        let (root, options) = (spool.root().to_owned(), spool.options().clone());
        Self::with(Own::Disk(spool), Some(root), options, Box::new(store))
    }

    /// For a process that only looks after the spools of dead ones under `root`.
    pub fn orphans(root: &Path, options: SpoolOptions, store: Arc<dyn Store>) -> Self {
        Self::with(Own::Nothing, Some(root.to_owned()), options, Box::new(store))
    }

    /// For a process that keeps its events in memory.
    pub fn memory(spool: Arc<MemorySpool>, store: Arc<dyn Store>) -> Self {
        Self::with(Own::Memory(spool), None, SpoolOptions::default(), Box::new(store))
    }

    fn with(own: Own, root: Option<PathBuf>, options: SpoolOptions, ledger: Box<dyn Ledger>) -> Self {
        let recording = Recording::new(ledger, Quarantine::in_root(root.as_deref()));
        let recorder = Recorder::new(Arc::clone(&recording));
        let (stored, orphans) = (VecDeque::new(), Vec::new());
        Self { own, root, options, recording, recorder, stored, orphans, adopted: None }
    }

    /// Drains until shutdown, then once more, up to a deadline. Cancel `shutdown` when nothing appends
    /// any more; what is appended later waits on the disk for the next process.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let spool = match &self.own {
            Own::Disk(spool) => Some(Arc::clone(spool)),
            Own::Memory(_) | Own::Nothing => None,
        };
        let sync_every = self.options.sync_every;
        if let Some(spool) = &spool {
            spool.note_drainer(true);
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.drain_for_ever() => {}
            () = synchronise_for_ever(spool.clone(), sync_every) => {}
        }
        if let Some(spool) = &spool {
            spool.note_drainer(false);
        }
        let deadline = self.options.drain_deadline;
        let drained = timeout(deadline, self.drain_until_done()).await.is_ok_and(|pass| pass == Pass::Done);
        if let Some(spool) = spool {
            synchronise(&spool, Duration::ZERO).await;
        }
        self.orphans.retain(|orphan| orphan.stored.is_none() || !orphan.remove());
        if !drained {
            self.say_what_is_left();
        }
    }

    async fn drain_for_ever(&mut self) {
        loop {
            self.adopt_when_due().await;
            self.cut();
            match self.pass(Recorder::is_due).await {
                Pass::More => {}
                Pass::Stuck | Pass::Done => self.wait_for_events().await,
            }
        }
    }

    async fn drain_until_done(&mut self) -> Pass {
        loop {
            match self.pass(|_| true).await {
                Pass::More => {}
                pass => return pass,
            }
        }
    }

    /// Waits until events were appended and others had time to join them, or make a whole batch; at most
    /// a tick.
    async fn wait_for_events(&self) {
        let stuck = [&self.recorder].into_iter().chain(self.orphans.iter().map(|orphan| &orphan.recorder));
        let retry = stuck.filter_map(Recorder::due).min().unwrap_or_else(|| Instant::now() + TICK);
        let linger = || sleep(self.options.linger);
        let appended = async {
            match &self.own {
                Own::Disk(spool) => {
                    spool.appended().await;
                    tokio::select! {
                        () = linger() => {}
                        () = spool.completed(), if self.recorder.is_due() => {}
                    }
                }
                Own::Memory(spool) => {
                    spool.appended().await;
                    linger().await;
                }
                Own::Nothing => std::future::pending().await,
            }
        };
        tokio::select! {
            () = appended => {}
            () = sleep(TICK.min(self.options.adopt_every)) => {}
            () = sleep_until(retry) => {}
        }
    }

    /// One batch of every spool whose turn it is.
    async fn pass(&mut self, its_turn: fn(&Recorder) -> bool) -> Pass {
        let limit = Limit { lines: self.options.batch_events, bytes: self.options.batch_bytes };
        let mut pass = if its_turn(&self.recorder) { self.bring_own(limit).await } else { Pass::Stuck };
        for orphan in self.orphans.iter_mut().filter(|orphan| orphan.stored.is_none()) {
            let brought = if its_turn(&orphan.recorder) { orphan.bring(limit).await } else { Pass::Stuck };
            pass = pass.max(brought);
        }
        pass
    }

    async fn bring_own(&mut self, limit: Limit) -> Pass {
        match &self.own {
            Own::Disk(spool) => {
                let (from, end) = spool.unstored();
                let brought = match spool.next(limit) {
                    Next::Nothing => return Pass::Done,
                    Next::Known(batch) => self.recorder.record(&batch.calls).await.map(|()| batch),
                    Next::InFiles(end) => {
                        bring(&mut self.recorder, spool.directory(), from, end, limit).await
                    }
                };
                match brought {
                    Ok(batch) => {
                        spool.mark_stored(batch.next, batch.bytes);
                        let now = Instant::now();
                        self.stored.extend((from.segment..batch.next.segment).map(|number| (number, now)));
                        more_if(batch.next < end)
                    }
                    Err(NotNow) => Pass::Stuck,
                }
            }
            Own::Memory(spool) => {
                let (calls, more) = spool.oldest(limit);
                match self.recorder.record(&calls).await {
                    Ok(()) => {
                        spool.mark_stored(calls.len());
                        more_if(more)
                    }
                    Err(NotNow) => Pass::Stuck,
                }
            }
            Own::Nothing => Pass::Done,
        }
    }

    /// Takes over what dead processes left.
    async fn adopt_when_due(&mut self) {
        let due = self.adopted.is_none_or(|last| last.elapsed() >= self.options.adopt_every);
        let Some(root) = self.root.clone().filter(|_| due) else { return };
        self.adopted = Some(Instant::now());
        let found = tokio::task::spawn_blocking(move || Directory::orphans(&root)).await;
        let found = match found.map_err(std::io::Error::other).and_then(|found| found) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "cannot look for spools of dead processes");
                return;
            }
        };
        for directory in found {
            match Orphan::adopt(directory, Recorder::new(Arc::clone(&self.recording))) {
                Ok(orphan) => self.orphans.push(orphan),
                Err(error) => tracing::error!(%error, "cannot read the spool of a dead process"),
            }
        }
    }

    /// Removes what has been stored for long enough.
    fn cut(&mut self) {
        let keep = self.options.keep_stored;
        if let Own::Disk(spool) = &self.own {
            match spool.seal_stored(keep) {
                Ok(sealed) => self.stored.extend(sealed.map(|number| (number, Instant::now()))),
                Err(error) => tracing::error!(%error, "cannot begin another segment of the spool"),
            }
            while let Some((number, _)) = self.stored.front().filter(|(_, since)| since.elapsed() >= keep) {
                if let Err(error) = std::fs::remove_file(segment::path(spool.directory(), *number)) {
                    tracing::warn!(%error, "cannot remove a segment of the spool");
                }
                self.stored.pop_front();
            }
        }
        self.orphans.retain(|orphan| {
            let kept_enough = orphan.stored.is_some_and(|since| since.elapsed() >= keep);
            !(kept_enough && orphan.remove())
        });
    }

    fn say_what_is_left(&self) {
        match &self.own {
            Own::Memory(spool) if !spool.is_empty() => {
                tracing::error!(
                    usage.events = spool.len(),
                    "usage events in memory are lost: the store is away"
                );
            }
            Own::Disk(spool) if spool.pending_bytes() > 0 => tracing::warn!(
                spool.pending_bytes = spool.pending_bytes(),
                spool.root = %spool.root().display(),
                "usage events stay in the spool; the next process that drains it stores them"
            ),
            Own::Disk(_) | Own::Memory(_) | Own::Nothing => {}
        }
    }
}

impl Orphan {
    fn adopt(directory: Directory, recorder: Recorder) -> std::io::Result<Self> {
        let numbers = segment::numbers(directory.path())?;
        let (first, last) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(0));
        let offset = std::fs::metadata(segment::path(directory.path(), last)).map_or(0, |file| file.len());
        let (position, end) = (Position { segment: first, offset: 0 }, Position { segment: last, offset });
        let bytes = segment::distance(directory.path(), position, end);
        metrics::gauge!("promptgate_spool_pending_bytes").increment(gauge_value(bytes));
        tracing::info!(
            spool = %directory.path().display(),
            spool.pending_bytes = bytes,
            "adopted the spool of a process that ended"
        );
        Ok(Self { directory, recorder, position, end, stored: None })
    }

    async fn bring(&mut self, limit: Limit) -> Pass {
        match bring(&mut self.recorder, self.directory.path(), self.position, self.end, limit).await {
            Ok(batch) => {
                metrics::gauge!("promptgate_spool_pending_bytes").decrement(gauge_value(batch.bytes));
                self.position = batch.next;
                self.stored = (self.position >= self.end).then(Instant::now);
                more_if(self.stored.is_none())
            }
            Err(NotNow) => Pass::Stuck,
        }
    }

    /// Whether it is gone.
    fn remove(&self) -> bool {
        self.directory
            .remove()
            .inspect_err(|error| tracing::warn!(%error, "cannot remove the spool of a process that ended"))
            .is_ok()
    }
}

/// Reads a batch and has it recorded.
async fn bring(
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
    recorder.record(&batch.calls).await?;
    for json in &batch.foreign {
        recorder.set_aside(json, "not a usage event of this version")?;
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

fn more_if(more: bool) -> Pass {
    if more { Pass::More } else { Pass::Done }
}

async fn synchronise_for_ever(spool: Option<Arc<Spool>>, every: Duration) {
    let Some(spool) = spool else { return std::future::pending().await };
    loop {
        sleep(every).await;
        synchronise(&spool, every).await;
    }
}

/// Forces the spool to the disk, with what was said so long ago and is in memory only.
async fn synchronise(spool: &Arc<Spool>, age: Duration) {
    let spool = Arc::clone(spool);
    let synchronise = move || spool.save_contents(age).and_then(|()| spool.sync());
    let synced = tokio::task::spawn_blocking(synchronise).await;
    if let Err(error) = synced.map_err(std::io::Error::other).and_then(|synced| synced) {
        tracing::error!(%error, "cannot force the spool to the disk");
    }
}

#[cfg(test)]
mod tests;
