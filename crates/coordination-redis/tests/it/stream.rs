//! The stream of usage events against a Redis that stops, comes back empty and stalls.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use promptgate_coordination_redis::{RedisStream, StreamOptions};
use promptgate_ingest::testing::{self, FakeLedger};
use promptgate_ingest::{
    Deliveries, Delivery, Feed, FeedError, FeedState, Ingestor, IngestorOptions, Payload, Recording,
};
use promptgate_testkit::redis::Redis;
use promptgate_usage::FinishedCall;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn quick() -> StreamOptions {
    StreamOptions {
        min_idle: Duration::from_millis(300),
        wait: Duration::from_millis(50),
        deadline: Duration::from_secs(2),
        cool_down: Duration::from_millis(100),
        ..StreamOptions::default()
    }
}

fn connect(redis: &Redis, options: StreamOptions) -> RedisStream {
    RedisStream::connect(&redis.url(), options).unwrap()
}

pub(crate) fn calls(numbers: std::ops::Range<u64>) -> Vec<Arc<FinishedCall>> {
    numbers.map(testing::call).collect()
}

/// Feeds until somebody takes it.
pub(crate) async fn feed(feed: &dyn Feed, calls: &[Arc<FinishedCall>]) {
    let attempts = async {
        while feed.feed(calls).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, attempts).await.expect("Redis takes it in the end");
}

