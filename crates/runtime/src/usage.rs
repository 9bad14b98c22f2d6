//! Custody of usage events: where they wait, and who brings them into the database.

mod stream;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use promptgate_coordination_local::spool::{Drainer, MemorySpool, Spool, SpoolOptions};
use promptgate_gateway::ports::UsageSink;
use promptgate_settings::SpoolSettings;
use promptgate_store::Store;

use crate::base::{Base, Site};
use crate::dependencies::Watch;
use crate::files::DataDir;
use crate::ops::Readiness;
use crate::replicas;
use crate::storage;

pub(crate) use stream::ingest;

/// How long calls wait at most for what the process before left: what that spent, budgets know only then.
const LEFT_WITHIN: Duration = Duration::from_secs(3);
/// They wait only where what it held may be given up: with a minute to spare, after the life of a holder.
const LEFT_SINCE: Duration = Duration::from_mins(14);
/// How long the database may take to say that it is there to take it.
const ASKED_WITHIN: Duration = Duration::from_millis(500);

/// What a proxy hands its events to.
pub(crate) struct Custody {
    pub(crate) sink: Arc<dyn UsageSink>,
    /// Set where events wait in memory, because there is no disk for them.
    pub(crate) memory: Option<Arc<MemorySpool>>,
}

/// Opens the spool of this process, or a queue in memory where there is no directory for one, and
/// starts bringing events into the store: at once what dead processes left, through the stream, where there is
/// a Redis, what comes.
pub(crate) async fn custody(
    base: &Base,
    settings: &SpoolSettings,
    data: Option<&DataDir>,
    store: Arc<dyn Store>,
) -> anyhow::Result<Custody> {
    let options = SpoolOptions { alarm_bytes: settings.alarm_bytes, ..SpoolOptions::default() };
    let opened = data.map(|data| Spool::open(&data.spool(), options)).transpose();
    let (clock, asked) = (Arc::clone(&base.clock), Arc::clone(&store));
    let (drainer, custody) = match opened {
        Ok(Some(spool)) => {
            let spool = Arc::new(spool);
            (Drainer::new(Arc::clone(&spool), store, clock), Custody { sink: spool, memory: None })
        }
        Err(error) if !base.common.database.is_cluster => return Err(error.into()),
        nothing => {
            if let Err(error) = nothing {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "{error}; usage events wait in memory, and those that wait are lost if the process is killed"
                );
            }
            let memory = Arc::new(MemorySpool::new(settings.memory_events));
            let sink = Arc::clone(&memory) as Arc<dyn UsageSink>;
            let drainer = Drainer::memory(Arc::clone(&memory), store, clock);
            (drainer, Custody { sink, memory: Some(memory) })
        }
    };
    let mut drainer = match stream::connect(base)? {
        Some(stream) => {
            let feed = stream.feed();
            stream::watch_feed(base, &feed);
            base.drills.tell_redis(base, move |away| stream.pretend_away(away));
            drainer.through(feed)
        }
        None => drainer,
    };
    // While the database is away budgets are refused anyway.
    if matches!(tokio::time::timeout(ASKED_WITHIN, asked.ping()).await, Ok(Ok(()))) {
        drainer.bring_left(LEFT_SINCE, LEFT_WITHIN).await;
    }
    base.tasks.spawn(drainer.run(base.stop.clone()));
    Ok(custody)
}

/// `worker`: brings what is in the stream, and what dead processes left in the data directory, into the
/// database.
pub(crate) async fn run(base: Base) -> anyhow::Result<()> {
    let settings = base.settings.worker()?;
    let (site, address) =
        Site::bind("worker", &base.server_settings()?.host, settings.port, "PROMPTGATE_WORKER_PORT").await?;
    let data = storage::data_dir(&base.common, "this worker finds no spools to bring in")?;
    let storage = storage::open(&base.common, data.as_ref()).await?;
    if let Some(data) = &data {
        let options = SpoolOptions {
            batch_events: settings.batch_size,
            adopt_every: settings.block_timeout.max(Duration::from_millis(100)),
            ..SpoolOptions::default()
        };
        std::fs::create_dir_all(data.spool()).context("cannot make the directory of spools")?;
        let clock = Arc::clone(&base.clock);
        let drainer = Drainer::orphans(&data.spool(), options, Arc::clone(&storage.store), clock);
        base.tasks.spawn(drainer.run(base.stop.clone()));
    }
    ingest(&base, &storage.store)?;
    replicas::announce(&base, &storage.store, &[address], None);
    Watch::of(&storage.store, None).start(&base);
    let ops = Readiness::new(&base, Arc::clone(&storage.store))?.router();
    base.serve(vec![site.serving(Router::new().merge(ops))], || {}, || Ok(())).await?;
    storage.connected.close().await;
    Ok(())
}
