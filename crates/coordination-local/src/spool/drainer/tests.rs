use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::MutexGuard;

use promptgate_gateway::ports::UsageSink;
use tokio_util::task::TaskTracker;

use promptgate_ingest::testing::{Behaviour, FakeFeed, FakeLedger, Stream};

use super::super::sample;
use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn quick() -> SpoolOptions {
    SpoolOptions {
        linger: Duration::from_millis(1),
        keep_stored: Duration::ZERO,
        adopt_every: Duration::from_millis(5),
        sync_every: Duration::from_millis(5),
        ..SpoolOptions::default()
    }
}

/// A drainer at work.
struct Running {
    ledger: FakeLedger,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    fn start(make: impl FnOnce(Arc<Recording>) -> Drainer) -> Self {
        Self::start_with(FakeLedger::default(), make)
    }

    fn start_with(ledger: FakeLedger, make: impl FnOnce(Arc<Recording>) -> Drainer) -> Self {
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let recording = Recording::new(Box::new(ledger.clone()), sample::clock());
        tasks.spawn(make(recording).run(shutdown.clone()));
        Self { ledger, shutdown, tasks }
    }

    fn of(spool: &Arc<Spool>) -> Self {
        let spool = Arc::clone(spool);
        Self::start(|ledger| {
            let (root, options) = (spool.root().to_owned(), spool.options().clone());
            Drainer::with(Own::Disk(spool), Some(root), options, ledger)
        })
    }

    fn orphans(root: &Path) -> Self {
        let root = root.to_owned();
        Self::start(|ledger| Drainer::with(Own::Nothing, Some(root), quick(), ledger))
    }

    fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.ledger.0.lock().unwrap()
    }

    async fn until(&self, what: &str, mut reached: impl FnMut(&Behaviour) -> bool) {
        let poll = async {
            while !reached(&self.behaviour()) {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    async fn taken(&self, count: usize) {
        self.until(&format!("{count} events stored"), |behaviour| behaviour.taken.len() == count).await;
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.expect("it stops");
    }
}

fn open(root: &Path) -> Arc<Spool> {
    Arc::new(Spool::open(root, quick()).unwrap())
}

fn append(spool: &impl UsageSink, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| spool.append(&sample::call(number)).unwrap());
}

async fn gone(what: &Path) {
    let poll = async {
        while what.exists() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("{} stays", what.display()));
}

fn entries(root: &Path) -> usize {
    fs::read_dir(root).unwrap().count()
}

#[tokio::test]
async fn events_are_stored_and_their_segments_removed() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let running = Running::of(&spool);
    append(&*spool, 0..1_200);
    running.taken(1_200).await;
    gone(&segment::path(spool.directory(), 1)).await;
    append(&*spool, 1_200..1_300);
    running.taken(1_300).await;
    running.stop().await;
    assert_eq!(spool.pending_bytes(), 0);
    let directory = spool.directory().to_owned();
    drop(spool);
    // A write to the disk that was going on when the drainer ended may be the last owner.
    gone(&directory).await;
    assert_eq!(entries(root.path()), 0);
}

#[tokio::test]
async fn what_was_said_comes_with_its_event_whatever_it_weighs() {
    const WEIGHT: usize = 60_000;
    let root = tempfile::tempdir().unwrap();
    let options = SpoolOptions { batch_bytes: 150_000, ..quick() };
    let spool = Arc::new(Spool::open(root.path(), options).unwrap());
    let memory = Arc::new(MemorySpool::new(100));
    for number in 0..20 {
        let call = sample::long_call(number, WEIGHT);
        spool.append(&call).unwrap();
        memory.append(&call).unwrap();
    }
    let own = Own::Memory(Arc::clone(&memory));
    let in_memory =
        |ledger| Drainer::with(own, None, SpoolOptions { batch_bytes: 150_000, ..quick() }, ledger);
    for running in [Running::of(&spool), Running::start(in_memory)] {
        running.taken(20).await;
        {
            let behaviour = running.behaviour();
            assert_eq!(
                behaviour.contents,
                (0..20).map(|number| sample::content(number, WEIGHT)).collect::<Vec<_>>()
            );
            assert!(behaviour.attempts >= 7, "batches are small: {}", behaviour.attempts);
        }
        running.stop().await;
    }
}

