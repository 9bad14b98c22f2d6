//! What a process depends on, and what it gives up while something of that is away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use promptgate_gateway::ports::UsageSink;
use promptgate_kernel::{Clock, Timestamp};
use promptgate_settings::Process;
use promptgate_store::Store;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::base::Base;
use crate::storage::{BusInUse, IsUp};

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often in a row one may be silent before it is away: once is a hiccup.
const HICCUPS: u32 = 1;

/// What answers carry while something is away: the names of it.
const DEGRADED: HeaderName = HeaderName::from_static("x-promptgate-degraded");

/// The database.
pub(crate) const DATABASE: &str = "database";
/// Redis.
pub(crate) const REDIS: &str = "redis";
/// The disk on which usage events wait.
pub(crate) const USAGE_SPOOL: &str = "usage_spool";
/// The providers of identities.
pub(crate) const IDENTITY: &str = "identity_provider";

/// What is away, since when, and what is given up meanwhile. Clones are the same.
#[derive(Clone)]
pub(crate) struct Dependencies(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    away: Mutex<BTreeMap<&'static str, Away>>,
    header: ArcSwapOption<HeaderValue>,
}

/// That something is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Away {
    pub(crate) since: Timestamp,
    pub(crate) gives_up: String,
}

impl Dependencies {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { clock, away: Mutex::default(), header: ArcSwapOption::empty() }))
    }

    /// Says how a dependency is: there, or away with what that costs. Only changes are told.
    pub(crate) fn note(&self, dependency: &'static str, gives_up: Option<&str>) {
        let mut away = self.away();
        match gives_up {
            None => {
                let before = away.remove(dependency);
                metrics::gauge!("promptgate_degraded", "dependency" => dependency).set(0.0);
                let Some(before) = before else { return };
                let seconds = self.0.clock.now().since(before.since).as_secs();
                tracing::info!(dependency, away_seconds = seconds, "{dependency} is back after {seconds} s");
            }
            Some(gives_up) => {
                if away.get(dependency).is_some_and(|known| known.gives_up == gives_up) {
                    return;
                }
                let since = away.get(dependency).map_or_else(|| self.0.clock.now(), |known| known.since);
                away.insert(dependency, Away { since, gives_up: gives_up.to_owned() });
                metrics::gauge!("promptgate_degraded", "dependency" => dependency).set(1.0);
                tracing::warn!(dependency, "{dependency} is away: {gives_up}");
            }
        }
        let names = away.keys().copied().collect::<Vec<_>>().join(", ");
        let header = HeaderValue::from_str(&names).ok().filter(|_| !names.is_empty());
        self.0.header.store(header.map(Arc::new));
    }

    /// Everything that is away, by name.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, Away> {
        self.away().clone()
    }

    /// Puts the names of what is away on an answer.
    pub(crate) fn mark(&self, mut response: Response) -> Response {
        let Some(names) = self.0.header.load_full() else { return response };
        // The limits of a call may have something to say as well.
        let said = response.headers().get(DEGRADED).and_then(|said| said.to_str().ok());
        let both = said.and_then(|said| joined(said, names.to_str().ok()?));
        response.headers_mut().insert(DEGRADED, both.unwrap_or_else(|| HeaderValue::clone(&names)));
        response
    }

    fn away(&self) -> MutexGuard<'_, BTreeMap<&'static str, Away>> {
        self.0.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody has said already, and the names that are missing there.
fn joined(said: &str, names: &str) -> Option<HeaderValue> {
    let known: Vec<&str> = said.split(", ").collect();
    let missing = names.split(", ").filter(|name| !known.contains(name));
    let all: Vec<&str> = known.iter().copied().chain(missing).collect();
    HeaderValue::from_str(&all.join(", ")).ok()
}

/// What is looked at again and again.
pub(crate) struct Watch {
    pub(crate) store: Arc<dyn Store>,
    /// Redis, if there is one.
    pub(crate) redis: Option<IsUp>,
    /// What usage events are handed to, if this process has some.
    pub(crate) sink: Option<Arc<dyn UsageSink>>,
}

/// How often in a row there was no answer.
#[derive(Default)]
struct Silent {
    database: u32,
    redis: u32,
}

impl Watch {
    /// The database and the bus.
    pub(crate) fn of(store: &Arc<dyn Store>, bus: Option<&BusInUse>) -> Self {
        let redis = bus.filter(|bus| bus.name == "redis").map(|bus| Arc::clone(&bus.is_up));
        Self { store: Arc::clone(store), redis, sink: None }
    }

    pub(crate) fn with_sink(self, sink: Arc<dyn UsageSink>) -> Self {
        Self { sink: Some(sink), ..self }
    }

    /// Begins to look.
    pub(crate) fn start(self, base: &Base) {
        let (dependencies, stop, process) = (base.dependencies.clone(), base.stop.clone(), base.process);
        dependencies.note(DATABASE, dependencies.all().get(DATABASE).map(|away| away.gives_up.as_str()));
        base.tasks.spawn(async move {
            let look = async {
                let mut tick = interval(LOOK_EVERY);
                tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
                let mut silent = Silent::default();
                loop {
                    tick.tick().await;
                    self.look(&dependencies, process, &mut silent).await;
                }
            };
            stop.run_until_cancelled(look).await
        });
    }

    async fn look(&self, dependencies: &Dependencies, process: Process, silent: &mut Silent) {
        let answers = matches!(timeout(PATIENCE, self.store.ping()).await, Ok(Ok(())));
        silent.database = if answers { 0 } else { silent.database.saturating_add(1) };
        if answers {
            dependencies.note(DATABASE, None);
        } else if silent.database > HICCUPS {
            dependencies.note(DATABASE, Some(without_database(process)));
        }
        if let Some(is_up) = &self.redis {
            let gives_up = "changes are found by polling, and limits are kept to within what is at hand";
            silent.redis = if is_up() { 0 } else { silent.redis.saturating_add(1) };
            // At the start a connection takes its time.
            dependencies.note(REDIS, (silent.redis > HICCUPS).then_some(gives_up));
        }
        if let Some(sink) = &self.sink {
            let gives_up = "no more usage events can be kept, so calls are refused";
            dependencies.note(USAGE_SPOOL, (!sink.has_room()).then_some(gives_up));
        }
    }
}

/// What a process gives up without the database.
pub(crate) const fn without_database(process: Process) -> &'static str {
    match process {
        Process::Proxy => {
            "the configuration and the tokens are as they were known last, and usage events wait on the disk"
        }
        Process::Api => "nothing can be looked up or changed",
        Process::RunAll => "nothing can be looked up or changed, and calls are judged by what was known last",
        Process::Schedule => "no job runs",
        Process::Worker | Process::Migrate => "usage events wait",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use promptgate_kernel::testing::TestClock;

    use super::*;

    fn header(dependencies: &Dependencies) -> Option<String> {
        let marked = dependencies.mark(Response::new(Body::empty()));
        marked.headers().get("x-promptgate-degraded").map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn answers_name_what_is_away_and_nothing_when_all_is_there() {
        let clock = Arc::new(TestClock::at_millis(1_000));
        let dependencies = Dependencies::new(clock.clone());
        dependencies.note(DATABASE, None);
        assert_eq!(header(&dependencies), None);
        dependencies.note(REDIS, Some("a"));
        let since = clock.now();
        clock.advance(Duration::from_secs(1));
        dependencies.note(DATABASE, Some("b"));
        dependencies.note(REDIS, Some("c"));
        assert_eq!(header(&dependencies).as_deref(), Some("database, redis"));
        assert_eq!(dependencies.all()[REDIS], Away { since, gives_up: "c".into() });
        let mut said = Response::new(Body::empty());
        said.headers_mut().insert(DEGRADED, HeaderValue::from_static("limits, redis"));
        assert_eq!(dependencies.mark(said).headers()[&DEGRADED], "limits, redis, database");
        dependencies.note(DATABASE, None);
        dependencies.note(REDIS, None);
        assert_eq!((header(&dependencies), dependencies.all().len()), (None, 0));
    }
}
