//! Where calls come out of the stream.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::Client;
use fred::interfaces::{ClientLike, StreamsInterface};
use fred::types::Value;
use fred::types::config::Options;
use promptgate_ingest::{Deliveries, Delivery, StreamAway, WireCall};
use tokio::time::{Instant, timeout};
use tokio_util::sync::DropGuard;

use super::feed::{CONTENT, EVENT};
use super::{ENOUGH, GROUP, KEY, MOST, MOST_WAITED_FOR, Shared, scripts};

/// One consumer of a group.
pub(super) struct Consumer {
    name: String,
    shared: Arc<Shared>,
    /// Waits for new entries, and does nothing else.
    waiting: Client,
    waiting_options: Options,
    /// When it looks again for deliveries that others left undone; `None` before the group is known to be
    /// there.
    reclaims: Mutex<Option<Instant>>,
    _stop: DropGuard,
}

impl Consumer {
    pub(super) fn new(name: String, shared: Arc<Shared>, waiting: Client, stop: DropGuard) -> Self {
        let waiting_options = Options { fail_fast: true, max_attempts: Some(1), ..Options::default() };
        Self { name, shared, waiting, waiting_options, reclaims: Mutex::new(None), _stop: stop }
    }

    /// How often it looks for what others left undone.
    fn reclaims_every(&self) -> Duration {
        self.shared.options.min_idle / 3
    }

