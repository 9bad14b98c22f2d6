//! The spool of this process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge};
use promptgate_gateway::ports::{SinkError, UsageSink};
use promptgate_usage::FinishedCall;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::directory::Directory;
use super::recent::Recent;
use super::segment::{self, Batch, Limit, Position};
use super::{SpoolError, SpoolOptions, call, gauge_value, line};

/// How often is tried whether there is room again after a write that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How much room there has to be then, so that the next calls do not find the disk full again.
const ROOM: usize = 256 * 1024;

/// Keeps events on the disk until a [`Drainer`](super::Drainer) has stored them. What was said in the
/// calls stays in memory while the drainer keeps up, and comes to the disk when it does not.
///
/// When the last owner drops it and everything is stored, its directory goes with it; otherwise it
/// waits there for whoever adopts it.
#[derive(Debug)]
pub struct Spool {
    root: PathBuf,
    directory: Directory,
    options: SpoolOptions,
    state: Mutex<State>,
    appended: Notify,
    /// A call was appended that makes a batch complete.
    completed: Notify,
    /// Whether the last write failed.
    failing: AtomicBool,
    /// Whether somebody finds out whether there is room again.
    trying: AtomicBool,
    meters: OnceLock<Meters>,
}

#[derive(Debug)]
struct Meters {
    events: Counter,
    pending: Gauge,
}

/// What is to be stored next.
pub(super) enum Next {
    /// Nothing.
    Nothing,
    /// These calls, which need not be read.
    Known(Batch),
    /// What is in the files up to there.
    InFiles(Position),
}

/// How a drainer is getting on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Draining {
    /// There is none at work.
    Not,
    /// It keeps up.
    InTime,
    /// What was said had to be saved, because the drainer did not come to it.
    Late,
}

/// Where what was said in a call is kept until it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// With its event.
    File,
    /// Only here.
    Memory,
    /// There is no room for it.
    Nowhere,
}

#[derive(Debug)]
struct State {
    file: Arc<File>,
    opened: Instant,
    /// Behind the last whole line.
    end: Position,
    /// Behind the last line that was handed on: to the store, or to a stream on the way there.
    brought: Position,
    /// Behind the last line that is stored.
    stored: Position,
    /// The bytes behind `brought`.
    waiting: u64,
    /// The bytes behind `stored`.
    pending: u64,
    recent: Recent,
    draining: Draining,
    /// The file may hold part of a line behind `end`.
    spoiled: bool,
    dirty: bool,
    sealed_dirty: Vec<Arc<File>>,
    alarmed: bool,
    failed: Option<Instant>,
}

impl Spool {
    /// Opens a spool of its own for this process under `root`.
    pub fn open(root: &Path, options: SpoolOptions) -> Result<Self, SpoolError> {
        let open = || {
            let directory = Directory::claim(root)?;
            let first = Position { segment: 1, offset: 0 };
            let state = State {
                file: create(directory.path(), first.segment)?,
                opened: Instant::now(),
                end: first,
                brought: first,
                stored: first,
                waiting: 0,
                pending: 0,
                recent: Recent::default(),
                draining: Draining::Not,
                spoiled: false,
                dirty: false,
                sealed_dirty: Vec::new(),
                alarmed: false,
                failed: None,
            };
            Ok((directory, Mutex::new(state)))
        };
        let (directory, state) = open().map_err(|source| SpoolError { root: root.to_owned(), source })?;
        let root = root.to_owned();
        let (appended, completed) = (Notify::new(), Notify::new());
        let [failing, trying] = [(); 2].map(|()| AtomicBool::new(false));
        let meters = OnceLock::new();
        Ok(Self { root, directory, options, state, appended, completed, failing, trying, meters })
    }

    /// The bytes that are not stored yet.
    pub fn pending_bytes(&self) -> u64 {
        self.state().pending
    }

