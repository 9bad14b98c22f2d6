//! Out of the stream, into the store.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use promptgate_usage::FinishedCall;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{Deliveries, Delivery, NotNow, Payload, Recorder, Recording, StreamAway};

/// How an ingestor behaves.
#[derive(Debug, Clone, Copy)]
pub struct IngestorOptions {
    /// The most deliveries that are taken at once.
    pub batch: usize,
    /// So many full batches of them are recorded together while more wait: calls of the same callers are
    /// then added up before they are written.
    pub batches: usize,
    /// How often the stream is told that deliveries are still being dealt with.
    pub keep_every: Duration,
    /// The pause after the stream did not answer.
    pub pause: Duration,
    /// From so many deliveries on, a call is recorded alone: those who were given it before may have
    /// died of it.
    pub alone_from: u32,
    /// From so many deliveries on, it is set aside without being tried, if it is the first such one that is
    /// delivered: of those behind it nobody may have lived to try them.
    pub dead_from: u32,
}

impl Default for IngestorOptions {
    fn default() -> Self {
        Self {
            batch: 1_000,
            batches: 4,
            keep_every: Duration::from_secs(10),
            pause: Duration::from_secs(1),
            alone_from: 4,
            dead_from: 10,
        }
    }
}

/// A consumer of the stream. Any number may run at once, in any number of processes.
pub struct Ingestor {
    deliveries: Arc<dyn Deliveries>,
    recorder: Recorder,
    options: IngestorOptions,
    failing: bool,
}

/// The shutdown came before the deliveries were in the store; whoever is left gets them.
struct Stopped;

impl Ingestor {
    /// A consumer that has not begun.
    pub fn new(deliveries: Box<dyn Deliveries>, recording: Arc<Recording>, options: IngestorOptions) -> Self {
        let deliveries = Arc::from(deliveries);
        Self { deliveries, recorder: Recorder::new(recording), options, failing: false }
    }

    /// Records what is delivered until shutdown. What is being recorded then is finished if the store
    /// takes it.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            // It waits for a moment only, and what it brings must not be forgotten.
            let batch = match self.next().await {
                Ok(batch) => batch,
                Err(error) => {
                    self.trouble(&error);
                    shutdown.run_until_cancelled(sleep(self.options.pause)).await;
                    continue;
                }
            };
            if std::mem::take(&mut self.failing) {
                tracing::info!("the stream of usage events is back");
            }
            if self.ingest(batch, &shutdown).await.is_err() {
                break;
            }
        }
        if let Err(error) = self.deliveries.leave().await {
            tracing::debug!(%error, "this consumer of usage events is still on the stream; the others remove it");
        }
    }

    /// The next deliveries: a batch, and some more where each is full.
    async fn next(&self) -> Result<Vec<Delivery>, StreamAway> {
        let (most, mut all) = (self.options.batch, Vec::new());
        for _ in 0..self.options.batches.max(1) {
            let next = match self.deliveries.next(most).await {
                Ok(next) => next,
                // What there is already is not forgotten.
                Err(error) if all.is_empty() => return Err(error),
                Err(_) => break,
            };
            let is_full = next.len() >= most;
            all.extend(next);
            if !is_full {
                break;
            }
        }
        Ok(all)
    }

    fn trouble(&mut self, error: &StreamAway) {
        metrics::counter!("promptgate_usage_stream_failures_total").increment(1);
        if !std::mem::replace(&mut self.failing, true) {
            let error: &dyn std::error::Error = error;
            tracing::warn!(error, "the stream of usage events is away; trying again");
        }
    }

    async fn ingest(&mut self, batch: Vec<Delivery>, shutdown: &CancellationToken) -> Result<(), Stopped> {
        if batch.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = batch.iter().map(|delivery| delivery.id.clone()).collect();
        let (deliveries, every) = (Arc::clone(&self.deliveries), self.options.keep_every);
        // All of them, from the start: whoever took what waits for its turn here would do it twice.
        tokio::select! {
            brought = self.bring_all(batch, shutdown) => brought,
            never = keep(&*deliveries, &ids, every) => match never {},
        }
    }

    async fn bring_all(&mut self, batch: Vec<Delivery>, shutdown: &CancellationToken) -> Result<(), Stopped> {
        let mut sorted = Sorted::default();
        for delivery in batch {
            sorted.add(delivery, &self.options);
        }
        let Sorted { together, alone, dead, foreign } = sorted;
        // Before anything that is behind it kills this one, too.
        self.bring(Work::GiveUp(dead), shutdown).await?;
        self.bring(Work::Record(together), shutdown).await?;
        for (id, call) in alone {
            self.bring(Work::Record(Group { ids: vec![id], calls: vec![call] }), shutdown).await?;
        }
        for (id, json) in foreign {
            self.bring(Work::SetAside(id, json), shutdown).await?;
        }
        Ok(())
    }

    /// Does it, again and again until the store takes it, and says so to the stream.
    async fn bring(&mut self, work: Work, shutdown: &CancellationToken) -> Result<(), Stopped> {
        let ids = work.ids();
        if ids.is_empty() {
            return Ok(());
        }
        while attempt(&mut self.recorder, &work).await.is_err() {
            let due = self.recorder.due().unwrap_or_else(Instant::now);
            if shutdown.run_until_cancelled(sleep_until(due)).await.is_none() {
                return Err(Stopped);
            }
        }
        if let Err(error) = self.deliveries.done(&ids).await {
            // They come again, and change nothing.
            self.trouble(&error);
        }
        Ok(())
    }
}