    fn reclaim_at(&self, at: Option<Instant>) {
        *self.reclaims.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn reclaims(&self) -> Option<Instant> {
        *self.reclaims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the group, and the stream, unless they are there.
    async fn make_group(&self) -> Result<(), StreamAway> {
        let client = self.shared.client.with_options(&self.shared.call_options);
        let made = client.xgroup_create::<(), _, _, _>(KEY, GROUP, "0", true);
        match timeout(self.shared.options.deadline, made).await {
            Ok(Err(error)) if !error.details().starts_with("BUSYGROUP") => Err(StreamAway(error.into())),
            Ok(_) => Ok(()),
            Err(elapsed) => Err(StreamAway(elapsed.into())),
        }
    }

    /// Deliveries that other consumers left undone, or this one.
    async fn reclaim(&self, most: usize) -> Result<Vec<Delivery>, StreamAway> {
        let options = &self.shared.options;
        let arguments = vec![
            GROUP.to_owned(),
            self.name.clone(),
            options.min_idle.as_millis().to_string(),
            most.min(MOST).to_string(),
            ENOUGH.to_string(),
            options.alone_from.to_string(),
        ];
        let deliveries = deliveries(self.shared.run(scripts::RECLAIM, arguments).await?);
        if !deliveries.is_empty() {
            tracing::warn!(
                usage.events = deliveries.len(),
                "took over usage events that another consumer had left undone"
            );
            metrics::counter!("promptgate_usage_stream_reclaimed_total").increment(deliveries.len() as u64);
        }
        Ok(deliveries)
    }

    /// Removes consumers that are gone.
    async fn sweep(&self) -> Result<(), StreamAway> {
        let gone_after = self.shared.options.gone_after.as_millis().to_string();
        let removed: u64 =
            self.shared.run(scripts::REMOVE, vec![GROUP.to_owned(), String::new(), gone_after]).await?;
        if removed > 0 {
            tracing::info!(consumers = removed, "removed consumers of usage events that are gone");
        }
        Ok(())
    }

    /// Entries that nobody was given yet. Waits a moment where there are none.
    async fn read(&self, most: usize) -> Result<Vec<Delivery>, StreamAway> {
        let arguments =
            vec![GROUP.to_owned(), self.name.clone(), most.min(MOST).to_string(), ENOUGH.to_string()];
        let there = deliveries(self.shared.run(scripts::READ, arguments).await?);
        if !there.is_empty() {
            return Ok(there);
        }
        let wait = self.shared.options.wait;
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        let count = most.min(MOST_WAITED_FOR) as u64;
        let client = self.waiting.with_options(&self.waiting_options);
        let name = self.name.as_str();
        let read =
            client.xreadgroup::<Value, _, _, _, _>(GROUP, name, Some(count), Some(millis), false, KEY, ">");
        let answer = match timeout(wait + self.shared.options.deadline, read).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(StreamAway(error.into())),
            Err(elapsed) => return Err(StreamAway(elapsed.into())),
        };
        Ok(entries(answer).into_iter().filter_map(|(id, fields)| delivery(&id, 1, fields)).collect())
    }

    /// What others left undone, else new entries.
    async fn reclaim_or_read(&self, most: usize) -> Result<Vec<Delivery>, StreamAway> {
        let due = self.reclaims();
        if due.is_none() {
            self.make_group().await?;
        }
        if due.is_none_or(|due| due <= Instant::now()) {
            let left = self.reclaim(most).await?;
            if !left.is_empty() {
                // There may be more of them.
                self.reclaim_at(Some(Instant::now()));
                return Ok(left);
            }
            self.sweep().await?;
            self.reclaim_at(Some(Instant::now() + self.reclaims_every()));
        }
        self.read(most).await
    }

    async fn run_on(&self, script: &'static str, first: &[&str], ids: &[String]) -> Result<(), StreamAway> {
        for ids in ids.chunks(MOST) {
            let first = first.iter().map(|argument| (*argument).to_owned());
            let _: i64 = self.shared.run(script, first.chain(ids.iter().cloned()).collect()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Deliveries for Consumer {
    async fn next(&self, most: usize) -> Result<Vec<Delivery>, StreamAway> {
        let next = self.reclaim_or_read(most).await;
        if next.is_err() {
            // A Redis that was away may have lost its memory, and the group with it.
            self.reclaim_at(None);
        }
        next
    }

    async fn keep(&self, ids: &[String]) -> Result<(), StreamAway> {
        self.run_on(scripts::KEEP, &[GROUP, &self.name], ids).await
    }

    async fn done(&self, ids: &[String]) -> Result<(), StreamAway> {
        self.run_on(scripts::DONE, &[GROUP], ids).await
    }

    async fn leave(&self) -> Result<(), StreamAway> {
        let arguments = vec![GROUP.to_owned(), self.name.clone(), "0".to_owned()];
        let _: i64 = self.shared.run(scripts::REMOVE, arguments).await?;
        Ok(())
    }
}

/// The entries of an answer to a reading: one stream, of which it has the name and the entries.
fn entries(answer: Value) -> Vec<(Value, Value)> {
    if answer.is_null() {
        return Vec::new();
    }
    let stream = match answer {
        // The third version of the protocol has a map.
        Value::Map(streams) => streams.inner().into_values().next(),
        answer => {
            answer.into_array().into_iter().next().and_then(|stream| stream.into_array().into_iter().nth(1))
        }
    };
    let entries = stream.map(Value::into_array).unwrap_or_default();
    let entry = |entry: Value| {
        let mut parts = entry.into_array().into_iter();
        Some((parts.next()?, parts.next()?))
    };
    entries.into_iter().filter_map(entry).collect()
}

/// What a script delivers.
fn deliveries(answer: Value) -> Vec<Delivery> {
    let entry = |entry: Value| {
        let mut parts = entry.into_array().into_iter();
        let (id, times, fields) = (parts.next()?, parts.next()?, parts.next()?);
        let times = times.as_str().and_then(|times| times.parse().ok()).unwrap_or(1);
        delivery(&id, times, fields)
    };
    answer.into_array().into_iter().filter_map(entry).collect()
}

/// A delivery; `None` if it has no id, which Redis does not do.
fn delivery(id: &Value, times: u32, fields: Value) -> Option<Delivery> {
    let (mut event, mut content) = (None, None);
    let mut fields = fields.into_array().into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let bytes = value.as_bytes().map(<[u8]>::to_vec);
        match name.as_bytes() {
            Some(name) if name == EVENT.as_bytes() => event = bytes,
            Some(name) if name == CONTENT.as_bytes() => content = bytes,
            _ => {}
        }
    }
    let payload = WireCall { event: event.unwrap_or_default(), content }.read();
    Some(Delivery { id: id.as_string()?, times, payload })
}
