//! The end of a stream that calls go in at.

use std::sync::Arc;

use async_trait::async_trait;
use promptgate_usage::FinishedCall;

/// The stream does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the stream of usage events is away")]
pub struct StreamAway(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Why calls were not fed. Some of them may be in the stream all the same.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The stream holds as much as it may: nobody takes it out fast enough.
    #[error("the stream of usage events is full")]
    Full,
    /// It does not answer.
    #[error(transparent)]
    Away(#[from] StreamAway),
}

/// How a stream is, as far as is known without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedState {
    /// Nothing is wrong.
    Open,
    /// It took no more the last time.
    Full,
    /// It did not answer the last time.
    Away,
}

/// Where finished calls wait until somebody brings them into the store.
#[async_trait]
pub trait Feed: Send + Sync {
    /// Puts calls into the stream, in order. Bounded in time; never makes room for them by dropping
    /// others.
    async fn feed(&self, calls: &[Arc<FinishedCall>]) -> Result<(), FeedError>;

    /// How it is. Asks nobody.
    fn state(&self) -> FeedState;
}
