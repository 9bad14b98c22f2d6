//! Behaviour of a repository of admin keys.

use std::time::Duration;

use promptgate_auth::{AdminKeyFilter, AdminKeySort, StoredAdminKey};
use promptgate_kernel::{AdminKeyId, PageRequest, SortDirection};

use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::Store;

fn key(name: &str) -> StoredAdminKey {
    let id = AdminKeyId::mint(clock(), entropy());
    StoredAdminKey::create(id, name, None, entropy(), at(0)).expect("the name is well formed").0
}

async fn insert(store: &dyn Store, keys: &[&StoredAdminKey]) {
    let mut work = write(store).await;
    for key in keys {
        work.admin_keys().insert(key).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, key: &StoredAdminKey) -> bool {
    let mut work = write(store).await;
    let saved = work.admin_keys().save(key).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

/// Every field comes back as it was, after insertion and after a save, and both secrets find the key.
pub async fn everything_round_trips(store: &dyn Store) {
    let first = key("Ünï 日本");
    insert(store, &[&first, &key("other")]).await;
    let find = async || read(store).await.admin_keys().find(first.id).await.expect(WORKS);
    assert_eq!(find().await.as_ref(), Some(&first));
    let (rotated, _) =
        first.clone().rotate(Duration::from_mins(1), entropy(), at(0)).expect("the key is active");
    let after = StoredAdminKey { name: "b".into(), expires_at: Some(at(9)), ..rotated };
    assert!(save(store, &after).await);
    assert!(!save(store, &after).await, "a lost update is noticed");
    assert_eq!(find().await.as_ref(), Some(&after));
    for hash in [first.hash, after.hash] {
        let found = read(store).await.admin_keys().find_by_hash(&hash).await.expect(WORKS);
        assert_eq!(found.as_ref(), Some(&after));
    }
    let unknown = key("nobody").hash;
    assert_eq!(read(store).await.admin_keys().find_by_hash(&unknown).await.expect(WORKS), None);
    for (noted, expected) in [(2, 2), (1, 2), (3, 3)] {
        let mut work = write(store).await;
        work.admin_keys().note_use(first.id, at(noted)).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        assert_eq!(find().await.and_then(|key| key.last_used_at), Some(at(expected)));
    }
}

/// Two keys of one name, in any case, cannot both serve; the name of a revoked one is free.
pub async fn a_second_one_of_the_same_name_is_a_conflict(store: &dyn Store) {
    let first = key("Deploy");
    insert(store, &[&first]).await;
    let refused = write(store).await.admin_keys().insert(&key("deploy")).await;
    assert!(refused.expect_err("the name is taken").is_conflict("admin_keys_name_folded_key"));
    assert!(save(store, &first.revoke(at(1)).expect("it is active")).await);
    insert(store, &[&key("deploy")]).await;
}

/// Pages are sorted; what is missing comes last.
pub async fn they_are_sorted(store: &dyn Store) {
    let later = StoredAdminKey { expires_at: Some(at(5)), created_at: at(2), ..key("a") };
    let sooner = StoredAdminKey { expires_at: Some(at(4)), created_at: at(3), ..key("C") };
    let never = StoredAdminKey { created_at: at(1), ..key("b") };
    insert(store, &[&later, &sooner, &never]).await;
    for (sort, direction, expected) in [
        (AdminKeySort::Name, SortDirection::Ascending, "abC"),
        (AdminKeySort::CreatedAt, SortDirection::Descending, "Cab"),
        (AdminKeySort::ExpiresAt, SortDirection::Ascending, "Cab"),
        (AdminKeySort::ExpiresAt, SortDirection::Descending, "aCb"),
    ] {
        let filter = AdminKeyFilter { sort, direction };
        let page = read(store).await.admin_keys().list(&filter, PageRequest::default()).await.expect(WORKS);
        let names: String = page.items.iter().map(|key| key.name.as_str()).collect();
        assert_eq!((names.as_str(), page.total), (expected, 3), "{sort:?}");
    }
}
