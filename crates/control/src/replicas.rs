//! The processes of the installation, and how new what they work from is.

use std::collections::HashSet;
use std::time::Duration;

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{ReplicaId, RepositoryError, Revision, Timestamp};
use promptgate_store::Access;
pub use promptgate_store::Replica;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::instrument;

use crate::Control;

/// How often a process says that it runs, whatever happens.
pub const BEAT: Duration = Duration::from_secs(2);
/// Who was not heard of for this long does not run any more.
pub const ALIVE: Duration = Duration::from_secs(10);
/// The longest that somebody may wait for a revision.
pub const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// After which time somebody who waits looks first who serves a revision; then after twice that, and so on.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// The longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the look of those may take whose time is over before their turn came.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// So many look again and again at once in this process, whatever the number of those who wait.
static LOOKING: Semaphore = Semaphore::const_new(16);

/// Why replicas are not shown.
#[derive(Debug, thiserror::Error)]
pub enum ReplicasError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The latest revision.
    pub revision: Revision,
    /// Every process that was heard of lately, by kind, then by start.
    pub replicas: Vec<Replica>,
}

/// What came of waiting for a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The revision that was waited for.
    pub revision: Revision,
    /// How many replicas answer calls.
    pub replicas: usize,
    /// Those of them that do not serve the revision yet.
    pub behind: Vec<Replica>,
}

/// From when on somebody who was seen is taken to run still.
pub fn alive_since(now: Timestamp) -> Timestamp {
    let alive = i64::try_from(ALIVE.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(alive))
}

/// What runs.
#[instrument(name = "control.replicas.list", skip_all)]
pub async fn list(control: &Control, actor: Actor) -> Result<Running, ReplicasError> {
    actor.require(Permission::ManageSettings)?;
    Ok(running(control).await?)
}

async fn running(control: &Control) -> Result<Running, RepositoryError> {
    let mut work = control.store.begin(Access::Read).await?;
    let revision = work.changes().revision().await?;
    let replicas = work.replicas().list(alive_since(control.clock.now())).await?;
    Ok(Running { revision, replicas })
}

/// Waits until every replica that answers calls serves the revision that is the latest now, but not for
/// longer than `limit`. One that falls silent meanwhile is not waited for any more, and told to be behind:
/// nobody knows what it serves. For whoever has just changed something, so nobody has to be allowed.
#[instrument(name = "control.replicas.wait", skip_all)]
pub async fn wait(control: &Control, limit: Duration) -> Result<Served, RepositoryError> {
    let over = Instant::now() + limit.min(LONGEST_WAIT);
    let first = running(control).await?;
    let wanted = first.revision;
    let mut served = standing(wanted, first);
    if served.behind.is_empty() {
        return Ok(served);
    }
    let mut waited_for: HashSet<ReplicaId> = served.behind.iter().map(|replica| replica.id).collect();
    if let Ok(Ok(_turn)) = timeout_at(over, LOOKING.acquire()).await {
        let mut pause = FIRST_LOOK;
        while !served.behind.is_empty() {
            let rest = over.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break;
            }
            sleep(pause.min(rest)).await;
            pause = LOOK_EVERY.min(pause * 2);
            // A store that is away meanwhile leaves what was known last.
            if let Ok(Ok(next)) = timeout(rest, running(control)).await {
                served = standing(wanted, next);
                waited_for.extend(served.behind.iter().map(|replica| replica.id));
            }
        }
    } else if let Ok(Ok(last)) = timeout(LAST_LOOK, running(control)).await {
        served = standing(wanted, last);
    }
    for replica in &served.behind {
        waited_for.remove(&replica.id);
    }
    if let Ok(Ok(silent)) = timeout(LAST_LOOK, silent(control, &waited_for, wanted)).await {
        served.replicas += silent.len();
        served.behind.extend(silent);
    }
    Ok(served)
}

/// Those of some that have not said that they serve a revision, and have not taken leave either.
async fn silent(
    control: &Control,
    of: &HashSet<ReplicaId>,
    revision: Revision,
) -> Result<Vec<Replica>, RepositoryError> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let mut work = control.store.begin(Access::Read).await?;
    let mut all = work.replicas().list(Timestamp::from_micros(i64::MIN)).await?;
    all.retain(|replica| of.contains(&replica.id) && !replica.serves(revision));
    Ok(all)
}

fn standing(revision: Revision, running: Running) -> Served {
    let calls: Vec<Replica> = running.replicas.into_iter().filter(|replica| replica.answers_calls).collect();
    let replicas = calls.len();
    let behind = calls.into_iter().filter(|replica| !replica.serves(revision)).collect();
    Served { revision, replicas, behind }
}
