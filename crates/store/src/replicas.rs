//! Processes that run.

use async_trait::async_trait;
use promptgate_kernel::{ReplicaId, RepositoryError, Revision, Timestamp};

/// A running process, as it last said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its identity, from its start to its end.
    pub id: ReplicaId,
    /// What it is: `api`, `proxy`, `schedule`, `worker` or `run-all`.
    pub kind: String,
    /// Its version of the program.
    pub version: String,
    /// The machine that it runs on, as that calls itself.
    pub host: String,
    /// Where it listens; several addresses are parted by blanks.
    pub address: String,
    /// The number of the process on its machine.
    pub process: u32,
    /// Whether programs call it with their tokens.
    pub answers_calls: bool,
    /// When it started.
    pub started_at: Timestamp,
    /// When it last said anything.
    pub seen_at: Timestamp,
    /// The revision of the configuration that it works from, if it works from one.
    pub revision: Option<Revision>,
}

impl Replica {
    /// Whether it is as new as a revision: it works from that one or a later one.
    pub fn serves(&self, revision: Revision) -> bool {
        self.revision.is_some_and(|own| own >= revision)
    }
}

/// Where processes say that they run. Behaviour every adapter must show: `store::contract::replicas`.
#[async_trait]
pub trait ReplicaRepository: Send {
    /// Notes how a replica is, in place of what it said before.
    async fn beat(&mut self, replica: &Replica) -> Result<(), RepositoryError>;

    /// Those that were seen after an instant, by kind, then by start.
    async fn list(&mut self, seen_after: Timestamp) -> Result<Vec<Replica>, RepositoryError>;

    /// Removes one that ends.
    async fn remove(&mut self, id: ReplicaId) -> Result<(), RepositoryError>;

    /// Removes those that were last seen before an instant; says how many.
    async fn forget(&mut self, seen_before: Timestamp) -> Result<u64, RepositoryError>;
}
