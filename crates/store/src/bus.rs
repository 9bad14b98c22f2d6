//! How commits are announced to other processes.

use async_trait::async_trait;
use promptgate_kernel::Revision;

/// "There is something new, up to this revision." Whoever hears it reads the change log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// The latest revision when it was sent.
    pub revision: Revision,
}

/// The bus cannot be reached. Nothing is lost by it but time: listeners also poll.
#[derive(Debug, thiserror::Error)]
#[error("the bus is unavailable")]
pub struct BusError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What a listener hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Something was committed.
    Announced(Announcement),
    /// Announcements may have been missed, because the connection was lost or the listener was
    /// slow: look at once.
    Missed,
}

/// Tells running processes that something was committed. Best effort: delivery is neither certain
/// nor ordered, and an announcement may come twice. Behaviour every adapter must show:
/// `store::contract::bus`.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Tells every subscriber, here and elsewhere. Returns within its deadline whatever happens.
    async fn announce(&self, announcement: Announcement) -> Result<(), BusError>;

    /// Starts listening. Never fails: an adapter that has no connection keeps trying, and signals
    /// [`Signal::Missed`] once it has one.
    async fn subscribe(&self) -> Box<dyn Subscription>;
}

/// One listener.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for the next signal. Cancelling the wait loses nothing.
    async fn next(&mut self) -> Signal;
}
