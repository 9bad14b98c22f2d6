//! Behaviour of a repository of the FAQ.

use futures_util::future::join_all;
use promptgate_help::{FaqEntry, FaqFilter, FaqSort};
use promptgate_kernel::{FaqEntryId, PageRequest, SortDirection};

use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::Store;

fn entry(question: &str, position: u64) -> FaqEntry {
    FaqEntry {
        id: FaqEntryId::mint(clock(), entropy()),
        question: question.into(),
        answer: "a".into(),
        position,
        published: true,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

async fn insert(store: &dyn Store, entries: &[&FaqEntry]) {
    let mut work = write(store).await;
    for entry in entries {
        work.faq().insert(entry).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, entry: &FaqEntry) -> bool {
    let mut work = write(store).await;
    let saved = work.faq().save(entry).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

/// Every field comes back as it was; a text and a place that cross each other are both kept.
pub async fn everything_round_trips(store: &dyn Store) {
    let first = entry("Warum?", 0);
    insert(store, &[&first]).await;
    assert_eq!(read(store).await.faq().find(first.id).await.expect(WORKS).as_ref(), Some(&first));
    let mut work = write(store).await;
    work.faq().place(&[(first.id, 3)]).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let text = FaqEntry {
        question: "Ünï 日本?".into(),
        answer: "#A\n*b*".into(),
        published: false,
        updated_at: at(9),
        version: 2,
        ..first
    };
    assert!(save(store, &text).await);
    assert!(!save(store, &text).await, "a lost update is noticed");
    let found = read(store).await.faq().find(text.id).await.expect(WORKS);
    assert_eq!(found, Some(FaqEntry { position: 3, ..text.clone() }));
    let mut work = write(store).await;
    assert!(work.faq().remove(text.id).await.expect(WORKS));
    assert!(!work.faq().remove(text.id).await.expect(WORKS));
}

/// Entries are read in the order of their places, by everybody only those that are published.
pub async fn they_are_sorted_and_published_ones_are_found(store: &dyn Store) {
    let (one, two) = (entry("b", 1), FaqEntry { created_at: at(5), updated_at: at(5), ..entry("A", 0) });
    let hidden = FaqEntry { published: false, ..entry("c", 2) };
    insert(store, &[&one, &two, &hidden]).await;
    for (sort, expected) in [
        (FaqSort::Position, "Abc"),
        (FaqSort::Question, "Abc"),
        (FaqSort::Published, "cbA"),
        (FaqSort::CreatedAt, "bcA"),
        (FaqSort::UpdatedAt, "bcA"),
    ] {
        let filter = FaqFilter { sort, direction: SortDirection::Ascending };
        let page = read(store).await.faq().list(&filter, PageRequest::default()).await.expect(WORKS);
        let questions: String = page.items.into_iter().map(|entry| entry.question).collect();
        assert_eq!((questions.as_str(), page.total), (expected, 3), "{sort:?}");
    }
    let places = read(store).await.faq().places().await.expect(WORKS);
    assert_eq!(places, [(two.id, 0), (one.id, 1), (hidden.id, 2)]);
    assert_eq!(read(store).await.faq().published().await.expect(WORKS), [two, one]);
}

/// Those who hold the places see what the one before them did, so that no place is given twice.
pub async fn places_are_given_out_once(store: &dyn Store) {
    let add = async |number: usize| {
        let mut work = write(store).await;
        work.faq().hold_places().await.expect(WORKS);
        let next = work.faq().places().await.expect(WORKS).len() as u64;
        work.faq().insert(&entry(&number.to_string(), next)).await.expect(WORKS);
        work.commit().await.expect(WORKS);
    };
    join_all((0..12).map(add)).await;
    let places = read(store).await.faq().places().await.expect(WORKS);
    assert!(places.iter().map(|(_, place)| *place).eq(0..12), "{places:?}");
}
