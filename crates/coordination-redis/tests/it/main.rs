//! The bus against a Redis that stops, comes back and stalls.

mod counters;
mod ingestion;
mod limiting;
mod sentinel;
mod stream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use promptgate_auth::{SessionSecret, SignInState};
use promptgate_coordination_redis::{RedisBus, RedisOptions};
use promptgate_kernel::{Clock, OsEntropy, RepositoryError, Revision, SystemClock};
use promptgate_limits::Counters;
use promptgate_store::{
    Announcement, Bus, Signal, Subscription, bus_contract_tests, counters_contract_tests,
    sign_in_contract_tests,
};
use promptgate_testkit::redis::Redis;
use tokio::time::{sleep, timeout};

const WORKS: &str = "Redis is there";
const PATIENCE: Duration = Duration::from_secs(20);

fn announcement(revision: i64) -> Announcement {
    Announcement { revision: Revision::from_number(revision) }
}

fn connect(redis: &Redis) -> RedisBus {
    let options = RedisOptions {
        // Generous: tests share their machine.
        deadline: Duration::from_millis(200),
        cool_down: Duration::from_millis(100),
        longest_pause: Duration::from_millis(100),
        heartbeat: Duration::from_millis(100),
        ..RedisOptions::default()
    };
    RedisBus::connect(&redis.url(), options, Arc::new(SystemClock)).expect(WORKS)
}

/// Two processes on one Redis.
struct Ends {
    here: RedisBus,
    there: RedisBus,
    _redis: Redis,
}

impl Ends {
    fn here(&self) -> &dyn Bus {
        &self.here
    }

    fn there(&self) -> &dyn Bus {
        &self.there
    }
}

async fn redis() -> Ends {
    let redis = Redis::start().await.expect(WORKS);
    let ends = Ends { here: connect(&redis), there: connect(&redis), _redis: redis };
    until_up(&ends.here, true).await;
    until_up(&ends.there, true).await;
    ends
}

bus_contract_tests!(redis);

/// What sign-ins share, as two processes on one Redis have it.
struct SignIns {
    here: SignInState,
    there: SignInState,
    _redis: Redis,
}

impl SignIns {
    fn here(&self) -> &SignInState {
        &self.here
    }

    fn there(&self) -> &SignInState {
        &self.there
    }
}

async fn sign_ins() -> SignIns {
    let redis = Redis::start().await.expect(WORKS);
    let patient = RedisOptions { deadline: Duration::from_secs(10), ..RedisOptions::default() };
    let ends =
        [(); 2].map(|()| RedisBus::connect(&redis.url(), patient, Arc::new(SystemClock)).expect(WORKS));
    for bus in &ends {
        announce(bus, 1).await;
    }
    let [here, there] = ends.map(|bus| bus.sign_in());
    SignIns { here, there, _redis: redis }
}

sign_in_contract_tests!(redis_sign_in, sign_ins);

/// The counters of limits, as two processes on one Redis have them.
struct Counting {
    here: Arc<dyn Counters>,
    there: Arc<dyn Counters>,
    redis: Redis,
}

impl Counting {
    fn here(&self) -> &dyn Counters {
        &*self.here
    }

    fn there(&self) -> &dyn Counters {
        &*self.there
    }
}

async fn counting() -> Counting {
    let redis = Redis::start().await.expect(WORKS);
    let patient = RedisOptions { deadline: Duration::from_secs(10), ..RedisOptions::default() };
    let ends =
        [(); 2].map(|()| RedisBus::connect(&redis.url(), patient, Arc::new(SystemClock)).expect(WORKS));
    for bus in &ends {
        announce(bus, 1).await;
    }
    let [here, there] = ends.map(|bus| bus.counters());
    Counting { here, there, redis }
}

counters_contract_tests!(redis_counters, counting);

#[tokio::test]
async fn without_redis_a_session_is_not_known_rather_than_gone() {
    let mut redis = Redis::start().await.unwrap();
    let bus = connect(&redis);
    announce(&bus, 1).await;
    redis.stop().await.unwrap();
    until_up(&bus, false).await;
    let hash = SessionSecret::generate(&OsEntropy).hash();
    let found = bus.sign_in().sessions.find(hash).await;
    assert!(matches!(found, Err(RepositoryError::Unavailable { .. })));
}

/// Waits for a signal that satisfies, whatever comes before it.
async fn hear(listener: &mut Box<dyn Subscription>, wanted: Signal) {
    let listen = async { while listener.next().await != wanted {} };
    timeout(PATIENCE, listen).await.unwrap_or_else(|_| panic!("never heard {wanted:?}"));
}

