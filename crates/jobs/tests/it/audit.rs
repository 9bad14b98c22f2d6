//! The audit log is signed, and let go when its time is over.

use std::sync::Arc;
use std::time::Duration;

use promptgate_audit::{ActorName, Event};
use promptgate_control::audit::AuditKeeper;
use promptgate_jobs::{Scheduler, SchedulerOptions};
use promptgate_kernel::testing::SeededEntropy;
use promptgate_kernel::{AuditEventId, Clock, KeyRing, SecretsKey};
use promptgate_store::Access;
use promptgate_store_sql::{SqlOptions, connect};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{PATIENCE, WORKS, clock, options};

#[tokio::test]
async fn a_log_that_is_over_is_closed_and_removed_in_batches() {
    let connected = connect("sqlite::memory:", SqlOptions::default()).await.expect(WORKS);
    connected.migrate().await.expect(WORKS);
    let (store, clock, entropy) = (connected.store(), clock(), SeededEntropy::new(1));
    let keep = Duration::from_hours(24 * 400);
    let mut work = store.begin(Access::Write).await.expect(WORKS);
    for number in 0..25u32 {
        let at =
            clock.now().minus(keep + Duration::from_secs(1)).plus(Duration::from_secs(1) * (number / 20));
        let actor = ActorName { kind: "system".into(), ..ActorName::default() };
        let event = Event::of(AuditEventId::mint(&*clock, &entropy), at, "token.created", actor);
        work.audit().append(&event).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
    let keys = KeyRing::new(SecretsKey::from_bytes([7; 32]), vec![]);
    let audit = AuditKeeper { store: Arc::clone(&store), clock: clock.clone(), keys: keys.clone(), keep };
    let options = SchedulerOptions { audit_interval: Duration::from_millis(5), batch_rows: 3, ..options() };
    let scheduler =
        Scheduler::new(Arc::clone(&store), clock.clone(), crate::entropy(), options).keeping(audit);
    let (stop, running) = (CancellationToken::new(), TaskTracker::new());
    running.spawn(scheduler.run(stop.clone()));
    let first = async || {
        let mut work = store.begin(Access::Read).await.expect(WORKS);
        work.audit().list_after(0, 1).await.expect(WORKS).first().map(|row| row.position)
    };
    let gone = async {
        while first().await != Some(21) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("what is over is removed in the end");
    stop.cancel();
    running.close();
    running.wait().await;
    let mut work = store.begin(Access::Read).await.expect(WORKS);
    let checkpoints = work.audit().checkpoints_after(0, 10).await.expect(WORKS);
    assert_eq!(checkpoints[0].claim.position, 20);
    assert!(checkpoints[0].claim.released_at.is_some() && checkpoints[0].verify(&keys).is_ok());
    assert_eq!(work.audit().list_after(0, 100).await.expect(WORKS).len(), 5);
}
