//! How much callers may use.
//!
//! A [`Limit`] is a cap on a [`Counter`]: how many requests, tokens or dollars one subject may have in
//! one [`Window`], or how many calls it may have under way. Before a call, what it may need at most is
//! taken from all its counters at once, or from none ([`Counters::take`]); after it, what it did not
//! need goes back ([`Counters::settle`]). So `used + held ≤ cap` holds at every instant, on any number
//! of processes.
//!
//! There are two families. **Rates** (minutes, hours, slots) are told by whoever took what was used of
//! them. The **ledger** (tokens and money in days, months and rolling windows) is charged by the usage
//! events that are recorded ([`Counter::is_ledger`]); what a call took stays held until then.
//!
//! A process does not ask the counters' store for every call: a [`Slice`] is taken in advance and spent
//! locally. Near the limit slices shrink to what a call needs, so that a limit of N admits exactly N.

mod configured;
mod counter;
mod counters;
mod ledger;
mod memory;
mod slice;
mod window;

pub use configured::{beside_token, configured};
pub use counter::{Counter, Limit, Measure, Subject, UnknownCounter};
pub use counters::{Counters, CountersError, Demand, Grant, Holder, Refused, Settlement, Standing, Taken};
pub use ledger::{Charge, Parties, Spending};
pub use memory::MemoryCounters;
pub use slice::Slice;
pub use window::{Span, Window};
