//! Revisions of the configuration.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number that grows by one with every configuration change, in the same transaction as the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(i64);

impl Revision {
    /// Wraps a stored revision.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number, for storage and headers.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
