//! From the spool into the store, straight or through a stream.

mod afloat;
mod orphan;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use promptgate_ingest::{Feed, NotNow, Recorder, Recording};
use promptgate_kernel::Clock;
use promptgate_store::Store;
use promptgate_usage::FinishedCall;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::directory::Directory;
use super::segment::{self, Limit, Position};
use super::writer::Next;
use super::{MemorySpool, Spool, SpoolOptions};
use afloat::{Afloat, Fed, Floating};
use orphan::Orphan;

const TICK: Duration = Duration::from_secs(1);

/// Brings usage events into the store: those of this process, and those that dead processes left
/// under the same root.
pub struct Drainer {
    own: Own,
    root: Option<PathBuf>,
    options: SpoolOptions,
    recording: Arc<Recording>,
    recorder: Recorder,
    /// What went into the stream, if there is one.
    afloat: Option<Afloat>,
    /// The process ends: what it has on a disk goes straight into the store.
    is_ending: bool,
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

impl Own {
    /// Those calls of the oldest batch that are not known to be stored.
    async fn missing(
        &self,
        batch: &Floating,
        recorder: &mut Recorder,
    ) -> Result<Vec<Arc<FinishedCall>>, NotNow> {
        let calls = match (self, batch.next) {
            (Self::Disk(spool), Some(next)) => {
                let limit = Limit { lines: usize::MAX, bytes: u64::MAX };
                let (from, _) = spool.unstored();
                orphan::read(recorder, spool.directory(), from, next, limit).await?.calls
            }
            (Self::Memory(spool), _) => spool.oldest(batch.count),
            _ => Vec::new(),
        };
        Ok(calls.into_iter().filter(|call| batch.calls.contains(&call.event.id)).collect())
    }

    /// The oldest batch is stored, and known to be; `segments` are those that are stored as a whole.
    fn settle(&self, batch: &Floating, segments: &mut VecDeque<(u64, Instant)>) {
        match (self, batch.next) {
            (Self::Disk(spool), Some(next)) => {
                let (from, _) = spool.unstored();
                spool.mark_stored(next, batch.bytes);
                let now = Instant::now();
                segments.extend((from.segment..next.segment).map(|number| (number, now)));
            }
            (Self::Memory(spool), _) => spool.mark_stored(batch.count),
            _ => {}
        }
    }
}

/// What a pass over every spool came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pass {
    /// Everything there was is handed on.
    Done,
    /// Something cannot be read or handed on now.
    Stuck,
    /// There is more to be handed on at once.
    More,
}

impl Pass {
    const fn more_if(more: bool) -> Self {
        if more { Self::More } else { Self::Done }
    }
}

/// Calls on their way from the own spool.
struct Portion {
    calls: Vec<Arc<FinishedCall>>,
    /// Where the spool goes on behind them, if it is on a disk.
    next: Option<Position>,
    bytes: u64,
    more: bool,
}

impl Drainer {
    /// For a process with a spool of its own.
    pub fn new(spool: Arc<Spool>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let (root, options) = (spool.root().to_owned(), spool.options().clone());
        Self::with(Own::Disk(spool), Some(root), options, Recording::new(Box::new(store), clock))
    }

    /// For a process that only looks after the spools of dead ones under `root`.
    pub fn orphans(root: &Path, options: SpoolOptions, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self::with(Own::Nothing, Some(root.to_owned()), options, Recording::new(Box::new(store), clock))
    }

    /// For a process that keeps its events in memory.
    pub fn memory(spool: Arc<MemorySpool>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let recording = Recording::new(Box::new(store), clock);
        Self::with(Own::Memory(spool), None, SpoolOptions::default(), recording)
    }

    /// The same drainer, which puts the events of its process into a stream, for others to bring them
    /// into the store. It keeps them until the store has them, and takes those that do not come out of
    /// the stream there itself.
    #[must_use]
    pub fn through(self, feed: Arc<dyn Feed>) -> Self {
        let afloat = Some(Afloat::over(feed, self.options.stream_patience));
        Self { afloat, ..self }
    }

    fn with(own: Own, root: Option<PathBuf>, options: SpoolOptions, recording: Arc<Recording>) -> Self {
        let recorder = Recorder::new(Arc::clone(&recording));
        let (stored, orphans) = (VecDeque::new(), Vec::new());
        let (afloat, is_ending, adopted) = (None, false, None);
        Self { own, root, options, recording, recorder, afloat, is_ending, stored, orphans, adopted }
    }

