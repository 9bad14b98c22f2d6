//! `promptgate chaos …`, and what data planes do when they hear of it: they act as if something were away.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use async_trait::async_trait;
use promptgate_auth::{Actor, Origin, Via};
use promptgate_control::drills;
use promptgate_control::replicas::alive_since;
use promptgate_kernel::{RepositoryError, Timestamp};
use promptgate_limits::{Counters, CountersError, Demand, Holder, Limit, Settlement, Span, Standing, Taken};
use promptgate_store::{Access, Drilled, Store, UnitOfWork};
use tokio::sync::watch;

use crate::accounts;
use crate::base::Base;
use crate::cli::Chaos;
use crate::start::print;
use crate::storage;

const ACTOR: Actor = Actor::system_for(Origin { via: Via::CommandLine, ..Origin::UNKNOWN });
/// How often data planes look for drills.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What acts as if it were away. Clones are the same.
#[derive(Clone)]
pub(crate) struct Drills(Arc<watch::Sender<Vec<Drilled>>>);

impl Default for Drills {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }
}

impl Drills {
    fn has(&self, dependency: Drilled) -> bool {
        self.0.borrow().contains(&dependency)
    }

    /// A store that is away while the database is drilled.
    pub(crate) fn store(&self, inner: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(DrilledStore { inner, drills: self.clone() })
    }

    /// Counters in the database that are away while it is drilled.
    pub(crate) fn counters(&self, inner: Arc<dyn Counters>) -> Arc<dyn Counters> {
        Arc::new(DrilledCounters { inner, drills: self.clone() })
    }

    /// Tells whether Redis is drilled, at once and at each change.
    pub(crate) fn tell_redis(&self, base: &Base, tell: impl Fn(bool) + Send + Sync + 'static) {
        let (told, stop) = (tell_of_redis(self.0.subscribe(), tell), base.stop.clone());
        base.tasks.spawn(async move { stop.run_until_cancelled(told).await });
    }

    /// Looks for drills in a store that is not drilled itself, so that their ends are seen.
    pub(crate) fn follow(&self, base: &Base, store: Arc<dyn Store>) {
        let (drills, clock, stop) = (self.clone(), Arc::clone(&base.clock), base.stop.clone());
        base.tasks.spawn(async move {
            let look = async {
                // The end of what was seen last counts also while the store is really away.
                let mut known = Vec::new();
                loop {
                    if let Ok(found) = under_way(&*store, clock.now()).await {
                        known = found;
                    }
                    let now = clock.now();
                    known.retain(|drill: &promptgate_store::Drill| drill.until > now);
                    drills.set(known.iter().map(|drill| drill.dependency).collect());
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            };
            stop.run_until_cancelled(look).await
        });
    }

    fn set(&self, away: Vec<Drilled>) {
        self.0.send_if_modified(|known| {
            if *known == away {
                return false;
            }
            for began in away.iter().filter(|dependency| !known.contains(dependency)) {
                tracing::warn!(dependency = began.as_str(), "a drill begins: {began} counts as away");
            }
            for ended in known.iter().filter(|dependency| !away.contains(dependency)) {
                tracing::info!(dependency = ended.as_str(), "the drill is over: {ended} counts as it is");
            }
            *known = away;
            true
        });
    }
}

async fn tell_of_redis(mut changes: watch::Receiver<Vec<Drilled>>, tell: impl Fn(bool)) {
    // Whoever comes during a drill has not seen it begin.
    changes.mark_changed();
    while changes.changed().await.is_ok() {
        tell(changes.borrow_and_update().contains(&Drilled::Redis));
    }
}

async fn under_way(
    store: &dyn Store,
    now: Timestamp,
) -> Result<Vec<promptgate_store::Drill>, RepositoryError> {
    store.begin(Access::Read).await?.drills().under_way(now).await
}

fn away() -> RepositoryError {
    RepositoryError::Unavailable { source: "a drill: the database counts as away".into() }
}

struct DrilledStore {
    inner: Arc<dyn Store>,
    drills: Drills,
}

#[async_trait]
impl Store for DrilledStore {
    async fn begin(&self, access: Access) -> Result<Box<dyn UnitOfWork>, RepositoryError> {
        if self.drills.has(Drilled::Database) {
            return Err(away());
        }
        self.inner.begin(access).await
    }

