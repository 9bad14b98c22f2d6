//! What can go wrong where things are kept.

/// Why a repository could not do what was asked. "Not found" is not among it: that is an `Option`.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Another row already holds a value that must be unique.
    #[error("`{constraint}` is taken")]
    Conflict {
        /// The constraint's name, such as `providers_name_key`. Names are stable across databases.
        constraint: String,
    },
    /// A stored row cannot be understood.
    #[error("row {id} of `{table}` is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key, as text.
        id: String,
        /// What was wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store cannot be reached, or it failed.
    #[error("the store is unavailable")]
    Unavailable {
        /// The driver's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl RepositoryError {
    /// Whether this is a violation of the named constraint.
    pub fn is_conflict(&self, name: &str) -> bool {
        matches!(self, Self::Conflict { constraint } if constraint == name)
    }
}
