//! What every use case is given.

use std::fmt;
use std::sync::Arc;

use promptgate_audit::{ActorName, Came, Event, FailureCounts, Severity};
use promptgate_auth::{Actor, ENVIRONMENT, Who};
use promptgate_kernel::{AuditEventId, Clock, Entropy, KeyRing, RepositoryError, Revision, Timestamp};
use promptgate_providers::CapabilityCell;
use promptgate_store::{Announcement, Bus, Store, UnitOfWork};

use crate::catalog::ModelCatalog;
use crate::destination::DestinationGuard;
use crate::endpoints::EndpointRunner;
use crate::journal::Entry;
use crate::limits::LimitCounters;
use crate::monitoring::ServiceChecker;
use crate::sign_in::SignIn;

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
    /// What signing in works with.
    pub sign_in: SignIn,
    /// The keys that secrets are sealed under.
    pub keys: KeyRing,
    /// What providers say they have.
    pub catalog: ModelCatalog,
    /// What providers' models can do: the table that the data plane of the process goes by.
    pub capabilities: Arc<CapabilityCell>,
    /// Who looks at monitored services; `None` in a process that looks at none.
    pub checker: Option<Arc<dyn ServiceChecker>>,
    /// Knows where addresses of forms may lead; `None` in a process that takes none.
    pub destinations: Option<Arc<dyn DestinationGuard>>,
    /// What strangers were refused, until it is written into the audit log.
    pub failures: Arc<FailureCounts>,
    /// What was used of limits.
    pub limits: LimitCounters,
    /// Whether a model is set up that finds names and addresses.
    pub finds_names: bool,
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
    /// Always before the change of the same unit of work is recorded, and behind everything that it
    /// writes elsewhere: writers queue at both, and one order for all keeps them from waiting for each
    /// other.
    pub(crate) async fn audit(
        &self,
        work: &mut dyn UnitOfWork,
        actor: Actor,
        entry: Entry,
        at: Timestamp,
    ) -> Result<(), RepositoryError> {
        self.scribe().audit(work, actor, entry, at).await
    }

    /// Whoever writes the audit log.
    pub(crate) fn scribe(&self) -> Scribe<'_> {
        Scribe { clock: &*self.clock, entropy: &*self.entropy }
    }

    /// Commits, then tells whoever listens. A failed announcement is no failure of the change.
    pub(crate) async fn commit(
        &self,
        work: Box<dyn UnitOfWork>,
        revision: Revision,
    ) -> Result<(), RepositoryError> {
        commit(&*self.bus, work, revision).await
    }
}

/// Writes the audit log.
#[derive(Clone, Copy)]
pub(crate) struct Scribe<'a> {
    pub(crate) clock: &'a dyn Clock,
    pub(crate) entropy: &'a dyn Entropy,
}

impl Scribe<'_> {
    /// Puts an entry at the end of the audit log; see [`Control::audit`].
    pub(crate) async fn audit(
        self,
        work: &mut dyn UnitOfWork,
        actor: Actor,
        entry: Entry,
        at: Timestamp,
    ) -> Result<(), RepositoryError> {
        let severity = Severity::of(entry.action);
        debug_assert!(
            severity.is_some(),
            "the action {} has no row in the table of severities",
            entry.action
        );
        let event = Event {
            id: AuditEventId::mint(self.clock, self.entropy),
            at,
            severity: severity.unwrap_or_default(),
            actor: ActorName {
                kind: actor.kind().to_owned(),
                id: actor.id(),
                label: label(work, actor).await?,
            },
            action: entry.action.to_owned(),
            target_kind: entry.target_kind.to_owned(),
            target_id: entry.target_id,
            project_id: entry.project,
            came: Came {
                address: actor.origin.address,
                request: actor.origin.request,
                via: actor.origin.via.as_str().map(str::to_owned),
            },
            before: entry.before,
            after: entry.after,
            details: entry.details,
        };
        work.audit().append(&event).await
    }
}

/// Commits, then tells whoever listens on the bus.
pub(crate) async fn commit(
    bus: &dyn Bus,
    work: Box<dyn UnitOfWork>,
    revision: Revision,
) -> Result<(), RepositoryError> {
    work.commit().await?;
    if let Err(error) = bus.announce(Announcement { revision }).await {
        tracing::warn!(
            revision = revision.number(),
            error = %error,
            cause = error.0.to_string(),
            "revision {revision} could not be announced; processes learn of it when they next poll"
        );
    }
    Ok(())
}

/// What operators call an admin key. Of a person only the id is recorded.
async fn label(work: &mut dyn UnitOfWork, actor: Actor) -> Result<Option<String>, RepositoryError> {
    match actor.who {
        Who::AdminKey(None) => Ok(Some(ENVIRONMENT.to_owned())),
        Who::AdminKey(Some(id)) => Ok(work.admin_keys().find(id).await?.map(|key| key.name)),
        Who::System | Who::Token { .. } | Who::Person { .. } => Ok(None),
    }
}
