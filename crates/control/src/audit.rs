//! The audit log: look at it, take it out, prove that nobody altered it, and let old parts of it go.

mod failures;
mod keep;
mod list;
mod verify;

pub use failures::write_failures;
pub use keep::AuditKeeper;
pub use list::{AuditError, ListedEvent, list, list_after};
pub use verify::{VerifyError, Whole, verify};
