//! What every use case is given.

use std::fmt;
use std::sync::Arc;

use promptgate_audit::Event;
use promptgate_auth::Actor;
use promptgate_kernel::{AuditEventId, Clock, Entropy, KeyRing, RepositoryError, Revision, Timestamp};
use promptgate_providers::CapabilityCell;
use promptgate_store::{Announcement, Bus, Store, UnitOfWork};

use crate::catalog::ModelCatalog;
use crate::endpoints::EndpointRunner;
use crate::journal::Entry;

/// Where use cases keep things, whom they tell, and where time, chance and keys come from.
#[derive(Clone)]
pub struct Control {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Who hears of commits.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for ids, secrets and nonces.
    pub entropy: Arc<dyn Entropy>,
    /// The keys that secrets are sealed under.
    pub keys: KeyRing,
    /// What providers say they have.
    pub catalog: ModelCatalog,
    /// What providers' models can do: the table that the data plane of the process goes by.
    pub capabilities: Arc<CapabilityCell>,
    /// Who runs AI endpoints; `None` in a process without a data plane.
    pub runner: Option<Arc<dyn EndpointRunner>>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control {
    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), RepositoryError> {
        self.store.ping().await
    }

    /// Puts an entry at the end of the audit log.
    ///
    /// Always before the change of the same unit of work is recorded: writers queue at both, and
    /// one order for all keeps them from waiting for each other.
    pub(crate) async fn audit(
        &self,
        work: &mut dyn UnitOfWork,
        actor: Actor,
        entry: Entry,
        at: Timestamp,
    ) -> Result<(), RepositoryError> {
        let entry = match actor.origin.via.as_str() {
            Some(via) => entry.detail("via", via),
            None => entry,
        };
        let event = Event {
            id: AuditEventId::mint(&*self.clock, &*self.entropy),
            at,
            actor_kind: actor.kind().to_owned(),
            actor_id: actor.id(),
            action: entry.action.to_owned(),
            target_kind: entry.target_kind.to_owned(),
            target_id: entry.target_id,
            project_id: entry.project,
            details: entry.details,
        };
        work.audit().append(&event).await
    }

    /// Commits, then tells whoever listens. A failed announcement is no failure of the change.
    pub(crate) async fn commit(
        &self,
        work: Box<dyn UnitOfWork>,
        revision: Revision,
    ) -> Result<(), RepositoryError> {
        work.commit().await?;
        if let Err(error) = self.bus.announce(Announcement { revision }).await {
            tracing::warn!(
                revision = revision.number(),
                error = %error,
                cause = error.0.to_string(),
                "revision {revision} could not be announced; processes learn of it when they next poll"
            );
        }
        Ok(())
    }
}
