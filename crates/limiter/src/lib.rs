//! Lets calls in within their limits.
//!
//! A [`Limiter`] reserves what a call may need at most of all its counters, and books what it used when it
//! ends. What it has of a counter it took from the [`Counters`](promptgate_limits::Counters) in advance, so that
//! most calls wait for nobody; before a call is refused, the counters are always asked.
//!
//! What calls use of minutes, hours and places is told to the counters by the limiter. What they use of days
//! and longer windows is counted when they are recorded, in the same transaction: until then it stays held,
//! and [`Reservation::settle`] says by whom.
//!
//! While the counters cannot be asked, the limiter spends what it has, and then, where the limit may be kept
//! by everybody for himself, its share of it: the cap divided by the replicas that were last seen.

mod book;
mod inner;
mod limiter;
mod options;
mod pause;
mod reservation;
mod telling;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use limiter::{Denied, Limiter};
pub use options::{Degraded, LimiterOptions, Use};
pub use reservation::{Hold, Reservation};
