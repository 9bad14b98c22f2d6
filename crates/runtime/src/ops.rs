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

    /// Whether something is away for the data plane. Where there is another plane in the same process, that one
    /// may have what it needs: it keeps no usage events, and drills are not for it.
    fn known_away(&self, dependency: &str) -> Option<Away> {
        self.snapshot.as_ref()?;
        self.dependencies.all().remove(dependency)
    }

    async fn database(&self) -> Check {
        // What is known to be away is not asked again by everybody who wants to know.
        let away = self.known_away(DATABASE);
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
            let is_full = self.known_away(USAGE_SPOOL).is_some();
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

#[cfg(test)]
mod tests {
    use promptgate_kernel::RepositoryError;
    use promptgate_kernel::testing::TestClock;
    use promptgate_store::{Access, UnitOfWork};
    use promptgate_telemetry::Logs;

    use super::*;

    /// A database that says whether it is there.
    struct Pinged(bool);

    #[async_trait]
    impl Store for Pinged {
        async fn begin(&self, _: Access) -> Result<Box<dyn UnitOfWork>, RepositoryError> {
            Err(RepositoryError::Unavailable { source: "it is only pinged".into() })
        }

        async fn ping(&self) -> Result<(), RepositoryError> {
            if self.0 { Ok(()) } else { Err(RepositoryError::Unavailable { source: "away".into() }) }
        }
    }

    #[tokio::test]
    async fn what_the_data_plane_lacks_leaves_the_control_plane_beside_it_ready() {
        let metrics = promptgate_telemetry::init(Logs::default(), None).unwrap().metrics();
        let dependencies = Dependencies::new(Arc::new(TestClock::at_millis(1_000)));
        let readiness = |is_there: bool| Readiness {
            store: Arc::new(Pinged(is_there)),
            leaving: Leaving::default(),
            metrics: metrics.clone(),
            metrics_token: None,
            bus: None,
            snapshot: None,
            memory: None,
            dependencies: dependencies.clone(),
        };
        let [control, data] = [readiness(true), readiness(true).with_snapshot(Arc::default())];
        dependencies.note(DATABASE, Some("a drill"));
        let (report, of_data) = (control.ready().await, data.ready().await);
        assert_eq!((report.readiness, &report.checks["database"]), (ops::Readiness::Ready, &Check::Ok));
        assert_eq!(of_data.readiness, ops::Readiness::Ready);
        assert!(matches!(of_data.checks["database"], Check::Degraded(_)), "{:?}", of_data.checks);

        dependencies.note(USAGE_SPOOL, Some("it is full"));
        let report = control.ready().await;
        assert_eq!((report.readiness, report.degraded.len()), (ops::Readiness::Ready, 2));
        assert_eq!(data.ready().await.readiness, ops::Readiness::NotReady);

        dependencies.note(DATABASE, None);
        assert_eq!(readiness(false).ready().await.readiness, ops::Readiness::NotReady, "it is really away");
    }
}