/// Reads until there is something.
pub(crate) async fn some(consumer: &dyn Deliveries) -> Vec<Delivery> {
    let attempts = async {
        loop {
            match consumer.next(1_000).await {
                Ok(batch) if !batch.is_empty() => return batch,
                Ok(_) => {}
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(PATIENCE, attempts).await.expect("something is delivered in the end")
}

fn ids(batch: &[Delivery]) -> Vec<String> {
    batch.iter().map(|delivery| delivery.id.clone()).collect()
}

/// Says something to Redis in its own words.
pub(crate) async fn tell(redis: &Redis, words: &str) -> String {
    let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap();
    connection.write_all(format!("{words}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

/// An ingestor at work.
struct Worker {
    ledger: FakeLedger,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Worker {
    fn start(stream: &RedisStream, name: &str) -> Self {
        Self::into(stream, name, FakeLedger::default())
    }

    fn into(stream: &RedisStream, name: &str, ledger: FakeLedger) -> Self {
        let recording = Recording::new(Box::new(ledger.clone()), testing::clock());
        let options = IngestorOptions {
            keep_every: Duration::from_millis(100),
            pause: Duration::from_millis(20),
            ..IngestorOptions::default()
        };
        let ingestor = Ingestor::new(stream.consumer(name.to_owned()).unwrap(), recording, options);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(ingestor.run(stop.clone()));
        Self { ledger, stop, tasks }
    }

    async fn taken(&self, count: usize) {
        let poll = async {
            while self.ledger.0.lock().unwrap().taken.len() < count {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, poll).await.unwrap_or_else(|_| {
            panic!("{} of {count} events taken", self.ledger.0.lock().unwrap().taken.len())
        });
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.expect("it stops");
    }
}

async fn emptied(stream: &RedisStream) {
    let poll = async {
        loop {
            match stream.measure().await {
                Ok(size) if (size.length, size.pending) == (0, 0) => return,
                _ => sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(PATIENCE, poll).await.expect("the stream is emptied");
}

#[tokio::test]
async fn what_goes_in_comes_out_whole_once_and_is_gone_when_it_is_done_with() {
    let redis = Redis::start().await.unwrap();
    let stream = connect(&redis, quick());
    let mut sent = calls(0..2_500);
    sent.push(testing::long_call(2_500, 60_000));
    let inlet = stream.feed();
    feed(&*inlet, &sent).await;
    assert_eq!(inlet.state(), FeedState::Open);
    assert_eq!(stream.measure().await.unwrap().length, 2_501);
    let consumer = stream.consumer("one".to_owned()).unwrap();
    let mut received = Vec::new();
    while received.len() < sent.len() {
        let batch = some(&*consumer).await;
        assert!(batch.iter().all(|delivery| delivery.times == 1));
        consumer.done(&ids(&batch)).await.unwrap();
        received.extend(batch.into_iter().map(|delivery| delivery.payload));
    }
    assert_eq!(received, sent.into_iter().map(Payload::Call).collect::<Vec<_>>());
    let size = stream.measure().await.unwrap();
    assert_eq!((size.length, size.pending, size.consumers), (0, 0, 1));
    consumer.leave().await.unwrap();
    assert_eq!(stream.measure().await.unwrap().consumers, 0);
}

#[tokio::test]
async fn a_consumer_that_dies_leaves_its_deliveries_to_another_one() {
    let redis = Redis::start().await.unwrap();
    let stream = connect(&redis, quick());
    feed(&*stream.feed(), &calls(0..100)).await;
    let dying = stream.consumer("dying".to_owned()).unwrap();
    let mut taken = 0;
    while taken < 100 {
        taken += some(&*dying).await.len();
    }
    dying.leave().await.unwrap();
    assert_eq!(stream.measure().await.unwrap().consumers, 1, "whoever has deliveries is not removed");
    drop(dying);
    let living = stream.consumer("living".to_owned()).unwrap();
    let mut reclaimed = Vec::new();
    while reclaimed.len() < 100 {
        let batch = some(&*living).await;
        assert!(batch.iter().all(|delivery| delivery.times == 2), "{:?}", batch[0]);
        consumer_done(&*living, &batch).await;
        reclaimed.extend(ids(&batch));
    }
    assert_eq!(reclaimed.iter().collect::<HashSet<_>>().len(), 100);
    emptied(&stream).await;
}

async fn consumer_done(consumer: &dyn Deliveries, batch: &[Delivery]) {
    consumer.done(&ids(batch)).await.unwrap();
}

#[tokio::test]
async fn large_calls_are_delivered_a_few_at_a_time() {
    const LARGE: usize = 60_000;
    let redis = Redis::start().await.unwrap();
    // The one waits long before it looks for what is left undone, the other does not.
    let (patient, hasty) = (connect(&redis, StreamOptions::default()), connect(&redis, quick()));
    let inlet = hasty.feed();
    let sent: Vec<_> = (0..300).map(|number| testing::long_call(number, LARGE)).collect();
    for part in sent.chunks(50) {
        feed(&*inlet, part).await;
    }
    let (dying, living) =
        (patient.consumer("dying".to_owned()).unwrap(), hasty.consumer("living".to_owned()).unwrap());
    for (consumer, times) in [(dying, 1), (living, 2)] {
        let mut received = 0;
        while received < sent.len() {
            let batch = some(&*consumer).await;
            assert!(batch.len() * LARGE < 10 << 20, "{} at once", batch.len());
            assert!(batch.iter().all(|delivery| delivery.times == times));
            received += batch.len();
            if times == 2 {
                consumer_done(&*consumer, &batch).await;
            }
        }
    }
    emptied(&hasty).await;
}

#[tokio::test]
async fn what_others_may_have_died_of_is_delivered_alone() {
    let redis = Redis::start().await.unwrap();
    let stream = connect(&redis, StreamOptions { alone_from: 3, ..quick() });
    feed(&*stream.feed(), &calls(0..3)).await;
    for (name, times) in [("first", 1), ("second", 2)] {
        let batch = some(&*stream.consumer(name.to_owned()).unwrap()).await;
        assert_eq!(batch.iter().map(|delivery| delivery.times).collect::<Vec<_>>(), [times; 3]);
    }
    for dies in ["third", "fourth"] {
        assert_eq!(some(&*stream.consumer(dies.to_owned()).unwrap()).await.len(), 1);
    }
    let living = stream.consumer("living".to_owned()).unwrap();
    let mut times = Vec::new();
    while times.len() < 3 {
        let batch = some(&*living).await;
        assert_eq!(batch.len(), 1);
        times.push(batch[0].times);
        consumer_done(&*living, &batch).await;
    }
    // Twice each, once more each at the end, and between that one of them twice or two of them once.
    assert_eq!(times.iter().sum::<u32>(), 3 * 2 + 3 + 2, "nobody is suspect of what he was not there for");
    emptied(&stream).await;
}

#[tokio::test]
async fn deliveries_that_are_kept_stay_where_they_are() {
    let redis = Redis::start().await.unwrap();
    let stream = connect(&redis, quick());
    let (slow, quick) = (stream.consumer("slow".into()).unwrap(), stream.consumer("quick".into()).unwrap());
    // Until it is connected.
    while quick.next(100).await.is_err() {
        sleep(Duration::from_millis(20)).await;
    }
    feed(&*stream.feed(), &calls(0..10)).await;
    let batch = some(&*slow).await;
    for _ in 0..10 {
        sleep(Duration::from_millis(100)).await;
        slow.keep(&ids(&batch)).await.unwrap();
        assert_eq!(quick.next(100).await.unwrap(), []);
    }
    let reclaimed = some(&*quick).await;
    assert_eq!(reclaimed.len(), batch.len());
    assert_eq!(reclaimed[0].times, 2, "keeping is no delivery");
}

#[tokio::test]
async fn consumers_that_are_gone_are_removed() {
    let redis = Redis::start().await.unwrap();
    let stream = connect(&redis, StreamOptions { gone_after: Duration::from_millis(200), ..quick() });
    feed(&*stream.feed(), &calls(0..1)).await;
    let gone = stream.consumer("gone".to_owned()).unwrap();
    let batch = some(&*gone).await;
    gone.done(&ids(&batch)).await.unwrap();
    drop(gone);
    let living = stream.consumer("living".to_owned()).unwrap();
    let poll = async {
        loop {
            let _ = living.next(10).await;
            if !tell(&redis, "XINFO CONSUMERS promptgate:usage:calls promptgate-workers")
                .await
                .contains("gone")
            {
                return;
            }
        }
    };
    timeout(PATIENCE, poll).await.expect("it is removed");
}

#[tokio::test]
async fn a_full_stream_takes_no_more_and_drops_nothing() {
    let redis = Redis::start().await.unwrap();
    let stream = connect(&redis, StreamOptions { max_events: 100, ..quick() });
    let inlet = stream.feed();
    feed(&*inlet, &calls(0..150)).await;
    assert!(matches!(inlet.feed(&calls(150..151)).await, Err(FeedError::Full)));
    assert_eq!((inlet.state(), stream.measure().await.unwrap().length), (FeedState::Full, 150));
    let worker = Worker::start(&stream, "worker");
    worker.taken(150).await;
    emptied(&stream).await;
    feed(&*inlet, &calls(150..151)).await;
    worker.taken(151).await;
    assert_eq!(inlet.state(), FeedState::Open);
    worker.stop().await;

    let heavy = connect(&redis, StreamOptions { max_bytes: 100_000, ..quick() });
    feed(&*heavy.feed(), &[testing::long_call(1, 60_000), testing::long_call(2, 60_000)]).await;
    assert!(matches!(heavy.feed().feed(&calls(3..4)).await, Err(FeedError::Full)));
}

#[tokio::test]
async fn without_redis_feeding_fails_soon_and_works_again_afterwards() {
    let mut redis = Redis::start().await.unwrap();
    let stream = connect(&redis, quick());
    let inlet = stream.feed();
    feed(&*inlet, &calls(0..1)).await;
    redis.stop().await.unwrap();
    let begun = std::time::Instant::now();
    for _ in 0..20 {
        assert!(matches!(inlet.feed(&calls(1..2)).await, Err(FeedError::Away(_))));
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(inlet.state(), FeedState::Away);
    redis.restart().await.unwrap();
    feed(&*inlet, &calls(1..2)).await;
    assert_eq!(inlet.state(), FeedState::Open);
}

#[tokio::test]
async fn a_drill_shows_in_the_state_at_once_and_as_long_as_it_lasts() {
    let redis = Redis::start().await.unwrap();
    let stream = connect(&redis, quick());
    let inlet = stream.feed();
    feed(&*inlet, &calls(0..1)).await;
    stream.pretend_away(true);
    assert_eq!(inlet.state(), FeedState::Away);
    assert!(matches!(inlet.feed(&calls(1..2)).await, Err(FeedError::Away(_))));
    assert_eq!(inlet.state(), FeedState::Away);
    stream.pretend_away(false);
    assert_eq!(inlet.state(), FeedState::Open);
    feed(&*inlet, &calls(1..2)).await;
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_is_read_again() {
    let mut redis = Redis::start().await.unwrap();
    let stream = connect(&redis, quick());
    let inlet = stream.feed();
    let worker = Worker::start(&stream, "worker");
    feed(&*inlet, &calls(0..10)).await;
    worker.taken(10).await;
    redis.stop().await.unwrap();
    // What is looked for first when Redis is back is what others left undone: there is no group then.
    sleep(quick().min_idle).await;
    redis.restart().await.unwrap();
    feed(&*inlet, &calls(10..20)).await;
    worker.taken(20).await;
    redis.pause().unwrap();
    sleep(Duration::from_millis(200)).await;
    redis.resume().unwrap();
    feed(&*inlet, &calls(20..30)).await;
    worker.taken(30).await;
    worker.stop().await;
}

#[tokio::test]
async fn poison_ends_on_the_list_and_not_in_everybodys_way() {
    let redis = Redis::start().await.unwrap();
    let stream = connect(&redis, quick());
    tell(&redis, "XADD promptgate:usage:calls * event later").await;
    tell(&redis, "XADD promptgate:usage:calls * payload x").await;
    let ledger = FakeLedger::default();
    ledger.0.lock().unwrap().poison.insert(testing::event(7).id);
    feed(&*stream.feed(), &calls(0..50)).await;
    let worker = Worker::into(&stream, "worker", ledger);
    emptied(&stream).await;
    {
        let behaviour = worker.ledger.0.lock().unwrap();
        assert_eq!((behaviour.taken.len(), behaviour.letters.len()), (49, 3));
    }
    worker.stop().await;
}

#[tokio::test]
async fn several_workers_share_and_one_that_is_killed_loses_nothing() {
    let redis = Redis::start().await.unwrap();
    let stream = connect(&redis, quick());
    let ledger = FakeLedger::default();
    let [first, second, third] =
        ["first", "second", "third"].map(|name| Worker::into(&stream, name, ledger.clone()));
    let inlet = stream.feed();
    for start in (0..5_000).step_by(500) {
        feed(&*inlet, &calls(start..start + 500)).await;
        if start == 2_000 {
            // It holds deliveries that it never says anything of again.
            let killed = stream.consumer("killed".to_owned()).unwrap();
            feed(&*inlet, &calls(5_000..5_100)).await;
            let _ = timeout(Duration::from_millis(200), some(&*killed)).await;
        }
    }
    first.taken(5_100).await;
    emptied(&stream).await;
    let behaviour = |worker: &Worker| worker.ledger.0.lock().unwrap().letters.len();
    assert_eq!(behaviour(&first), 0);
    for worker in [first, second, third] {
        worker.stop().await;
    }
    assert!(stream.measure().await.unwrap().consumers <= 1, "those that end leave");
}