    /// Where it and its like are.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn options(&self) -> &SpoolOptions {
        &self.options
    }

    /// Waits until something was appended since the last wait.
    pub(super) async fn appended(&self) {
        self.appended.notified().await;
    }

    /// Waits until a whole batch is there to be stored.
    pub(super) async fn completed(&self) {
        while !self.has_batch(&self.state()) {
            self.completed.notified().await;
        }
    }

    fn has_batch(&self, state: &State) -> bool {
        let bytes = state.waiting.max(state.recent.bytes());
        state.recent.len() >= self.options.batch_events || bytes >= self.options.batch_bytes
    }

    #[cfg(test)]
    pub(super) fn has_unsaved(&self) -> bool {
        self.state().recent.unsaved(Duration::ZERO).is_some()
    }

    /// What is there to be stored: from and to.
    pub(super) fn unstored(&self) -> (Position, Position) {
        let state = self.state();
        (state.stored, state.end)
    }

    /// What is there to be handed on: from and to.
    pub(super) fn unbrought(&self) -> (Position, Position) {
        let state = self.state();
        (state.brought, state.end)
    }

    /// What is to be handed on next, up to `limit`. It stays until it is [marked](Self::mark_brought).
    pub(super) fn next(&self, limit: Limit) -> Next {
        let state = self.state();
        if state.brought >= state.end {
            return Next::Nothing;
        }
        let batch = state.recent.behind(state.brought, limit);
        if batch.calls.is_empty() {
            Next::InFiles(state.recent.begins().unwrap_or(state.end))
        } else {
            Next::Known(batch)
        }
    }

    /// Notes that everything before `next` is handed on. It stays in the files until it is
    /// [stored](Self::mark_stored), without what was said in it, if that is in none.
    pub(super) fn mark_brought(&self, next: Position, bytes: u64) {
        let mut state = self.state();
        state.brought = next;
        state.waiting = state.waiting.saturating_sub(bytes);
        state.recent.forget(next);
        if state.draining == Draining::Late && state.waiting < self.options.batch_bytes {
            state.draining = Draining::InTime;
        }
    }

    /// Notes that everything before `next`, which was handed on, is stored.
    pub(super) fn mark_stored(&self, next: Position, bytes: u64) {
        let mut state = self.state();
        state.stored = next;
        state.pending = state.pending.saturating_sub(bytes);
        self.meters().pending.decrement(gauge_value(bytes));
        if state.alarmed && state.pending < self.options.alarm_bytes / 2 {
            state.alarmed = false;
            tracing::info!(spool.pending_bytes = state.pending, "the spool is shrinking again");
        }
    }

    /// Closes the last segment, if it is stored and has been open for a while, so that it can be
    /// removed. Answers with its number.
    pub(super) fn seal_stored(&self, age: Duration) -> io::Result<Option<u64>> {
        let mut state = self.state();
        let last = state.end.segment;
        if state.end.offset == 0 || state.stored != state.end || state.opened.elapsed() < age {
            return Ok(None);
        }
        self.roll(&mut state)?;
        (state.brought, state.stored) = (state.end, state.end);
        Ok(Some(last))
    }

    /// Forces what was appended to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        let files = {
            let mut state = self.state();
            let mut files = std::mem::take(&mut state.sealed_dirty);
            if std::mem::take(&mut state.dirty) {
                files.push(Arc::clone(&state.file));
            }
            files
        };
        files.iter().try_for_each(|file| file.sync_data())
    }

    /// Says whether a drainer is at work. As long as one is, and keeps up, what is said in the calls
    /// stays in memory and is written once, into the store.
    pub(super) fn note_drainer(&self, is_at_work: bool) {
        self.state().draining = if is_at_work { Draining::InTime } else { Draining::Not };
    }

    /// Writes what was said and is in memory only into the files, once the first of it has been so for
    /// this long: the drainer does not keep up. From then on it is written at once, until the drainer has
    /// caught up.
    pub(super) fn save_contents(&self, age: Duration) -> io::Result<()> {
        let Some((calls, end)) = self.state().fall_behind(age) else { return Ok(()) };
        for call in calls {
            // With its event, which is stored once all the same: recording is idempotent.
            let line = line::encode(&call)?;
            self.write_in(&mut self.state(), &line)?;
        }
        self.state().recent.saved(end);
        Ok(())
    }

    fn write(&self, line: &[u8], call: Arc<FinishedCall>, place: Place) -> io::Result<()> {
        let mut state = self.state();
        let after = state.end;
        let written = self.write_in(&mut state, line);
        if written.is_ok() {
            self.meters().events.increment(1);
            let end = state.end;
            match place {
                Place::Memory => state.recent.push_unsaved(after, end, call),
                Place::File | Place::Nowhere => state.recent.push(after, end, call),
            }
        }
        if self.has_batch(&state) {
            self.completed.notify_one();
        }
        state.failed = written.is_err().then(Instant::now);
        self.failing.store(written.is_err(), Ordering::Relaxed);
        written
    }

    fn write_in(&self, state: &mut State, line: &[u8]) -> io::Result<()> {
        if (state.spoiled || state.end.offset >= self.options.segment_bytes)
            && let Err(error) = self.roll(state)
            && state.spoiled
        {
            return Err(error);
        }
        if let Err(error) = (&*state.file).write_all(line) {
            // Part of the line may be there: the next one must not be glued to it.
            state.spoiled = state.file.set_len(state.end.offset).is_err();
            return Err(error);
        }
        let length = line.len() as u64;
        state.end.offset += length;
        state.waiting += length;
        state.pending += length;
        state.dirty = true;
        self.meters().pending.increment(gauge_value(length));
        if !state.alarmed && state.pending > self.options.alarm_bytes {
            state.alarmed = true;
            tracing::error!(
                spool.pending_bytes = state.pending,
                spool.root = %self.root.display(),
                "the spool of usage events has outgrown its bound: is the store away? It goes on growing, \
                 without what is said in the calls"
            );
        }
        Ok(())
    }

    fn roll(&self, state: &mut State) -> io::Result<()> {
        let next = Position { segment: state.end.segment + 1, offset: 0 };
        let sealed = std::mem::replace(&mut state.file, create(self.directory.path(), next.segment)?);
        if std::mem::take(&mut state.dirty) {
            state.sealed_dirty.push(sealed);
        }
        state.end = next;
        state.spoiled = false;
        state.opened = Instant::now();
        Ok(())
    }

    fn meters(&self) -> &Meters {
        self.meters.get_or_init(|| Meters {
            events: metrics::counter!("promptgate_spool_events_total"),
            pending: metrics::gauge!("promptgate_spool_pending_bytes"),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UsageSink for Spool {
    fn append(&self, call: &Arc<FinishedCall>) -> Result<(), SinkError> {
        let place = if call.content.is_some() { self.state().place() } else { Place::File };
        let call = if place == Place::Nowhere { call::without_content(call) } else { call::bounded(call) };
        let line = if place == Place::Memory { line::encode_event(&call.event) } else { line::encode(&call) };
        let line = line.map_err(|error| SinkError(error.into()))?;
        self.write(&line, call, place).map_err(|error| SinkError(error.into()))?;
        self.appended.notify_one();
        Ok(())
    }

    fn has_room(&self) -> bool {
        if !self.failing.load(Ordering::Relaxed) {
            return true;
        }
        if self.state().failed.is_some_and(|failed| failed.elapsed() < AFTER_FAILURE) {
            return false;
        }
        // No call is taken only to try: what it cost would be lost. One tries; a disk may take long to say no, and
        // the others are told so meanwhile.
        if self.trying.swap(true, Ordering::AcqRel) {
            return false;
        }
        let has_room = try_room(self.directory.path()).is_ok();
        self.state().failed = (!has_room).then(Instant::now);
        self.failing.store(!has_room, Ordering::Relaxed);
        self.trying.store(false, Ordering::Release);
        has_room
    }
}

/// Whether a disk takes something. Nothing of it is left, whenever the process is killed.
fn try_room(directory: &Path) -> io::Result<()> {
    let path = directory.join("room");
    let mut file = File::create(&path)?;
    fs::remove_file(&path)?;
    file.write_all(&vec![0; ROOM])?;
    // Some file systems find out late.
    file.sync_data()
}

impl State {
    /// What is in no file for so long; if there is anything, more of it goes to the files at once.
    fn fall_behind(&mut self, age: Duration) -> Option<(Vec<Arc<FinishedCall>>, Position)> {
        let unsaved = self.recent.unsaved(age)?;
        if self.draining == Draining::InTime {
            self.draining = Draining::Late;
        }
        Some(unsaved)
    }

    fn place(&self) -> Place {
        if self.alarmed {
            Place::Nowhere
        } else if self.draining == Draining::InTime && self.recent.has_room() {
            Place::Memory
        } else {
            Place::File
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = self.save_contents(Duration::ZERO) {
            tracing::error!(%error, "cannot keep what was said in the last calls");
        }
        let (stored, end) = self.unstored();
        if stored == end
            && let Err(error) = self.directory.remove()
        {
            tracing::warn!(%error, spool = %self.directory.path().display(), "cannot remove an empty spool");
        }
    }
}

fn create(directory: &Path, number: u64) -> io::Result<Arc<File>> {
    let path = segment::path(directory, number);
    OpenOptions::new().create_new(true).append(true).open(path).map(Arc::new)
}

#[cfg(test)]
mod tests;
