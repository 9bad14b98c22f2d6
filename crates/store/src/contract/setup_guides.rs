//! Behaviour of a repository of set-up guides.

use futures_util::future::join_all;
use promptgate_help::{Compatibility, ModelMode, SetupGuide};
use promptgate_kernel::SetupGuideId;

use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::Store;

fn guide(identifier: &str, position: u64) -> SetupGuide {
    SetupGuide {
        id: SetupGuideId::mint(clock(), entropy()),
        identifier: identifier.into(),
        title: identifier.to_uppercase(),
        subtitle: String::new(),
        icon: "mdi-x".into(),
        compatibility: Compatibility::OpenAi,
        model_mode: ModelMode::Single,
        file_paths: vec![],
        template: "{{token}}".into(),
        enabled: true,
        position,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

async fn insert(store: &dyn Store, guides: &[&SetupGuide]) {
    let mut work = write(store).await;
    for guide in guides {
        work.setup_guides().insert(guide).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, guide: &SetupGuide) -> bool {
    let mut work = write(store).await;
    let saved = work.setup_guides().save(guide).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

/// Every field comes back as it was, after insertion and after a save; what is removed is gone.
pub async fn everything_round_trips(store: &dyn Store) {
    let first = guide("curl", 0);
    insert(store, &[&first]).await;
    assert_eq!(read(store).await.setup_guides().find(first.id).await.expect(WORKS).as_ref(), Some(&first));
    let after = SetupGuide {
        identifier: "other".into(),
        title: "Ünï".into(),
        subtitle: "日本".into(),
        icon: "mdi-y".into(),
        compatibility: Compatibility::Both,
        model_mode: ModelMode::None,
        file_paths: vec!["~/.x".into(), "%USERPROFILE%\\x".into()],
        template: "a \"b\"\n{{model}}".into(),
        enabled: false,
        position: 7,
        updated_at: at(9),
        version: 2,
        ..first
    };
    assert!(save(store, &after).await);
    assert!(!save(store, &after).await, "a lost update is noticed");
    assert_eq!(read(store).await.setup_guides().find(after.id).await.expect(WORKS).as_ref(), Some(&after));
    let mut work = write(store).await;
    assert!(work.setup_guides().remove(after.id).await.expect(WORKS));
    assert!(!work.setup_guides().remove(after.id).await.expect(WORKS));
    work.setup_guides().insert(&after).await.expect("its identifier is free again");
}

/// An identifier belongs to one guide.
pub async fn a_second_one_of_the_same_identifier_is_a_conflict(store: &dyn Store) {
    let (one, other) = (guide("one", 0), guide("other", 1));
    insert(store, &[&one, &other]).await;
    let error = write(store).await.setup_guides().insert(&guide("one", 2)).await.expect_err("taken");
    assert!(error.is_conflict("setup_guides_identifier_key"), "{error}");
    let renamed = SetupGuide { identifier: "one".into(), version: 2, ..other };
    let error = write(store).await.setup_guides().save(&renamed).await.expect_err("taken");
    assert!(error.is_conflict("setup_guides_identifier_key"), "{error}");
}

/// They are listed by position, then title whatever its case.
pub async fn they_are_listed_in_order(store: &dyn Store) {
    let (last, second) = (guide("a", 2), SetupGuide { title: "b".into(), ..guide("b", 1) });
    let first = SetupGuide { title: "A".into(), ..guide("c", 1) };
    insert(store, &[&last, &second, &first]).await;
    assert_eq!(read(store).await.setup_guides().list().await.expect(WORKS), [first, second, last]);
}

/// Those who hold the places see what the one before them did.
pub async fn places_are_held_by_one(store: &dyn Store) {
    let add = async |number: usize| {
        let mut work = write(store).await;
        work.setup_guides().hold_places().await.expect(WORKS);
        let next = work.setup_guides().list().await.expect(WORKS).len() as u64;
        work.setup_guides().insert(&guide(&number.to_string(), next)).await.expect(WORKS);
        work.commit().await.expect(WORKS);
    };
    join_all((0..12).map(add)).await;
    let guides = read(store).await.setup_guides().list().await.expect(WORKS);
    assert!(guides.iter().map(|guide| guide.position).eq(0..12), "{guides:?}");
}

/// The default guides are written by one of many, and never again, whatever became of them.
pub async fn the_default_ones_are_claimed_once(store: &dyn Store) {
    assert!(write(store).await.setup_guides().claim_defaults().await.expect(WORKS), "it was rolled back");
    let claim = async |_: usize| {
        let mut work = write(store).await;
        let claimed = work.setup_guides().claim_defaults().await.expect(WORKS);
        work.commit().await.expect(WORKS);
        claimed
    };
    let claims = join_all((0..6).map(claim)).await;
    assert_eq!(claims.iter().filter(|claimed| **claimed).count(), 1);
    assert!(!claim(0).await, "there is still no guide");
}
