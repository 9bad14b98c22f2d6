//! The stream that finished calls pass through on their way into the store.
//!
//! An entry is one call: `event`, and `content` if something of what was said is kept. Entries are removed
//! when their calls are in the store, so that what is in the stream is what is still to be done. It is
//! bounded by those who feed it: they stop while it holds too much. Only far above that bound, where
//! something is wrong, would Redis trim it; whoever fed what was trimmed then brings it into the store
//! himself.

mod consumer;
mod feed;
mod scripts;

use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike, LuaInterface};
use fred::types::config::Options;
use fred::types::{FromValue, Value};
use promptgate_ingest::{Deliveries, Feed, IngestorOptions, StreamAway};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::InvalidRedisUrl;
use crate::breaker::Breaker;
use crate::bus::{RedisOptions, builder};
use crate::listener::keep_connected;
use consumer::Consumer;
use feed::RedisFeed;

/// The stream.
const KEY: &str = "promptgate:usage:calls";
/// The group of its consumers.
const GROUP: &str = "promptgate-workers";
/// The most entries that one script or one reading deals with: what Lua can pass to a call is bounded.
const MOST: usize = 1_000;
/// After so many bytes one script or one reading has enough: Redis does nothing else meanwhile.
const ENOUGH: usize = 8 << 20;
/// The most entries that a reading takes that waited for the first of them.
const MOST_WAITED_FOR: usize = 100;
/// Redis trims where this many times the bound is reached.
const TRIMMED_ABOVE: u64 = 4;

/// How a stream behaves.
#[derive(Debug, Clone, Copy)]
pub struct StreamOptions {
    /// No more is fed while it holds so many calls.
    pub max_events: u64,
    /// Nor while it takes so many bytes.
    pub max_bytes: u64,
    /// A delivery that its consumer said nothing of for so long goes to another one.
    pub min_idle: Duration,
    /// A consumer without deliveries that was not heard of for so long is removed.
    pub gone_after: Duration,
    /// From so many deliveries on, a call is delivered alone: those who were given it before may have
    /// died of it.
    pub alone_from: u32,
    /// How long a consumer waits for new calls in one go. A process that ends waits for it.
    pub wait: Duration,
    /// How long anything else may take.
    pub deadline: Duration,
    /// How long it is not fed after it has not answered twice.
    pub cool_down: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            max_events: 100_000,
            max_bytes: 256 << 20,
            min_idle: Duration::from_secs(30),
            gone_after: Duration::from_hours(1),
            alone_from: IngestorOptions::default().alone_from,
            wait: Duration::from_secs(1),
            deadline: Duration::from_secs(2),
            cool_down: Duration::from_secs(10),
        }
    }
}

/// What is in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamSize {
    /// Calls.
    pub length: u64,
    /// Those of them that a consumer has and has not dealt with.
    pub pending: u64,
    /// Those that no consumer was given yet, where Redis can tell.
    pub lag: Option<u64>,
    /// Consumers.
    pub consumers: u64,
}

/// The stream of usage events in Redis. Dropping it, its feeds and its consumers closes the connections.
pub struct RedisStream {
    shared: Arc<Shared>,
    url: String,
}

struct Shared {
    client: Client,
    call_options: Options,
    options: StreamOptions,
    breaker: Breaker,
    /// A [`FeedState`](promptgate_ingest::FeedState), as [`feed`] writes it.
    state: AtomicU8,
    tasks: TaskTracker,
    stop: CancellationToken,
    _guard: DropGuard,
}

impl RedisStream {
    /// Connects in the background, and again whenever the connection is lost. Must be called on a
    /// runtime. The only failure is a URL that can never work.
    pub fn connect(url: &str, options: StreamOptions) -> Result<Self, InvalidRedisUrl> {
        let connections = RedisOptions { sign_in_deadline: options.deadline, ..RedisOptions::default() };
        let mut builder = builder(url, &connections)?;
        // A batch is one pipeline.
        builder.with_connection_config(|connection| connection.max_command_buffer_len = 100_000);
        let client = builder.build().map_err(|_| InvalidRedisUrl)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(keep_connected(client.clone(), connections.longest_pause, stop.clone()));
        let call_options = Options {
            fail_fast: true,
            timeout: Some(options.deadline),
            max_attempts: Some(1),
            ..Options::default()
        };
        let shared = Shared {
            client,
            call_options,
            options,
            breaker: Breaker::new(2, options.cool_down),
            state: AtomicU8::new(feed::OPEN),
            tasks,
            stop: stop.clone(),
            _guard: stop.drop_guard(),
        };
        Ok(Self { shared: Arc::new(shared), url: url.to_owned() })
    }

    /// Acts from now on as if Redis were away, or as it is, towards whatever calls are handed to it.
    pub fn pretend_away(&self, away: bool) {
        self.shared.breaker.hold_open(away);
    }

    /// Where calls go in.
    pub fn feed(&self) -> Arc<dyn Feed> {
        Arc::new(RedisFeed::over(Arc::clone(&self.shared)))
    }

    /// Where calls come out, for one consumer. Its name must be nobody else's.
    pub fn consumer(&self, name: String) -> Result<Box<dyn Deliveries>, InvalidRedisUrl> {
        // A connection of its own, on which every other call would wait for the one that waits.
        let connections = RedisOptions::default();
        let patience = self.shared.options.wait + self.shared.options.deadline;
        let mut builder = builder(&self.url, &connections)?;
        builder
            .with_performance_config(|performance| performance.default_command_timeout = Duration::ZERO)
            .with_connection_config(|connection| connection.unresponsive.max_timeout = Some(patience * 2));
        let client = builder.build().map_err(|_| InvalidRedisUrl)?;
        let stop = self.shared.stop.child_token();
        let pause = connections.longest_pause;
        self.shared.tasks.spawn(keep_connected(client.clone(), pause, stop.clone()));
        Ok(Box::new(Consumer::new(name, Arc::clone(&self.shared), client, stop.drop_guard())))
    }

    /// What is in the stream; the metrics say the same from then on.
    pub async fn measure(&self) -> Result<StreamSize, StreamAway> {
        let numbers: Vec<i64> = self.shared.run(scripts::SIZE, vec![GROUP.to_owned()]).await?;
        let at = |index: usize| numbers.get(index).copied().unwrap_or_default();
        let size = StreamSize {
            length: at(0).unsigned_abs(),
            pending: at(1).unsigned_abs(),
            lag: u64::try_from(at(2)).ok(),
            consumers: at(3).unsigned_abs(),
        };
        let gauge = |name: &'static str, number: u64| {
            metrics::gauge!(name).set(f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
        };
        gauge("promptgate_usage_stream_events", size.length);
        gauge("promptgate_usage_stream_pending", size.pending);
        gauge("promptgate_usage_stream_consumers", size.consumers);
        if let Some(lag) = size.lag {
            gauge("promptgate_usage_stream_lag", lag);
        }
        Ok(size)
    }
}

impl Shared {
    /// Runs a script under the deadline.
    async fn run<T: FromValue>(&self, script: &'static str, arguments: Vec<String>) -> Result<T, StreamAway> {
        let client = self.client.with_options(&self.call_options);
        let call = client.eval::<Value, _, _, _>(script, vec![KEY], arguments);
        let answer = match timeout(self.options.deadline, call).await {
            Ok(answer) => answer.and_then(Value::convert),
            Err(elapsed) => return Err(StreamAway(elapsed.into())),
        };
        answer.map_err(|error| StreamAway(error.into()))
    }
}
