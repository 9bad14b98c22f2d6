//! What a process knows about itself: readiness and metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use promptgate_auth::AdminKey;
use promptgate_coordination_local::spool::MemorySpool;
use promptgate_gateway::SnapshotCell;
use promptgate_rest::ops::{self, Check, Ops, Report};
use promptgate_store::Store;
use promptgate_telemetry::Metrics;

use crate::base::Base;
use crate::dependencies::{Away, DATABASE, Dependencies, USAGE_SPOOL};
use crate::shutdown::Leaving;
use crate::storage::{BusInUse, IsUp};

/// How long the database may take to say that it is there: whoever asks for readiness often waits no longer
/// than a second, and takes no answer for a no.
const PATIENCE: Duration = Duration::from_millis(800);

/// What a process's readiness depends on.
pub(crate) struct Readiness {
    store: Arc<dyn Store>,
    leaving: Leaving,
    metrics: Metrics,
    metrics_token: Option<AdminKey>,
    bus: Option<(&'static str, IsUp)>,
    snapshot: Option<Arc<SnapshotCell>>,
    memory: Option<Arc<MemorySpool>>,
    dependencies: Dependencies,
}

impl Readiness {
    /// Depends on the database alone.
    pub(crate) fn new(base: &Base, store: Arc<dyn Store>) -> anyhow::Result<Self> {
        let token = base.server_settings()?.metrics_token;
        Ok(Self {
            store,
            leaving: base.leaving.clone(),
            metrics: base.metrics.clone(),
            metrics_token: token.and_then(|token| AdminKey::from_text(token.expose())),
            bus: None,
            snapshot: None,
            memory: None,
            dependencies: base.dependencies.clone(),
        })
    }

    /// Tells how the bus is. It is never needed: everybody also polls.
    pub(crate) fn with_bus(mut self, bus: &BusInUse) -> Self {
        self.bus = Some((bus.name, Arc::clone(&bus.is_up)));
        self
    }

    /// Works from a snapshot of the configuration, and therefore without the database for a while.
    pub(crate) fn with_snapshot(mut self, snapshot: Arc<SnapshotCell>) -> Self {
        self.snapshot = Some(snapshot);
        self
    }

    /// Keeps usage events in memory, and can take no calls when that is full.
    pub(crate) fn with_memory_spool(mut self, memory: Option<Arc<MemorySpool>>) -> Self {
        self.memory = memory;
        self
    }

    pub(crate) fn router(self) -> Router {
        ops::router(Arc::new(self))
    }

    async fn database(&self) -> Check {
        // What is known to be away is not asked again by everybody who wants to know.
        let away = self.dependencies.all().remove(DATABASE);
        let trouble = match away {
            Some(away) => format!("no answer since {}", away.since),
            None => match tokio::time::timeout(PATIENCE, self.store.ping()).await {
                Ok(Ok(())) => return Check::Ok,
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} ms", PATIENCE.as_millis()),
            },
        };
        if self.snapshot.is_some() {
            Check::Degraded(format!("{trouble}; going on with the last good configuration"))
        } else {
            Check::Failed(trouble)
        }
    }

    fn spool(&self) -> Option<Check> {
        let Some(memory) = &self.memory else {
            let is_full = self.dependencies.all().contains_key(USAGE_SPOOL);
            return is_full.then(|| Check::Failed("no more usage events can be kept on the disk".into()));
        };
        Some(if memory.is_full() {
            Check::Failed("no more usage events can wait in memory".into())
        } else {
            Check::Degraded("usage events wait in memory, for there is no data directory".into())
        })
    }
}

#[async_trait]
impl Ops for Readiness {
    async fn ready(&self) -> Report {
        let mut checks = BTreeMap::from([("database".to_owned(), self.database().await)]);
        if let Some((name, is_up)) = &self.bus {
            let state = if is_up() {
                Check::Ok
            } else {
                Check::Degraded("no connection; changes are found by polling".into())
            };
            checks.insert(format!("bus_{name}"), state);
        }
        if let Some(state) = self.spool() {
            checks.insert("usage_spool".into(), state);
        }
        let revision = self.snapshot.as_ref().map(|snapshot| snapshot.load().revision());
        let readiness = if self.leaving.has_begun() {
            ops::Readiness::Draining
        } else if checks.values().any(|check| matches!(check, Check::Failed(_))) {
            ops::Readiness::NotReady
        } else {
            ops::Readiness::Ready
        };
        let away = self.dependencies.all().into_iter();
        let degraded = away.map(|(dependency, Away { since, gives_up })| ops::Degraded {
            dependency: dependency.to_owned(),
            since,
            gives_up,
        });
        Report { readiness, revision, checks, degraded: degraded.collect() }
    }

    fn metrics(&self) -> String {
        self.metrics.render()
    }

    fn metrics_token(&self) -> Option<&AdminKey> {
        self.metrics_token.as_ref()
    }
}
