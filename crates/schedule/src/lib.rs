//! Work that is done again and again: when it is due, how it went, and what is tried once more.
//!
//! A job has a [`Cadence`], which says at which instants it is due: at the same ones for everybody, so
//! that any number of schedulers agree on them. Each is a [`Run`], which somebody claims, carries out and
//! closes; one that fails waits, each time longer, as [`Retry`] says, until it is given up and becomes a
//! dead letter. The crate runs nothing; the repository trait says what a store must do.
//!
//! ```
//! use std::time::Duration;
//! use promptgate_kernel::Timestamp;
//! use promptgate_schedule::Cadence;
//!
//! let hourly = Cadence::Every(Duration::from_hours(1));
//! let at = Timestamp::from_micros(5_400_000_000);
//! assert_eq!(hourly.tick("tidy", at), hourly.tick("tidy", at.plus(Duration::from_micros(1))));
//! assert_eq!(hourly.next("tidy", at), hourly.tick("tidy", at).plus(Duration::from_hours(1)));
//! assert_eq!(hourly.to_string(), "every 1h");
//! ```

mod cadence;
mod repository;
mod retry;
mod run;

pub use cadence::Cadence;
pub use repository::{JobRepository, JobState, RunFilter};
pub use retry::Retry;
pub use run::{NotDead, Origin, Run, RunState, UnknownRunState};
