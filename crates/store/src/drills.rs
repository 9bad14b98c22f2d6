//! Rehearsals of what happens while something is away.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use promptgate_kernel::{RepositoryError, Timestamp};

/// What can be rehearsed to be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Drilled {
    /// The database.
    Database,
    /// Redis.
    Redis,
}

impl Drilled {
    /// Everything that can.
    pub const ALL: [Self; 2] = [Self::Database, Self::Redis];

    /// Its stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Redis => "redis",
        }
    }
}

impl fmt::Display for Drilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Drilled {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|dependency| dependency.as_str() == text);
        found.ok_or_else(|| format!("`{text}` cannot be away: `database` and `redis` can"))
    }
}

/// A time in which data planes act as if a dependency were away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drill {
    /// What is away.
    pub dependency: Drilled,
    /// Until when.
    pub until: Timestamp,
}

/// Where drills are announced. Behaviour every adapter must show: `store::contract::drills`.
#[async_trait]
pub trait DrillRepository: Send {
    /// Announces a drill, in place of the one of the same dependency.
    async fn announce(&mut self, drill: &Drill) -> Result<(), RepositoryError>;

    /// The drills that are not over at an instant, by the names of their dependencies.
    async fn under_way(&mut self, now: Timestamp) -> Result<Vec<Drill>, RepositoryError>;
}
