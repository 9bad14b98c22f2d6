//! How limits stand: what was used of each, what is reserved, and when it turns.

mod applying;
mod counters;
mod show;
mod standings;

pub(crate) use applying::quota_of;
pub use counters::LimitCounters;
pub use show::{CallsOf, LimitsOf, ShowLimitsError, mine, of_caller, show};
pub use standings::{LimitStanding, RequestCap, Standings};
