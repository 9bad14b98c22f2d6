//! Where calls go into the stream.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use fred::clients::Pipeline;
use fred::interfaces::{ClientLike, StreamsInterface};
use fred::types::Value;
use promptgate_ingest::{Feed, FeedError, FeedState, StreamAway, WireCall};
use promptgate_usage::FinishedCall;
use tokio::time::timeout;

use super::{KEY, Shared, TRIMMED_ABOVE, scripts};

pub(super) const OPEN: u8 = 0;
const FULL: u8 = 1;
const AWAY: u8 = 2;

/// The members of an entry.
pub(super) const EVENT: &str = "event";
pub(super) const CONTENT: &str = "content";

/// The inlet of a [`RedisStream`](super::RedisStream).
pub(super) struct RedisFeed {
    shared: Arc<Shared>,
}

impl RedisFeed {
    pub(super) const fn over(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn try_feed(&self, calls: &[Arc<FinishedCall>]) -> Result<(), FeedError> {
        let options = &self.shared.options;
        let room: Vec<u64> = self.shared.run(scripts::ROOM, Vec::new()).await?;
        let is_full = room.first().is_some_and(|length| *length >= options.max_events)
            || room.get(1).is_some_and(|bytes| *bytes >= options.max_bytes);
        if is_full {
            return Err(FeedError::Full);
        }
        let away = |error: Box<dyn std::error::Error + Send + Sync>| FeedError::Away(StreamAway(error));
        let trimmed_above =
            i64::try_from(options.max_events.saturating_mul(TRIMMED_ABOVE)).unwrap_or(i64::MAX);
        let pipeline = Pipeline::from(self.shared.client.with_options(&self.shared.call_options));
        for call in calls {
            let WireCall { event, content } = WireCall::of(call).map_err(|error| away(error.into()))?;
            let mut fields = vec![(EVENT, Bytes::from(event))];
            fields.extend(content.map(|content| (CONTENT, Bytes::from(content))));
            let cap = ("MAXLEN", "~", trimmed_above);
            let queued = pipeline.xadd::<(), _, _, _, _>(KEY, false, cap, "*", fields).await;
            queued.map_err(|error| away(error.into()))?;
        }
        match timeout(options.deadline, pipeline.all::<Value>()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(away(error.into())),
            Err(elapsed) => Err(away(elapsed.into())),
        }
    }
}

#[async_trait]
impl Feed for RedisFeed {
    async fn feed(&self, calls: &[Arc<FinishedCall>]) -> Result<(), FeedError> {
        let breaker = &self.shared.breaker;
        breaker.admit().map_err(|error| StreamAway(error.0))?;
        let fed = self.try_feed(calls).await;
        let state = match &fed {
            Ok(()) => {
                metrics::counter!("promptgate_usage_stream_fed_total").increment(calls.len() as u64);
                OPEN
            }
            Err(FeedError::Full) => FULL,
            Err(FeedError::Away(_)) => AWAY,
        };
        breaker.note(state != AWAY);
        self.shared.state.store(state, Ordering::Relaxed);
        fed
    }

    fn state(&self) -> FeedState {
        if self.shared.breaker.is_open() {
            return FeedState::Away;
        }
        match self.shared.state.load(Ordering::Relaxed) {
            OPEN => FeedState::Open,
            FULL => FeedState::Full,
            _ => FeedState::Away,
        }
    }
}
