//! Saying that this process runs, and hearing how many others do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use promptgate_control::replicas::{BEAT, alive_since};
use promptgate_gateway::SnapshotCell;
use promptgate_kernel::{Clock, ReplicaId, RepositoryError, Timestamp};
use promptgate_settings::Process;
use promptgate_store::{Access, Replica, Store};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::base::Base;

/// The shortest time between two beats, however often the configuration changes.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a beat may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Those who ended without a word are removed after this long.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);
/// How far ahead another one's clock may be without a word.
const AHEAD: Duration = Duration::from_secs(5);

/// How many processes answer calls, this one included; the last known number while nobody can be asked.
pub(crate) type ProxiesAlive = watch::Sender<u32>;

/// Says from now on that this process runs, where it listens and what it works from, until it stops.
pub(crate) fn announce(
    base: &Base,
    store: &Arc<dyn Store>,
    addresses: &[SocketAddr],
    snapshot: Option<&Arc<SnapshotCell>>,
) {
    let now = base.clock.now();
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let replica = Replica {
        id: ReplicaId::mint(&*base.clock, &*base.entropy),
        kind: base.process.name().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host(),
        address: addresses.join(" "),
        process: std::process::id(),
        answers_calls: matches!(base.process, Process::Proxy | Process::RunAll),
        started_at: now,
        seen_at: now,
        revision: None,
    };
    let heart = Heart {
        replica,
        store: Arc::clone(store),
        clock: Arc::clone(&base.clock),
        snapshot: snapshot.cloned(),
        proxies: Arc::clone(&base.proxies_alive),
        clocks_differ: false,
        has_counted: false,
    };
    base.tasks.spawn(heart.run(base.stop.clone()));
}

/// What the machine calls itself.
fn host() -> String {
    let read = |path| std::fs::read_to_string(path).ok().map(|name| name.trim().to_owned());
    let named = ["/proc/sys/kernel/hostname", "/etc/hostname"].into_iter().find_map(read);
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

struct Heart {
    replica: Replica,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    snapshot: Option<Arc<SnapshotCell>>,
    proxies: Arc<ProxiesAlive>,
    /// Whether that was said already.
    clocks_differ: bool,
    /// Whether the others were counted yet.
    has_counted: bool,
}

impl Heart {
    /// Beats until the stop, and takes the process off the list then. While the store is away nothing is
    /// said and nothing changes.
    async fn run(mut self, stop: tokio_util::sync::CancellationToken) {
        let mut revisions = self.snapshot.as_ref().map(|snapshot| snapshot.revisions());
        loop {
            if let Some(revisions) = &mut revisions {
                self.replica.revision = Some(*revisions.borrow_and_update());
            }
            self.replica.seen_at = self.clock.now();
            match timeout(PATIENCE, self.beat()).await {
                Ok(Ok(others)) => {
                    self.compare_clocks(&others);
                    self.count(&others);
                }
                Ok(Err(error)) => tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "cannot say that this process runs"
                ),
                Err(_) => tracing::debug!("saying that this process runs took too long"),
            }
            let newer = async {
                match &mut revisions {
                    Some(revisions) => drop(revisions.changed().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = async { sleep(PAUSE).await; newer.await } => {}
                () = sleep(BEAT) => {}
            }
        }
        // Who is not there any more is not waited for.
        let _ = timeout(Duration::from_secs(1), self.leave()).await;
    }

    /// The others that are listed.
    async fn beat(&self) -> Result<Vec<Replica>, RepositoryError> {
        let own = &self.replica;
        let mut work = self.store.begin(Access::Write).await?;
        let mut others = work.replicas().list(Timestamp::from_micros(i64::MIN)).await?;
        others.retain(|other| other.id != own.id);
        work.replicas().beat(own).await?;
        // By the clocks of the others too: who is ahead of all of them removes nobody who runs.
        if let Some(newest) = others.iter().map(|other| other.seen_at).max() {
            work.replicas().forget(before(newest.min(own.seen_at), FORGOTTEN_AFTER)).await?;
        }
        work.commit().await?;
        Ok(others)
    }

    /// Says once that hosts do not keep the same time, for who is alive is told by clocks.
    fn compare_clocks(&mut self, others: &[Replica]) {
        let allowed = i64::try_from(AHEAD.as_micros()).unwrap_or(i64::MAX);
        let ahead = |other: &&Replica| {
            other.seen_at.as_micros().saturating_sub(self.replica.seen_at.as_micros()) > allowed
        };
        let Some(other) = others.iter().find(ahead).filter(|_| !self.clocks_differ) else { return };
        tracing::warn!(
            replica.id = %other.id,
            host = other.host,
            own_host = self.replica.host,
            "the clock of {} is more than {} s ahead of that of {}; let hosts keep time (NTP), or processes are \
             taken for ended that run",
            other.host,
            AHEAD.as_secs(),
            self.replica.host
        );
        self.clocks_differ = true;
    }

    fn count(&mut self, others: &[Replica]) {
        let alive_since = alive_since(self.replica.seen_at);
        let is_proxy = |other: &&Replica| other.answers_calls && other.seen_at > alive_since;
        let proxies = others.iter().filter(is_proxy).count() + usize::from(self.replica.answers_calls);
        let proxies = u32::try_from(proxies).unwrap_or(u32::MAX).max(1);
        metrics::gauge!("promptgate_proxies_alive").set(f64::from(proxies));
        // What was known before may be what the disk said.
        let is_first = !std::mem::replace(&mut self.has_counted, true);
        self.proxies.send_if_modified(|known| std::mem::replace(known, proxies) != proxies || is_first);
    }

    async fn leave(&self) -> Result<(), RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        work.replicas().remove(self.replica.id).await?;
        work.commit().await
    }
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(age))
}