#[tokio::test]
async fn what_is_appended_before_shutdown_is_stored_by_it() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let running = Running::of(&spool);
    append(&*spool, 0..2_000);
    let ledger = running.ledger.clone();
    running.stop().await;
    assert_eq!(ledger.0.lock().unwrap().taken.len(), 2_000);
}

#[tokio::test]
async fn nothing_is_lost_while_the_store_is_away() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let running = Running::of(&spool);
    running.behaviour().away = true;
    append(&*spool, 0..700);
    let pending = spool.pending_bytes();
    running.until("a second attempt", |behaviour| behaviour.attempts > 1).await;
    assert_eq!((running.behaviour().taken.len(), spool.pending_bytes()), (0, pending));
    running.behaviour().away = false;
    running.taken(700).await;
    running.stop().await;
}

#[tokio::test]
async fn what_shutdown_cannot_store_waits_for_the_next_process() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let running = Running::of(&spool);
    running.behaviour().away = true;
    append(&*spool, 0..10);
    running.stop().await;
    append(&*spool, 10..12);
    drop(spool);
    let next = Running::orphans(root.path());
    next.taken(12).await;
    next.stop().await;
    assert_eq!(entries(root.path()), 0);
}

#[tokio::test]
async fn what_was_said_survives_a_store_that_is_away_and_the_end_of_the_process() {
    let root = tempfile::tempdir().unwrap();
    // Nothing is overdue before the end.
    let options = SpoolOptions { sync_every: Duration::from_mins(10), ..quick() };
    let spool = Arc::new(Spool::open(root.path(), options).unwrap());
    let running = Running::of(&spool);
    running.behaviour().away = true;
    let said: Vec<_> = (0..10).map(|number| sample::content(number, 100)).collect();
    spool.append(&sample::long_call(0, 100)).unwrap();
    running.until("an attempt", |behaviour| behaviour.attempts > 0).await;
    (1..10).for_each(|number| spool.append(&sample::long_call(number, 100)).unwrap());
    running.stop().await;
    drop(spool);
    let next = Running::orphans(root.path());
    next.until("what was said", |behaviour| behaviour.contents.len() >= 10).await;
    {
        let behaviour = next.behaviour();
        assert_eq!((behaviour.taken.len(), &behaviour.contents), (10, &said));
    }
    next.stop().await;
}

#[tokio::test]
async fn what_was_said_comes_to_the_disk_while_the_store_is_away() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let running = Running::of(&spool);
    running.behaviour().away = true;
    running
        .until("a drainer at work", |behaviour| {
            spool.append(&sample::long_call(0, 100)).unwrap();
            behaviour.attempts > 0
        })
        .await;
    let limit = Limit { lines: usize::MAX, bytes: u64::MAX };
    let on_disk = || {
        let (from, end) = spool.unstored();
        let calls = segment::read(spool.directory(), from, end, limit).unwrap().calls;
        (calls.iter().filter(|call| call.content.is_some()).count(), spool.has_unsaved())
    };
    running.until("everything on the disk", |_| matches!(on_disk(), (1.., false))).await;
    running.stop().await;
}

#[tokio::test]
async fn the_spool_of_a_dead_process_is_adopted_with_its_torn_line() {
    let root = tempfile::tempdir().unwrap();
    let (dead, living) = (open(root.path()), open(root.path()));
    append(&*dead, 0..5);
    append(&*living, 5..8);
    let torn = segment::path(dead.directory(), 1);
    fs::OpenOptions::new().append(true).open(torn).unwrap().write_all(b"0123abcd {\"id\":").unwrap();
    let left = dead.directory().to_owned();
    drop(dead);

    let running = Running::of(&living);
    running.taken(8).await;
    gone(&left).await;
    assert!(living.directory().exists());
    running.stop().await;
}

/// Whoever is about to let calls in waits for it, but not for a store that is away.
#[tokio::test]
async fn what_the_dead_left_is_brought_before_anything_else() {
    let root = tempfile::tempdir().unwrap();
    let (dead, also_dead) = (open(root.path()), open(root.path()));
    append(&*dead, 0..5);
    append(&*also_dead, 5..8);
    drop((dead, also_dead));
    let ledger = FakeLedger::default();
    let recording = Recording::new(Box::new(ledger.clone()), sample::clock());
    let mut drainer = Drainer::with(Own::Nothing, Some(root.path().to_owned()), quick(), recording);
    ledger.0.lock().unwrap().away = true;
    let begun = Instant::now();
    drainer.bring_left(Duration::ZERO, PATIENCE).await;
    assert!(begun.elapsed() < PATIENCE);
    ledger.0.lock().unwrap().away = false;
    drainer.bring_left(Duration::from_mins(10), PATIENCE).await;
    assert_eq!(ledger.0.lock().unwrap().taken.len(), 0, "what they held is still held");
    drainer.bring_left(Duration::ZERO, PATIENCE).await;
    assert_eq!(ledger.0.lock().unwrap().taken.len(), 8);
}

