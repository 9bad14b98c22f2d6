//! The end of a stream that calls come out of.

use async_trait::async_trait;

use crate::Payload;
use crate::feed::StreamAway;

/// A call that was delivered to a consumer. It stays that consumer's until it is
/// [done with](Deliveries::done) or has been idle for too long.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What the stream calls it.
    pub id: String,
    /// How often it was delivered, this time included.
    pub times: u32,
    /// What it says.
    pub payload: Payload,
}

/// What a stream delivers to one consumer of many. Each delivery goes to one of them.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// The next ones, up to so many: those that another consumer was given and has not dealt with for
    /// too long, else new ones. Waits a moment where there are none.
    async fn next(&self, most: usize) -> Result<Vec<Delivery>, StreamAway>;

    /// Says that these are still being dealt with.
    async fn keep(&self, ids: &[String]) -> Result<(), StreamAway>;

    /// These are in the store: nobody needs them any more.
    async fn done(&self, ids: &[String]) -> Result<(), StreamAway>;

    /// Takes this consumer off the stream, unless it still has deliveries.
    async fn leave(&self) -> Result<(), StreamAway>;
}