    async fn ping(&self) -> Result<(), RepositoryError> {
        if self.drills.has(Drilled::Database) {
            return Err(away());
        }
        self.inner.ping().await
    }
}

struct DrilledCounters {
    inner: Arc<dyn Counters>,
    drills: Drills,
}

impl DrilledCounters {
    fn reached(&self) -> Result<&dyn Counters, CountersError> {
        if self.drills.has(Drilled::Database) { Err(away().into()) } else { Ok(&*self.inner) }
    }
}

#[async_trait]
impl Counters for DrilledCounters {
    async fn take(
        &self,
        holder: Holder,
        demands: &[Demand],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Taken, CountersError> {
        self.reached()?.take(holder, demands, now, until).await
    }

    async fn settle(
        &self,
        holder: Holder,
        step: u64,
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<bool, CountersError> {
        self.reached()?.settle(holder, step, settlements, now).await
    }

    async fn end(&self, holder: Holder) -> Result<(), CountersError> {
        self.reached()?.end(holder).await
    }

    async fn extend(&self, holder: Holder, until: Timestamp, now: Timestamp) -> Result<bool, CountersError> {
        self.reached()?.extend(holder, until, now).await
    }

    async fn standing(
        &self,
        limits: &[(Limit, Span)],
        now: Timestamp,
    ) -> Result<Vec<Standing>, CountersError> {
        self.reached()?.standing(limits, now).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, CountersError> {
        self.reached()?.sweep(now).await
    }
}

/// Does what `promptgate chaos …` says.
pub(crate) async fn run(base: Base, wanted: Chaos) -> anyhow::Result<()> {
    let dependency: Drilled = wanted.dependency.parse().map_err(|error: String| anyhow!(error))?;
    let data = match base.common.database.url {
        Some(_) => None,
        None => storage::data_dir(&base.common, "")?,
    };
    let storage = storage::open(&base.common, data.as_ref()).await?;
    let control = accounts::offline(&base, &storage)?;
    let said = async {
        let length = Duration::from_secs(wanted.seconds);
        let until = drills::begin(&control, ACTOR, dependency, length).await?;
        let since = alive_since(base.clock.now());
        let listed = storage.store.begin(Access::Read).await?.replicas().list(since).await?;
        let mut said = format!(
            "Until {until}, data planes act as if {dependency} were away. Their answers say so in \
             x-promptgate-degraded, and their /readyz and promptgate_degraded; `replicas` of the API misses them \
             while the database is.\n"
        );
        let obeying: Vec<_> = listed.iter().filter(|replica| replica.answers_calls).collect();
        for replica in &obeying {
            let _ = writeln!(said, "  {} on {} ({})", replica.kind, replica.host, replica.address);
        }
        if obeying.is_empty() {
            said.push_str("  None is running at the moment.\n");
        }
        anyhow::Ok(said)
    }
    .await;
    base.stop.cancel();
    storage.connected.close().await;
    print(&said?)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn whoever_comes_during_a_drill_hears_of_it_and_of_its_end() {
        let drills = Drills::default();
        drills.set(vec![Drilled::Redis]);
        let (said, mut heard) = mpsc::unbounded_channel();
        let telling = tell_of_redis(drills.0.subscribe(), move |away| said.send(away).unwrap());
        let listening = async {
            assert_eq!(heard.recv().await, Some(true));
            drills.set(Vec::new());
            assert_eq!(heard.recv().await, Some(false));
        };
        let heard = async {
            tokio::select! {
                () = telling => panic!("it tells as long as there may be drills"),
                () = listening => {}
            }
        };
        timeout(Duration::from_secs(5), heard).await.expect("it is told");
    }
}