#[tokio::test]
async fn a_stored_segment_is_kept_for_a_while() {
    let root = tempfile::tempdir().unwrap();
    let options = SpoolOptions { keep_stored: Duration::from_mins(10), segment_bytes: 1_000, ..quick() };
    let spool = Arc::new(Spool::open(root.path(), options).unwrap());
    let running = Running::of(&spool);
    append(&*spool, 0..50);
    running.taken(50).await;
    assert!(segment::path(spool.directory(), 1).exists());
    running.stop().await;
}

#[tokio::test]
async fn memory_is_drained_too() {
    let spool = Arc::new(MemorySpool::new(10_000));
    append(&*spool, 0..1_200);
    let own = Own::Memory(Arc::clone(&spool));
    let running = Running::start(|ledger| Drainer::with(own, None, quick(), ledger));
    running.taken(1_200).await;
    append(&*spool, 1_200..1_201);
    running.taken(1_201).await;
    running.stop().await;
    assert!(spool.is_empty());
}

/// A drainer over a stream, and a store that has nothing but what comes out of the stream.
struct Streaming {
    running: Running,
    feed: FakeFeed,
}

impl Streaming {
    fn start(own: Own, root: Option<PathBuf>, patience: Duration) -> Self {
        let feed = FakeFeed::default();
        let inlet: Arc<dyn Feed> = Arc::new(feed.clone());
        let options = SpoolOptions { stream_patience: patience, ..quick() };
        let running = Running::start(|recording| Drainer::with(own, root, options, recording).through(inlet));
        Self { running, feed }
    }

    fn of(spool: &Arc<Spool>, patience: Duration) -> Self {
        Self::start(Own::Disk(Arc::clone(spool)), Some(spool.root().to_owned()), patience)
    }

    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.feed.0.lock().unwrap()
    }

    async fn fed(&self, count: usize) {
        self.running.until(&format!("{count} events fed"), |_| self.stream().fed == count).await;
    }

    /// What an ingestor does.
    fn ingest(&self) {
        let calls = std::mem::take(&mut self.stream().calls);
        let mut behaviour = self.running.behaviour();
        behaviour.taken.extend(calls.iter().map(|call| call.event.id));
        behaviour.contents.extend(calls.iter().filter_map(|call| call.content.clone()));
    }
}

const LONG: Duration = Duration::from_mins(10);

#[tokio::test]
async fn what_is_in_the_stream_stays_in_the_spool_until_the_store_has_it() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let streaming = Streaming::of(&spool, LONG);
    append(&*spool, 0..1_500);
    streaming.fed(1_500).await;
    let first = segment::path(spool.directory(), 1);
    assert!(spool.pending_bytes() > 0 && first.exists());
    assert_eq!(streaming.running.behaviour().attempts, 0);
    streaming.ingest();
    streaming.running.until("nothing pending", |_| spool.pending_bytes() == 0).await;
    gone(&first).await;
    streaming.running.stop().await;
}

#[tokio::test]
async fn what_does_not_come_out_of_the_stream_goes_straight_to_the_store() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let memory = Arc::new(MemorySpool::new(1_000));
    append(&*spool, 0..100);
    append(&*memory, 0..100);
    let patience = Duration::from_millis(20);
    let own = Own::Memory(Arc::clone(&memory));
    for streaming in [Streaming::of(&spool, patience), Streaming::start(own, None, patience)] {
        streaming.fed(100).await;
        // As if the server had lost its memory.
        streaming.stream().calls.clear();
        streaming.running.taken(100).await;
        streaming.running.stop().await;
    }
    assert!(memory.is_empty() && spool.pending_bytes() == 0);
}

#[tokio::test]
async fn without_the_stream_events_go_straight_to_the_store() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let streaming = Streaming::of(&spool, LONG);
    streaming.stream().away = true;
    append(&*spool, 0..50);
    streaming.running.taken(50).await;
    streaming.stream().away = false;
    append(&*spool, 50..60);
    streaming.fed(10).await;
    assert_eq!(streaming.running.behaviour().taken.len(), 50);
    streaming.ingest();
    streaming.running.until("nothing pending", |_| spool.pending_bytes() == 0).await;
    streaming.running.stop().await;
}

