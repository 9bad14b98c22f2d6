//! Recurring work: each tick once, on any number of replicas.
//!
//! A [`Scheduler`] carries out [`Job`]s: it removes what has been kept for long enough, marks tokens whose
//! time is over, takes role and keys from accounts whose access has ended, takes back what was reserved of
//! limits by processes that are gone, and keeps the audit log. Others come in by [`Scheduler::with`].
//!
//! All schedulers on one store share a queue that is kept there. A [`Cadence`] gives the same instants
//! to everybody; the first to take one puts a run down, and one of all claims it. Whoever carries out a run
//! speaks for it again and again; when nobody does for a minute, somebody else begins anew. A run that
//! fails, panics or takes too long is tried again, each time later, and becomes a dead letter in the end,
//! which an operator looks at. Every [`Chore`] is idempotent, so that what is begun twice does no harm.
//!
//! The workers are those of apalis; ADR 10 says why its tables are not.
//!
//! What removes rows does so in small batches with a pause after each, so that writers never wait long.

mod carrier;
mod chore;
mod looks;
mod options;
mod places;
mod queue;
mod removal;
mod scheduler;
mod sign_ins;
mod tidying;
mod worker;

pub use chore::{Chore, ChoreError, Done, Job};
pub use options::SchedulerOptions;
pub use promptgate_schedule::{Cadence, Retry};
pub use scheduler::Scheduler;
pub use sign_ins::SignIns;
