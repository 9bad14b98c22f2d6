//! The repositories of all domains joined into one unit of work, and the bus that announces commits.
//!
//! A [`UnitOfWork`] is an open transaction: what is written through its repositories commits
//! together or not at all, and dropping it rolls back. A change of configuration is recorded in
//! the [`ChangeLog`] of the same unit of work, which gives it the next
//! [`Revision`](promptgate_kernel::Revision); after the commit, the [`Bus`] tells whoever listens.
//!
//! The crate holds no database. The feature `contract` holds the tests that every adapter passes.

mod bus;
mod changes;
#[cfg(feature = "contract")]
pub mod contract;
mod drills;
mod replicas;
mod unit_of_work;

pub use bus::{Announcement, Bus, BusError, Signal, Subscription};
pub use changes::{Change, ChangeLog, InvalidChange};
pub use drills::{Drill, DrillRepository, Drilled};
pub use replicas::{Replica, ReplicaRepository};
pub use unit_of_work::{Access, Store, UnitOfWork};
