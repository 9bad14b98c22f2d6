//! Behaviour of a repository of replicas.

use promptgate_kernel::{ReplicaId, Revision};

use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::{Replica, Store};

fn replica(kind: &str, seen: i64) -> Replica {
    Replica {
        id: ReplicaId::mint(clock(), entropy()),
        kind: kind.to_owned(),
        version: "1.2.3".into(),
        host: "Ünï".into(),
        address: "127.0.0.1:8081 [::1]:8081".into(),
        process: u32::MAX,
        answers_calls: kind == "proxy",
        started_at: at(1),
        seen_at: at(seen),
        revision: None,
    }
}

async fn beat(store: &dyn Store, replicas: &[&Replica]) {
    let mut work = write(store).await;
    for replica in replicas {
        work.replicas().beat(replica).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn seen_after(store: &dyn Store, micros: i64) -> Vec<Replica> {
    read(store).await.replicas().list(at(micros)).await.expect(WORKS)
}

/// What a replica says of itself comes back, and the latest counts.
pub async fn the_latest_beat_counts(store: &dyn Store) {
    let first = replica("proxy", 5);
    beat(store, &[&first]).await;
    assert_eq!(seen_after(store, 4).await, std::slice::from_ref(&first));
    let next = Replica { seen_at: at(9), revision: Some(Revision::from_number(7)), ..first };
    beat(store, &[&next]).await;
    assert_eq!(seen_after(store, 4).await, [next]);
}

/// Who was not seen for long is not listed; the others are, in order.
pub async fn they_are_sorted_and_stale_ones_are_left_out(store: &dyn Store) {
    let [proxy, api, stale] = [replica("proxy", 9), replica("api", 8), replica("api", 5)];
    let later = Replica { started_at: at(2), ..replica("api", 7) };
    beat(store, &[&proxy, &later, &api, &stale]).await;
    assert_eq!(seen_after(store, 5).await, [api, later, proxy]);
}

/// Who ends is gone, and who is stale can be forgotten.
pub async fn they_are_removed_and_forgotten(store: &dyn Store) {
    let [ending, stale, living] = [replica("proxy", 9), replica("proxy", 5), replica("proxy", 6)];
    beat(store, &[&ending, &stale, &living]).await;
    let mut work = write(store).await;
    work.replicas().remove(ending.id).await.expect(WORKS);
    assert_eq!(work.replicas().forget(at(6)).await.expect(WORKS), 1);
    work.commit().await.expect(WORKS);
    assert_eq!(seen_after(store, 0).await, [living]);
}
