//! Behaviour of a repository of drills.

use promptgate_kernel::Timestamp;

use super::samples::{WORKS, at, read, write};
use crate::{Drill, Drilled, Store};

async fn announce(store: &dyn Store, dependency: Drilled, until: i64) {
    let mut work = write(store).await;
    work.drills().announce(&Drill { dependency, until: at(until) }).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn under_way(store: &dyn Store, now: Timestamp) -> Vec<(Drilled, Timestamp)> {
    let found = read(store).await.drills().under_way(now).await.expect(WORKS);
    found.into_iter().map(|drill| (drill.dependency, drill.until)).collect()
}

/// A drill is under way until its end, and not at it; the latest of a dependency counts.
pub async fn one_at_a_time_until_its_end(store: &dyn Store) {
    assert_eq!(under_way(store, at(0)).await, []);
    announce(store, Drilled::Redis, 20).await;
    announce(store, Drilled::Database, 10).await;
    assert_eq!(under_way(store, at(9)).await, [(Drilled::Database, at(10)), (Drilled::Redis, at(20))]);
    assert_eq!(under_way(store, at(10)).await, [(Drilled::Redis, at(20))]);
    announce(store, Drilled::Redis, 5).await;
    assert_eq!(under_way(store, at(4)).await, [(Drilled::Database, at(10)), (Drilled::Redis, at(5))]);
    assert_eq!(under_way(store, at(10)).await, []);
}