async fn until_up(bus: &RedisBus, up: bool) {
    let poll = async {
        while bus.is_up() != up {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("never up = {up}"));
}

/// Announces until somebody takes it.
async fn announce(bus: &RedisBus, revision: i64) {
    let attempts = async {
        while bus.announce(announcement(revision)).await.is_err() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, attempts).await.expect("Redis takes it in the end");
}

#[tokio::test]
async fn what_one_process_announces_every_process_hears() {
    let redis = Redis::start().await.unwrap();
    let (here, there) = (connect(&redis), connect(&redis));
    let (mut near, mut far) = (here.subscribe().await, there.subscribe().await);
    announce(&here, 7).await;
    hear(&mut near, Signal::Announced(announcement(7))).await;
    hear(&mut far, Signal::Announced(announcement(7))).await;
    until_up(&here, true).await;
}

/// Whoever asks at once would be told that Redis is away, and act as if it were.
#[tokio::test]
async fn after_the_first_contact_it_is_there_or_known_to_be_away() {
    let mut redis = Redis::start().await.expect(WORKS);
    for _ in 0..20 {
        let bus = connect(&redis);
        bus.first_contact().await;
        bus.counters().sweep(SystemClock.now()).await.expect(WORKS);
    }
    redis.stop().await.expect(WORKS);
    let (bus, started) = (connect(&redis), Instant::now());
    bus.first_contact().await;
    assert!(started.elapsed() < Duration::from_secs(5) && !bus.is_up());
}

#[tokio::test]
async fn starts_without_redis_and_says_so_when_it_comes() {
    let mut redis = Redis::start().await.unwrap();
    redis.stop().await.unwrap();
    let bus = connect(&redis);
    let mut listener = bus.subscribe().await;
    assert!(bus.announce(announcement(1)).await.is_err());
    hear(&mut listener, Signal::Announced(announcement(1))).await;
    until_up(&bus, false).await;

    redis.restart().await.unwrap();
    hear(&mut listener, Signal::Missed).await;
    until_up(&bus, true).await;
    announce(&bus, 2).await;
    hear(&mut listener, Signal::Announced(announcement(2))).await;
}

#[tokio::test]
async fn a_restart_is_a_reason_to_look() {
    let mut redis = Redis::start().await.unwrap();
    let bus = connect(&redis);
    let mut listener = bus.subscribe().await;
    announce(&bus, 1).await;
    hear(&mut listener, Signal::Announced(announcement(1))).await;
    redis.stop().await.unwrap();
    until_up(&bus, false).await;
    redis.restart().await.unwrap();
    hear(&mut listener, Signal::Missed).await;
    announce(&bus, 2).await;
    hear(&mut listener, Signal::Announced(announcement(2))).await;
}

/// A drill: others go on announcing, and nothing of it arrives until it is over.
#[tokio::test]
async fn while_redis_counts_as_away_nothing_is_heard_and_the_end_is_a_reason_to_look() {
    let redis = Redis::start().await.unwrap();
    let (drilled, other) = (connect(&redis), connect(&redis));
    let mut listener = drilled.subscribe().await;
    announce(&other, 1).await;
    hear(&mut listener, Signal::Announced(announcement(1))).await;
    drilled.pretend_away(true);
    assert!(drilled.announce(announcement(2)).await.is_err() && !drilled.is_up());
    let mut elsewhere = other.subscribe().await;
    announce(&other, 3).await;
    hear(&mut elsewhere, Signal::Announced(announcement(3))).await;
    // Reasons to look there may be.
    let heard = async { while listener.next().await != Signal::Announced(announcement(3)) {} };
    assert!(timeout(Duration::from_millis(300), heard).await.is_err(), "it counts as away");
    drilled.pretend_away(false);
    hear(&mut listener, Signal::Missed).await;
    until_up(&drilled, true).await;
    announce(&other, 4).await;
    hear(&mut listener, Signal::Announced(announcement(4))).await;
}

#[tokio::test]
async fn a_redis_that_stalls_costs_the_deadline_and_then_nothing() {
    let redis = Redis::start().await.unwrap();
    let bus = connect(&redis);
    let mut listener = bus.subscribe().await;
    announce(&bus, 1).await;
    hear(&mut listener, Signal::Announced(announcement(1))).await;

    redis.pause().unwrap();
    let begun = Instant::now();
    for revision in 2..=20 {
        assert!(bus.announce(announcement(revision)).await.is_err());
    }
    // Three calls run into the deadline; of the others at most one every cool-down does.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    until_up(&bus, false).await;

    redis.resume().unwrap();
    until_up(&bus, true).await;
    announce(&bus, 21).await;
    hear(&mut listener, Signal::Announced(announcement(21))).await;
}

#[tokio::test]
async fn a_dropped_bus_leaves_no_connection() {
    let redis = Redis::start().await.unwrap();
    let (watcher, bus) = (connect(&redis), connect(&redis));
    announce(&bus, 1).await;
    announce(&watcher, 1).await;
    let connections = || async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut probe = tokio::net::TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap();
        probe.write_all(b"CLIENT LIST\r\nQUIT\r\n").await.unwrap();
        let mut answer = String::new();
        probe.read_to_string(&mut answer).await.unwrap();
        answer.lines().filter(|line| line.starts_with("id=")).count()
    };
    assert_eq!(connections().await, 5, "two a bus, and the question itself");
    drop(bus);
    let poll = async { while connections().await != 3 {} };
    timeout(PATIENCE, poll).await.expect("its connections are closed");
}
