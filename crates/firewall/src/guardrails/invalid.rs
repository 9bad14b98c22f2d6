//! What is wrong with rules.

use serde::{Deserialize, Serialize};

/// What is wrong with rules, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field} {reason}")]
pub struct InvalidRules {
    /// The field, such as `pii_filter.custom_patterns[1].pattern`.
    pub field: String,
    /// What it must be.
    pub reason: String,
}
