//! The spool of this process.

use std::fs::{File, OpenOptions};
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

/// For how long no new calls are taken after a write that failed; then the next one tries again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Keeps events on the disk until a [`Drainer`](super::Drainer) has stored them.
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

#[derive(Debug)]
struct State {
    file: Arc<File>,
    opened: Instant,
    /// Behind the last whole line.
    end: Position,
    /// Behind the last line that is stored.
    stored: Position,
    pending: u64,
    recent: Recent,
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
                stored: first,
                pending: 0,
                recent: Recent::default(),
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
        let (failing, meters) = (AtomicBool::new(false), OnceLock::new());
        Ok(Self { root, directory, options, state, appended, completed, failing, meters })
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
        state.recent.len() >= self.options.batch_events || state.pending >= self.options.batch_bytes
    }

    /// What is there to be stored: from and to.
    pub(super) fn unstored(&self) -> (Position, Position) {
        let state = self.state();
        (state.stored, state.end)
    }

    /// What is to be stored next, up to `limit`. It stays until it is [marked](Self::mark_stored).
    pub(super) fn next(&self, limit: Limit) -> Next {
        let state = self.state();
        if state.stored >= state.end {
            return Next::Nothing;
        }
        let batch = state.recent.behind(state.stored, limit);
        if batch.calls.is_empty() {
            Next::InFiles(state.recent.begins().unwrap_or(state.end))
        } else {
            Next::Known(batch)
        }
    }

    /// Notes that everything before `next` is stored.
    pub(super) fn mark_stored(&self, next: Position, bytes: u64) {
        let mut state = self.state();
        state.stored = next;
        state.pending = state.pending.saturating_sub(bytes);
        state.recent.forget(next);
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
        state.stored = state.end;
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

    fn write(&self, line: &[u8], call: Arc<FinishedCall>) -> io::Result<()> {
        let mut state = self.state();
        let after = state.end;
        let written = self.write_in(&mut state, line);
        if written.is_ok() {
            let end = state.end;
            state.recent.push(after, end, call);
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
        state.pending += length;
        state.dirty = true;
        let meters = self.meters();
        meters.events.increment(1);
        meters.pending.increment(gauge_value(length));
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
        let has_no_room = call.content.is_some() && self.state().alarmed;
        let call = if has_no_room { call::without_content(call) } else { call::bounded(call) };
        let line = line::encode(&call).map_err(|error| SinkError(error.into()))?;
        self.write(&line, call).map_err(|error| SinkError(error.into()))?;
        self.appended.notify_one();
        Ok(())
    }

    fn has_room(&self) -> bool {
        !self.failing.load(Ordering::Relaxed)
            || self.state().failed.is_none_or(|failed| failed.elapsed() >= AFTER_FAILURE)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
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
mod tests {
    use promptgate_usage::UsageEvent;

    use super::super::sample;
    use super::*;

    fn read_calls(spool: &Spool) -> Vec<Arc<FinishedCall>> {
        let (from, end) = spool.unstored();
        let limit = Limit { lines: usize::MAX, bytes: u64::MAX };
        segment::read(spool.directory(), from, end, limit).unwrap().calls
    }

    fn read_all(spool: &Spool) -> Vec<UsageEvent> {
        read_calls(spool).into_iter().map(|call| call.event.clone()).collect()
    }

    #[test]
    fn what_is_appended_is_there_in_order_over_many_segments() {
        let root = tempfile::tempdir().unwrap();
        let options = SpoolOptions { segment_bytes: 2_000, ..SpoolOptions::default() };
        let spool = Spool::open(root.path(), options).unwrap();
        let events: Vec<_> = (0..20).map(sample::event).collect();
        (0..20).for_each(|number| spool.append(&sample::call(number)).unwrap());
        assert!(segment::numbers(spool.directory()).unwrap().len() > 3);
        assert_eq!(read_all(&spool), events);
        let (from, end) = spool.unstored();
        assert_eq!(segment::distance(spool.directory(), from, end), spool.pending_bytes());
        spool.sync().unwrap();
    }

    #[test]
    fn threads_do_not_mix_their_lines() {
        let root = tempfile::tempdir().unwrap();
        let options = SpoolOptions { segment_bytes: 50_000, ..SpoolOptions::default() };
        let spool = Spool::open(root.path(), options).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let spool = &spool;
                scope.spawn(move || {
                    (0..100).for_each(|number| {
                        spool.append(&sample::call(thread * 100 + number)).unwrap();
                    });
                });
            }
        });
        let mut ids: Vec<_> = read_all(&spool).iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 800);
    }

    #[test]
    fn a_stored_spool_goes_with_its_owner_and_another_one_stays() {
        let root = tempfile::tempdir().unwrap();
        let spool = Spool::open(root.path(), SpoolOptions::default()).unwrap();
        spool.append(&sample::call(1)).unwrap();
        let (_, end) = spool.unstored();
        spool.mark_stored(end, end.offset);
        assert_eq!(spool.seal_stored(Duration::ZERO).unwrap(), Some(1));
        assert_eq!(spool.unstored().0, spool.unstored().1);
        let path = spool.directory().to_owned();
        drop(spool);
        assert!(!path.exists());

        let spool = Spool::open(root.path(), SpoolOptions::default()).unwrap();
        spool.append(&sample::call(1)).unwrap();
        let path = spool.directory().to_owned();
        drop(spool);
        assert!(path.exists());
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_takes_nothing_is_told_and_tried_again() {
        let root = tempfile::tempdir().unwrap();
        let spool = Spool::open(root.path(), SpoolOptions::default()).unwrap();
        // A file that takes no byte, as on a full disk.
        let full = Arc::new(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let kept = std::mem::replace(&mut spool.state().file, full);
        assert!(spool.has_room());
        assert!(spool.append(&sample::call(1)).is_err());
        assert!(!spool.has_room());
        tokio::time::advance(AFTER_FAILURE).await;
        assert!(spool.has_room(), "somebody must try");
        spool.state().file = kept;
        spool.append(&sample::call(2)).unwrap();
        assert!(spool.has_room());
        assert_eq!(read_all(&spool), [sample::event(2)]);
    }

    #[test]
    fn beyond_the_bound_events_are_kept_without_what_was_said() {
        let root = tempfile::tempdir().unwrap();
        let options = SpoolOptions { alarm_bytes: 20_000, ..SpoolOptions::default() };
        let spool = Spool::open(root.path(), options).unwrap();
        let append = |number| spool.append(&sample::long_call(number, 8_000)).unwrap();
        (0..4).for_each(append);
        let kept: Vec<_> = read_calls(&spool).iter().map(|call| call.content.is_some()).collect();
        assert_eq!(kept, [true, true, false, false]);
        let (_, end) = spool.unstored();
        spool.mark_stored(end, end.offset);
        append(4);
        assert_eq!(read_calls(&spool)[0].content, Some(sample::content(4, 8_000)));
    }

    #[test]
    fn a_root_that_cannot_be_written_is_named() {
        let error = Spool::open(Path::new("/proc/nothing/spool"), SpoolOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "cannot keep a spool in /proc/nothing/spool");
    }

    /// Takes what is next until there is nothing: calls, and how often files had to be read for them.
    fn drain(spool: &Spool, limit: Limit) -> (Vec<UsageEvent>, u32) {
        let (mut events, mut reads) = (Vec::new(), 0);
        loop {
            let batch = match spool.next(limit) {
                Next::Nothing => return (events, reads),
                Next::Known(batch) => batch,
                Next::InFiles(end) => {
                    reads += 1;
                    segment::read(spool.directory(), spool.unstored().0, end, limit).unwrap()
                }
            };
            events.extend(batch.calls.iter().map(|call| call.event.clone()));
            spool.mark_stored(batch.next, batch.bytes);
        }
    }

    #[test]
    fn what_is_known_is_not_read_again_and_gaps_are() {
        let root = tempfile::tempdir().unwrap();
        let options = SpoolOptions { segment_bytes: 3_000, ..SpoolOptions::default() };
        let spool = Spool::open(root.path(), options).unwrap();
        let append = |numbers: std::ops::Range<u64>| {
            numbers.for_each(|number| spool.append(&sample::call(number)).unwrap());
        };
        let limit = Limit { lines: 4, bytes: u64::MAX };
        let events = |numbers: std::ops::Range<u64>| numbers.map(sample::event).collect::<Vec<_>>();
        append(0..10);
        assert_eq!(drain(&spool, limit), (events(0..10), 0));
        // As if there had been no room for these.
        append(10..30);
        spool.state().recent = Recent::default();
        append(30..40);
        assert_eq!(drain(&spool, limit), (events(10..40), 5));
        assert_eq!(spool.pending_bytes(), 0);
        assert_eq!(spool.state().recent.len(), 0);
        spool.seal_stored(Duration::ZERO).unwrap();
        append(40..42);
        assert_eq!(drain(&spool, limit), (events(40..42), 0));
    }
}