    /// Brings what processes left that died so long ago into the store, as far as it takes it within a time.
    /// Whoever lets calls in before that, and has forgotten what they held, does not know of what was spent.
    pub async fn bring_left(&mut self, age: Duration, patience: Duration) {
        let limit = Limit { lines: self.options.batch_events, bytes: self.options.batch_bytes };
        let bring = async {
            self.adopt_when_due().await;
            for orphan in self.orphans.iter_mut().filter(|orphan| orphan.waits_since(age)) {
                while orphan.bring(limit).await == Pass::More {}
            }
        };
        if timeout(patience, bring).await.is_err() {
            tracing::info!("bringing in what dead processes left goes on beside the calls");
        }
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
        self.is_ending = true;
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
            self.confirm().await;
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
                pass => {
                    self.confirm().await;
                    let is_all_known = self.afloat.as_ref().is_none_or(Afloat::is_empty);
                    return if is_all_known { pass } else { pass.max(Pass::Stuck) };
                }
            }
        }
    }

    /// Waits until events were appended and others had time to join them, or make a whole batch; at most
    /// a tick.
    async fn wait_for_events(&self) {
        let stuck = [&self.recorder].into_iter().chain(self.orphans.iter().map(|orphan| &orphan.recorder));
        let full = self.afloat.as_ref().and_then(Afloat::due);
        let retry =
            stuck.filter_map(Recorder::due).chain(full).min().unwrap_or_else(|| Instant::now() + TICK);
        let linger = || sleep(self.options.linger);
        let appended = async {
            match &self.own {
                Own::Disk(spool) => {
                    spool.appended().await;
                    tokio::select! {
                        () = linger() => {}
                        () = spool.completed(), if self.recorder.is_due() && full.is_none() => {}
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
        let portion = match self.next(limit).await {
            Ok(Some(portion)) => portion,
            Ok(None) => return Pass::Done,
            Err(stuck) => return stuck,
        };
        let Some(is_stored) = self.hand_over(&portion.calls).await else { return Pass::Stuck };
        match (&self.own, portion.next) {
            (Own::Disk(spool), Some(next)) => spool.mark_brought(next, portion.bytes),
            (Own::Memory(spool), _) => spool.mark_brought(portion.calls.len()),
            _ => {}
        }
        let calls =
            if is_stored { Vec::new() } else { portion.calls.iter().map(|call| call.event.id).collect() };
        let batch = Floating {
            calls: calls.into_iter().collect(),
            count: portion.calls.len(),
            next: portion.next,
            bytes: portion.bytes,
            since: Instant::now(),
        };
        match &mut self.afloat {
            // Behind what is not known to be stored.
            Some(afloat) if !is_stored || !afloat.is_empty() => afloat.push(batch),
            _ => self.own.settle(&batch, &mut self.stored),
        }
        Pass::more_if(portion.more)
    }

    /// What is next in the own spool.
    async fn next(&mut self, limit: Limit) -> Result<Option<Portion>, Pass> {
        match &self.own {
            Own::Disk(spool) => {
                let (from, end) = spool.unbrought();
                let batch = match spool.next(limit) {
                    Next::Nothing => return Ok(None),
                    Next::Known(batch) => batch,
                    Next::InFiles(known) => {
                        let read = orphan::read(&mut self.recorder, spool.directory(), from, known, limit);
                        read.await.map_err(|_| Pass::Stuck)?
                    }
                };
                let (next, bytes) = (Some(batch.next), batch.bytes);
                Ok(Some(Portion { calls: batch.calls, next, bytes, more: batch.next < end }))
            }
            Own::Memory(spool) => {
                let (calls, more) = spool.next(limit);
                Ok((!calls.is_empty()).then_some(Portion { calls, next: None, bytes: 0, more }))
            }
            Own::Nothing => Ok(None),
        }
    }

    /// Hands calls on. Whether they are stored by now, or in the stream; `None` if neither.
    async fn hand_over(&mut self, calls: &[Arc<FinishedCall>]) -> Option<bool> {
        if calls.is_empty() {
            return Some(true);
        }
        // What is on no disk has to be safe first: a store that does not answer takes all the time there is.
        let may_wait = matches!(self.own, Own::Disk(_));
        match &mut self.afloat {
            Some(afloat) if !self.is_ending || !may_wait => match afloat.feed(calls).await {
                Fed::InStream => return Some(false),
                Fed::Later if !self.is_ending => return None,
                Fed::Later | Fed::Straight => {}
            },
            _ => {}
        }
        self.recorder.record(calls).await.is_ok().then_some(true)
    }

    /// Finds out what the store has of what went into the stream, and brings it what is missing for too
    /// long. It may be dropped at any point.
    async fn confirm(&mut self) {
        let Self { own, recording, recorder, afloat: Some(afloat), is_ending, stored, .. } = self else {
            return;
        };
        if afloat.is_empty() {
            return;
        }
        afloat.ask(recording.ledger(), *is_ending).await;
        loop {
            while let Some(batch) = afloat.pop_stored() {
                own.settle(&batch, stored);
            }
            let Some(batch) = afloat.overdue(*is_ending) else { return };
            let missing = match own.missing(batch, recorder).await {
                Ok(missing) if recorder.is_due() || *is_ending => missing,
                Ok(_) | Err(NotNow) => return,
            };
            if recorder.record(&missing).await.is_err() {
                return;
            }
            afloat.settle_oldest();
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
            Own::Memory(spool) if spool.unbrought() > 0 => {
                tracing::error!(
                    usage.events = spool.unbrought(),
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
