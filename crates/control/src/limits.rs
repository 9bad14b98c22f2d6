//! How limits stand: what was used of each, what is reserved, and when it turns.

mod counters;
mod show;

pub use counters::LimitCounters;
pub(crate) use show::quota_of;
pub use show::{LimitStanding, LimitsOf, ShowLimitsError, Standings, show};
