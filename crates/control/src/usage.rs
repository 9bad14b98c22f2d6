//! What was used.

mod list;

pub use list::{ListUsage, ListUsageError, list};
