//! The stream between those who have usage events and the database, where there is a Redis.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use promptgate_coordination_redis::{RedisStream, StreamOptions};
use promptgate_ingest::{Feed, FeedState, Ingestor, IngestorOptions, Recording};
use promptgate_kernel::Entropy;
use promptgate_store::{Access, Store};
use tokio::time::{MissedTickBehavior, interval};

use crate::base::Base;

/// How many read the stream in one process: while one waits for the database, another prepares.
const CONSUMERS: usize = 2;
/// How long a consumer waits for events in one go: a process that ends waits for it.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often it is counted what waits.
const COUNTED_EVERY: Duration = Duration::from_secs(10);
/// How often it is looked how the stream is.
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// What the stream is called among the dependencies.
const USAGE_STREAM: &str = "usage_stream";

/// The stream; `None` without a Redis.
pub(super) fn connect(base: &Base) -> anyhow::Result<Option<RedisStream>> {
    connect_as(base, StreamOptions::default())
}

fn connect_as(base: &Base, options: StreamOptions) -> anyhow::Result<Option<RedisStream>> {
    let Some(url) = base.server_settings()?.redis_url else { return Ok(None) };
    let settings = base.settings.usage_stream()?;
    let options = StreamOptions { max_events: settings.max_events, max_bytes: settings.max_bytes, ..options };
    Ok(Some(RedisStream::connect(url.expose(), options).context("PROMPTGATE_REDIS_URL")?))
}

/// Brings what is in the stream into the database, if there is one, and counts what waits.
pub(crate) fn ingest(base: &Base, store: &Arc<dyn Store>) -> anyhow::Result<()> {
    let settings = base.settings.worker()?;
    let min_idle = settings.pending_idle_timeout;
    let wait = settings.block_timeout.min(LONGEST_WAIT);
    let stream = connect_as(base, StreamOptions { min_idle, wait, ..StreamOptions::default() })?;
    if let Some(stream) = &stream {
        let recording = Recording::new(Box::new(Arc::clone(store)), Arc::clone(&base.clock));
        let options = IngestorOptions {
            batch: settings.batch_size,
            keep_every: min_idle / 3,
            ..IngestorOptions::default()
        };
        let name = settings.consumer_name.clone().unwrap_or_else(|| made_up_name(&*base.entropy));
        for number in 0..CONSUMERS {
            let name = if number == 0 { name.clone() } else { format!("{name}-{number}") };
            let consumer = stream.consumer(name).context("PROMPTGATE_REDIS_URL")?;
            let ingestor = Ingestor::new(consumer, Arc::clone(&recording), options);
            base.tasks.spawn(ingestor.run(base.stop.clone()));
        }
    }
    count(base, Arc::clone(store), stream);
    Ok(())
}

/// Says how the stream is that this process feeds.
pub(super) fn watch_feed(base: &Base, feed: &Arc<dyn Feed>) {
    let (feed, dependencies, stop) = (Arc::clone(feed), base.dependencies.clone(), base.stop.clone());
    base.tasks.spawn(async move {
        let look = async {
            let mut tick = interval(LOOKED_EVERY);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                let gives_up = match feed.state() {
                    FeedState::Open => None,
                    FeedState::Full => Some("it is full: usage events wait, and are counted late"),
                    FeedState::Away => Some("usage events go straight to the database"),
                };
                dependencies.note(USAGE_STREAM, gives_up);
            }
        };
        stop.run_until_cancelled(look).await
    });
}

/// Counts what is in the stream, and what waits for a person.
fn count(base: &Base, store: Arc<dyn Store>, stream: Option<RedisStream>) {
    let stop = base.stop.clone();
    base.tasks.spawn(async move {
        let count = async {
            let mut tick = interval(COUNTED_EVERY);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                if let Ok(letters) = waiting_letters(&*store).await {
                    let letters = f64::from(u32::try_from(letters).unwrap_or(u32::MAX));
                    metrics::gauge!("promptgate_usage_dead_letters").set(letters);
                }
                if let Some(stream) = &stream
                    && let Err(error) = stream.measure().await
                {
                    tracing::debug!(%error, "cannot measure the stream of usage events");
                }
            }
        };
        stop.run_until_cancelled(count).await
    });
}

async fn waiting_letters(store: &dyn Store) -> Result<u64, promptgate_kernel::RepositoryError> {
    store.begin(Access::Read).await?.dead_letters().waiting().await
}

/// A name that nobody else has: host, process, and a few random characters.
fn made_up_name(entropy: &dyn Entropy) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "promptgate" } else { host };
    let mut random = [0; 4];
    entropy.fill(&mut random);
    format!("{host}-{}-{:08x}", std::process::id(), u32::from_be_bytes(random))
}
