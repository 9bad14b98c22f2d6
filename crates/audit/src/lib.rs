//! The append-only, hash-chained record of who changed what.
//!
//! Each [`Event`] carries the hash of the one before it ([`Chained`]), so that a row that was
//! changed or removed shows. A [`Checkpoint`] signs the chain up to a row: whoever could write the
//! whole chain anew cannot sign it, and what a checkpoint lets go may be removed. A [`Walk`] looks at
//! all of it. Rows name things by id, never by content that could be personal or secret. The crate
//! knows neither SQL nor HTTP; [`AuditRepository`] says what a store must do.
//!
//! ```
//! use promptgate_audit::{ActorName, Chained, Event, Walk};
//! use promptgate_kernel::{AuditEventId, OsEntropy, SystemClock, Clock};
//!
//! let id = AuditEventId::mint(&SystemClock, &OsEntropy);
//! let actor = ActorName { kind: "system".into(), ..ActorName::default() };
//! let event = Event::of(id, SystemClock.now(), "project.created", actor);
//! let first = Chained::after(None, event);
//! let mut walk = Walk::default();
//! walk.row(&first).expect("nobody changed it");
//! assert_eq!(walk.finish(Some((1, first.hash))), Ok(1));
//! ```

mod checkpoint;
mod event;
mod failures;
mod repository;
mod severity;
#[cfg(test)]
mod testing;
mod walk;

pub use checkpoint::{Checkpoint, Claim};
pub use event::{ActorName, Came, Chained, Event, EventHash, HashVersion};
pub use failures::{Culprit, Failure, FailureCounts, Tally};
pub use repository::{AuditRepository, EventFilter};
pub use severity::{Severity, UnknownSeverity};
pub use walk::{Altered, Walk};
