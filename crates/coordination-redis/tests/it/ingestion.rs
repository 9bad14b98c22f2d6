//! From the stream into a real database, by several workers at once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use promptgate_coordination_redis::{RedisStream, StreamOptions};
use promptgate_ingest::{FeedError, Ingestor, IngestorOptions, Recording, testing};
use promptgate_kernel::{PageRequest, SystemClock, Timestamp};
use promptgate_store::{Access, Store};
use promptgate_store_sql::{SqlOptions, connect};
use promptgate_testkit::postgres;
use promptgate_testkit::redis::Redis;
use promptgate_usage::{DeadLetter, FinishedCall, UsageFilter};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const EVENTS: u64 = 10_000;
const BATCH: u64 = 500;
const DISCARDED: u64 = 3;
const WORKERS: usize = 4;
const PATIENCE: Duration = Duration::from_mins(5);

async fn stored(store: &dyn Store) -> u64 {
    let mut work = store.begin(Access::Read).await.unwrap();
    work.usage().list(&UsageFilter::default(), PageRequest::clamped(1, 1)).await.unwrap().total
}

async fn letters(store: &dyn Store) -> u64 {
    store.begin(Access::Read).await.unwrap().dead_letters().waiting().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_write_the_same_sums_at_once_count_each_event_once() {
    let database = postgres::database().await.unwrap();
    let connected = connect(database.url(), SqlOptions::default()).await.unwrap();
    connected.migrate().await.unwrap();
    let store = connected.store();
    let redis = Redis::start().await.unwrap();
    let stream = RedisStream::connect(&redis.url(), StreamOptions::default()).unwrap();
    let feed = stream.feed();
    for start in (0..EVENTS).step_by(500) {
        let calls: Vec<Arc<FinishedCall>> = (start..start + BATCH).map(testing::call).collect();
        // Every third batch comes twice, as after an answer that was lost.
        for _ in 0..=u8::from((start / BATCH).is_multiple_of(3)) {
            while let Err(error) = feed.feed(&calls).await {
                assert!(matches!(error, FeedError::Away(_)), "{error}");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
    // Somebody decided that these are not to be recorded; they come out of the stream all the same.
    let mut work = store.begin(Access::Write).await.unwrap();
    for number in 0..DISCARDED {
        let letter =
            DeadLetter::now(testing::event(number).id, "{}".to_owned(), "no", 1, Timestamp::default());
        work.dead_letters().put(std::slice::from_ref(&letter)).await.unwrap();
        assert!(work.dead_letters().discard(letter.id, Timestamp::default()).await.unwrap());
    }
    work.commit().await.unwrap();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let begun = Instant::now();
    for number in 0..WORKERS {
        let recording = Recording::new(Box::new(Arc::clone(&store)), Arc::new(SystemClock));
        let consumer = stream.consumer(format!("worker-{number}")).unwrap();
        let options = IngestorOptions { batch: 500, ..IngestorOptions::default() };
        tasks.spawn(Ingestor::new(consumer, recording, options).run(stop.clone()));
    }
    let emptied = async {
        while stream.measure().await.map_or(1, |size| size.length) > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, emptied).await.expect("everything comes out");
    println!("{EVENTS} events ingested by {WORKERS} workers in {:?}", begun.elapsed());
    assert_eq!((stored(&*store).await, letters(&*store).await), (EVENTS - DISCARDED, 0));
    stop.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.expect("they stop");
}
