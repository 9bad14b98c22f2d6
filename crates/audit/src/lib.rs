//! The append-only, hash-chained record of who changed what.
//!
//! Each [`Event`] carries the hash of the one before it ([`Chained`]), so that a row that was
//! changed or removed shows. Rows name things by id, never by content that could be personal or
//! secret. The crate knows neither SQL nor HTTP; [`AuditRepository`] says what a store must do.
//!
//! ```
//! use promptgate_audit::{Chained, Event, verify};
//! use promptgate_kernel::{AuditEventId, OsEntropy, SystemClock, Clock};
//!
//! let event = Event {
//!     id: AuditEventId::mint(&SystemClock, &OsEntropy),
//!     at: SystemClock.now(),
//!     actor_kind: "system".into(),
//!     actor_id: None,
//!     action: "project.created".into(),
//!     target_kind: "project".into(),
//!     target_id: "018f4e6e-0000-7000-8000-000000000001".into(),
//!     project_id: None,
//!     details: std::collections::BTreeMap::new(),
//! };
//! let first = Chained::after(None, event);
//! assert!(verify(&[first]).is_ok());
//! ```

mod event;
mod repository;

pub use event::{BrokenChain, Chained, Event, EventHash, verify};
pub use repository::AuditRepository;