#[tokio::test]
async fn a_full_stream_keeps_events_in_the_spool_and_not_for_ever() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let streaming = Streaming::of(&spool, Duration::from_secs(1));
    streaming.stream().full = true;
    append(&*spool, 0..50);
    sleep(Duration::from_millis(300)).await;
    assert_eq!((streaming.stream().fed, streaming.running.behaviour().attempts), (0, 0));
    streaming.running.taken(50).await;
    streaming.running.stop().await;
}

#[tokio::test]
async fn while_the_store_is_away_the_stream_goes_on_being_fed() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let streaming = Streaming::of(&spool, Duration::from_millis(20));
    streaming.running.behaviour().away = true;
    append(&*spool, 0..50);
    streaming.fed(50).await;
    append(&*spool, 50..70);
    streaming.fed(70).await;
    assert_eq!(streaming.running.behaviour().attempts, 0, "nothing is overdue while nobody could know");
    streaming.running.behaviour().away = false;
    streaming.ingest();
    streaming.running.stop().await;
    assert_eq!(spool.pending_bytes(), 0);
}

#[tokio::test]
async fn a_process_that_ends_brings_what_it_has_straight_to_the_store() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    let streaming = Streaming::of(&spool, LONG);
    append(&*spool, 0..50);
    streaming.fed(50).await;
    append(&*spool, 50..60);
    let ledger = streaming.running.ledger.clone();
    streaming.running.stop().await;
    assert_eq!(ledger.0.lock().unwrap().taken.len(), 60);
    assert_eq!(spool.pending_bytes(), 0);
}

#[tokio::test]
async fn memory_that_ends_without_the_store_leaves_it_to_the_stream() {
    let memory = Arc::new(MemorySpool::new(1_000));
    let streaming = Streaming::start(Own::Memory(Arc::clone(&memory)), None, LONG);
    streaming.running.behaviour().away = true;
    append(&*memory, 0..50);
    let feed = streaming.feed.clone();
    streaming.running.stop().await;
    assert_eq!(feed.0.lock().unwrap().fed, 50);
}

#[tokio::test(start_paused = true)]
async fn memory_that_ends_does_not_wait_for_a_store_that_hangs() {
    let memory = Arc::new(MemorySpool::new(1_000));
    let streaming = Streaming::start(Own::Memory(Arc::clone(&memory)), None, LONG);
    streaming.running.behaviour().hangs = true;
    streaming.stream().away = true;
    append(&*memory, 0..50);
    streaming.running.until("an attempt", |behaviour| behaviour.attempts > 0).await;
    streaming.stream().away = false;
    let feed = streaming.feed.clone();
    streaming.running.stop().await;
    assert_eq!((feed.0.lock().unwrap().fed, memory.unbrought()), (50, 0));
}

const ROOT_OF_CHILD: &str = "PROMPTGATE_SPOOL_TEST_ROOT";

/// Runs in a process of its own, started by the test below, until it is killed.
#[test]
#[expect(clippy::disallowed_methods, reason = "only the environment tells the child what it is")]
fn child_that_appends_until_it_is_killed() {
    let Ok(root) = std::env::var(ROOT_OF_CHILD) else { return };
    let spool = open(Path::new(&root));
    let mut acknowledged = std::io::stdout().lock();
    for number in 0.. {
        spool.append(&sample::call(number)).unwrap();
        writeln!(acknowledged, "appended {number}").unwrap();
    }
}

#[tokio::test]
async fn a_killed_process_loses_no_event() {
    let root = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "spool::drainer::tests::child_that_appends_until_it_is_killed", "--nocapture"])
        .env(ROOT_OF_CHILD, root.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().ends_with("appended 2000") {}
    child.kill().unwrap();
    child.wait().unwrap();
    let last: u64 =
        lines.filter_map(|line| line.unwrap().strip_prefix("appended ")?.parse().ok()).max().unwrap_or(2_000);

    let running = Running::orphans(root.path());
    let all_there =
        |behaviour: &Behaviour| (0..=last).all(|number| behaviour.taken.contains(&sample::event(number).id));
    running.until("every acknowledged event", all_there).await;
    running.stop().await;
    assert_eq!(entries(root.path()), 0);
}
