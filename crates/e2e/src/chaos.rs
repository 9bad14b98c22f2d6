//! Trouble under load: databases that stop, freeze or become slow, and processes that die, while clients
//! call.
//!
//! A [`Stage`] is two data planes, a control plane, two schedulers and a worker over a PostgreSQL and a Redis of
//! their own, each reached through a line that can be made slow. A [`Load`] calls both data planes and remembers
//! how each call went. What came of it is counted in the database itself.

mod deaths;
mod leftovers;
mod limited;
mod load;
mod report;
mod scenario;
mod stage;
mod trouble;

pub use deaths::{Death, Deaths, deaths};
pub use leftovers::Leftovers;
pub use limited::{Kept, Limited, dollars};
pub use load::{Counted, Load, Sample};
pub use report::Report;
pub use scenario::{Finding, NOTICE, Rolled, rolling, troubles};
pub use stage::{Part, Stage};
pub use trouble::{Dependency, Trouble};