#[cfg(test)]
mod tests {
    use promptgate_kernel::{OsEntropy, Revision, SystemClock};
    use promptgate_store_sql::{SqlOptions, connect};
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    use super::*;

    fn heart(store: &Arc<dyn Store>, snapshot: Option<Arc<SnapshotCell>>) -> Heart {
        let now = SystemClock.now();
        let replica = Replica {
            id: ReplicaId::mint(&SystemClock, &OsEntropy),
            kind: "proxy".into(),
            version: "1.0.0".into(),
            host: host(),
            address: "127.0.0.1:1".into(),
            process: 1,
            answers_calls: snapshot.is_some(),
            started_at: now,
            seen_at: now,
            revision: None,
        };
        let (store, proxies) = (Arc::clone(store), Arc::new(watch::Sender::new(1)));
        Heart {
            replica,
            store,
            clock: Arc::new(SystemClock),
            snapshot,
            proxies,
            clocks_differ: false,
            has_counted: false,
        }
    }

    #[tokio::test]
    async fn whose_clock_is_ahead_removes_nobody_who_runs_and_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("promptgate.db").display());
        let connected = connect(&url, SqlOptions::default()).await.unwrap();
        connected.migrate().await.unwrap();
        let store = connected.store();
        let [mut right, mut ahead, mut gone] = [(); 3].map(|()| heart(&store, None));
        let now = right.replica.seen_at;
        let later = |seconds: i64| Timestamp::from_micros(now.as_micros() + seconds * 1_000_000);
        gone.replica.seen_at = later(-601);
        gone.beat().await.unwrap();
        right.replica.seen_at = now;
        right.beat().await.unwrap();
        ahead.replica.seen_at = later(3_600);
        let others = ahead.beat().await.unwrap();
        ahead.compare_clocks(&others);
        assert!(!ahead.clocks_differ, "who is ahead cannot tell the others from those who ended");
        let rows = store.begin(Access::Read).await.unwrap().replicas().list(later(-3_600)).await.unwrap();
        assert_eq!(rows.len(), 2, "of three, the one that is gone was removed");
        let others = right.beat().await.unwrap();
        let left = others.iter().map(|other| other.id).collect::<Vec<_>>();
        assert_eq!(left, [ahead.replica.id]);
        right.compare_clocks(&others);
        assert!(right.clocks_differ);
        let others = ahead.beat().await.unwrap();
        let left = others.iter().map(|other| other.id).collect::<Vec<_>>();
        assert_eq!(left, [right.replica.id]);
        connected.close().await;
    }

    #[tokio::test]
    async fn who_runs_is_counted_with_what_it_works_from_and_who_ends_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("promptgate.db").display());
        let connected = connect(&url, SqlOptions::default()).await.unwrap();
        connected.migrate().await.unwrap();
        let store = connected.store();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let snapshot = Arc::new(SnapshotCell::default());
        let [first, second] = [(); 2].map(|()| heart(&store, Some(Arc::clone(&snapshot))));
        let counted = [&first, &second].map(|heart| heart.proxies.subscribe());
        tasks.spawn(heart(&store, None).run(stop.clone()));
        tasks.spawn(first.run(stop.clone()));
        let stop_second = stop.child_token();
        tasks.spawn(second.run(stop_second.clone()));
        for mut counted in counted.clone() {
            timeout(Duration::from_secs(30), counted.wait_for(|alive| *alive == 2)).await.unwrap().unwrap();
        }
        let listed = store.begin(Access::Read).await.unwrap().replicas().list(Timestamp::default()).await;
        let revisions: Vec<_> = listed.unwrap().into_iter().map(|replica| replica.revision).collect();
        assert_eq!(revisions.iter().filter(|revision| **revision == Some(Revision::default())).count(), 2);
        stop_second.cancel();
        let [mut counted, _] = counted;
        timeout(Duration::from_secs(30), counted.wait_for(|alive| *alive == 1)).await.unwrap().unwrap();
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        let left = store.begin(Access::Read).await.unwrap().replicas().list(Timestamp::default()).await;
        assert_eq!(left.unwrap(), []);
        connected.close().await;
    }
}