async fn attempt(recorder: &mut Recorder, work: &Work) -> Result<(), NotNow> {
    match work {
        Work::Record(group) => recorder.record(&group.calls).await,
        Work::GiveUp(dead) => {
            let reason = "was delivered again and again, and nobody lived to say what came of it";
            let calls: Vec<_> = dead.iter().map(|(_, call, times)| (Arc::clone(call), *times)).collect();
            recorder.give_up(&calls, reason).await
        }
        Work::SetAside(_, json) => recorder.set_aside_foreign(json).await,
    }
}

/// Tells the stream, now and then, that deliveries are still being dealt with.
async fn keep(deliveries: &dyn Deliveries, ids: &[String], every: Duration) -> Infallible {
    loop {
        sleep(every).await;
        if let Err(error) = deliveries.keep(ids).await {
            tracing::debug!(%error, "cannot keep deliveries of usage events");
        }
    }
}

/// Calls, and the deliveries that they came by.
#[derive(Default)]
struct Group {
    ids: Vec<String>,
    calls: Vec<Arc<FinishedCall>>,
}

/// What is to be done with deliveries.
enum Work {
    Record(Group),
    GiveUp(Option<(String, Arc<FinishedCall>, u32)>),
    SetAside(String, String),
}

impl Work {
    fn ids(&self) -> Vec<String> {
        match self {
            Self::Record(group) => group.ids.clone(),
            Self::GiveUp(dead) => dead.iter().map(|(id, ..)| id.clone()).collect(),
            Self::SetAside(id, _) => vec![id.clone()],
        }
    }
}

/// Deliveries by what is to be done with them.
#[derive(Default)]
struct Sorted {
    together: Group,
    alone: Vec<(String, Arc<FinishedCall>)>,
    /// The first that was delivered too often.
    dead: Option<(String, Arc<FinishedCall>, u32)>,
    foreign: Vec<(String, String)>,
}

impl Sorted {
    fn add(&mut self, Delivery { id, times, payload }: Delivery, options: &IngestorOptions) {
        match payload {
            Payload::Foreign(json) => self.foreign.push((id, json)),
            Payload::Call(call) if times >= options.dead_from && self.dead.is_none() => {
                self.dead = Some((id, call, times));
            }
            Payload::Call(call) if times >= options.alone_from => self.alone.push((id, call)),
            Payload::Call(call) => {
                self.together.ids.push(id);
                self.together.calls.push(call);
            }
        }
    }
}

#[cfg(test)]
mod tests;
