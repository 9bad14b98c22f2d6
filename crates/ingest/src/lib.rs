//! Brings finished calls into the store.
//!
//! [`Recorder`] records batches in a store that may be away, or refuse one call in many: such a call is
//! taken out of its batch, tried again, and put on the list of
//! [dead letters](promptgate_usage::DeadLetter). Recording is idempotent by the call's id, so that a
//! call may be brought any number of times, by anybody.
//!
//! Between the process that took a call and the store there may be a stream. [`Feed`] is its one end;
//! [`Deliveries`] is the other, and the [`Ingestor`] brings what comes out of it into the store. A
//! delivery is done with when its call is in the store, not before.
//!
//! The crate knows neither files nor Redis, and never waits for anything that a request waits for.

mod deliveries;
mod feed;
mod ingestor;
mod ledger;
mod payload;
mod recorder;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use deliveries::{Deliveries, Delivery};
pub use feed::{Feed, FeedError, FeedState, StreamAway};
pub use ingestor::{Ingestor, IngestorOptions};
pub use ledger::Ledger;
pub use payload::{Payload, WireCall};
pub use recorder::{NotNow, Recorder, Recording};
