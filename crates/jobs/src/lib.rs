//! Recurring maintenance, safe on any number of replicas.
//!
//! A [`Scheduler`] removes what has been kept for long enough: usage events and what was said in calls
//! past their retention, changes that every process has read long ago, conversations that nobody goes
//! on with, answers that are not given again any more, sign-ins that are over, and the part of the audit
//! log that a signed checkpoint lets go. What it does is idempotent by nature, so that
//! replicas need no leader and no lock: two that tick at once remove the same rows, each row once.
//!
//! It also looks at the monitored services whose turn it is. There, whoever wants to begin a look at
//! one claims it first, so that of several replicas one does it.
//!
//! It marks tokens whose time is over, and takes role and keys from accounts whose access has ended.
//!
//! It removes in small batches with a pause after each, so that writers never wait long. Work that
//! must run exactly once does not belong here; it comes with the first job that is queued.

mod job;
mod scheduler;
mod sign_ins;

pub use scheduler::{Scheduler, SchedulerOptions};
pub use sign_ins::SignIns;
