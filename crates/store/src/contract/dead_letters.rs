//! Behaviour of a repository of dead letters.

use promptgate_kernel::{CallId, PageRequest};
use promptgate_usage::{DeadLetter, DeadLetterFilter};

use super::samples::{WORKS, at, clock, entropy, read, usage_event, write};
use crate::Store;

fn letter(tried: i64) -> DeadLetter {
    DeadLetter::now(CallId::mint(clock(), entropy()), format!("{{\"n\":{tried}}}"), "no", 3, at(tried))
}

async fn put(store: &dyn Store, letters: &[DeadLetter]) {
    let mut work = write(store).await;
    work.dead_letters().put(letters).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn find(store: &dyn Store, id: CallId) -> Option<DeadLetter> {
    read(store).await.dead_letters().find(id).await.expect(WORKS)
}

/// Every field comes back as it was, after it was put there and after a save; what was removed is gone.
pub async fn everything_round_trips(store: &dyn Store) {
    let text = "{\"n\":\"\\u0000 日本\"}";
    let letter = DeadLetter { event: text.into(), error: "a\u{1}ü".into(), ..letter(1) };
    put(store, &[letter.clone(), self::letter(2)]).await;
    assert_eq!(find(store, letter.id).await.as_ref(), Some(&letter));
    let tried = letter.clone().refused("again", at(9));
    let mut work = write(store).await;
    assert!(work.dead_letters().save(&tried).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let found = find(store, letter.id).await;
    assert_eq!(found.as_ref(), Some(&tried));
    assert_eq!(found.map(|found| (found.attempts, found.first_at)), Some((4, at(1))));
    for there in [true, false] {
        let mut work = write(store).await;
        assert_eq!(work.dead_letters().remove(letter.id).await.expect(WORKS), there);
        assert!(!work.dead_letters().save(&tried).await.expect(WORKS));
        work.commit().await.expect(WORKS);
    }
    assert_eq!(find(store, letter.id).await, None);
}

/// A letter that is there already is not there twice.
pub async fn the_same_one_adds_up(store: &dyn Store) {
    let first = letter(1);
    put(store, std::slice::from_ref(&first)).await;
    put(store, &[DeadLetter { error: "later".into(), last_at: at(5), first_at: at(5), ..first.clone() }])
        .await;
    let expected = DeadLetter { error: "later".into(), attempts: 6, last_at: at(5), ..first.clone() };
    assert_eq!(find(store, first.id).await, Some(expected));
}

/// What was discarded is not on the list, stays so when it comes again, and is discarded once.
pub async fn a_discarded_one_stays_away(store: &dyn Store) {
    let letter = letter(1);
    put(store, std::slice::from_ref(&letter)).await;
    for done in [true, false] {
        let mut work = write(store).await;
        assert_eq!(work.dead_letters().discard(letter.id, at(7)).await.expect(WORKS), done);
        work.commit().await.expect(WORKS);
    }
    put(store, std::slice::from_ref(&letter)).await;
    assert_eq!(find(store, letter.id).await.and_then(|letter| letter.discarded_at), Some(at(7)));
    let mut work = read(store).await;
    assert_eq!(work.dead_letters().waiting().await.expect(WORKS), 0);
    let page = PageRequest::clamped(1, 10);
    let waiting = work.dead_letters().list(DeadLetterFilter::Waiting, page).await.expect(WORKS);
    let discarded = work.dead_letters().list(DeadLetterFilter::Discarded, page).await.expect(WORKS);
    assert_eq!((waiting.total, discarded.total), (0, 1));
}

/// A call is settled that is recorded, or has a letter, whatever became of that; many are asked for at once.
pub async fn what_is_settled_is_told(store: &dyn Store) {
    let (recorded, unknown) = (usage_event(at(1)), CallId::mint(clock(), entropy()));
    let (waiting, discarded) = (letter(1), letter(2));
    put(store, &[waiting.clone(), discarded.clone()]).await;
    let mut work = write(store).await;
    work.usage().record(&[&recorded]).await.expect(WORKS);
    work.dead_letters().discard(discarded.id, at(3)).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let mut asked = vec![unknown, recorded.id, waiting.id, discarded.id];
    asked.extend((0..300).map(|_| CallId::mint(clock(), entropy())));
    let mut work = read(store).await;
    let mut settled = work.dead_letters().settled(&asked).await.expect(WORKS);
    let mut expected = vec![recorded.id, waiting.id, discarded.id];
    settled.sort_unstable();
    expected.sort_unstable();
    assert_eq!(settled, expected);
    assert_eq!(work.dead_letters().settled(&[]).await.expect(WORKS), []);
}

/// Letters that were discarded go in batches, the oldest first; those that wait stay, however old.
pub async fn discarded_ones_are_pruned(store: &dyn Store) {
    let letters: Vec<_> = [1, 2, 3, 4].map(letter).into();
    put(store, &letters).await;
    let mut work = write(store).await;
    for (letter, discarded) in letters.iter().zip([30, 10, 20]) {
        assert!(work.dead_letters().discard(letter.id, at(discarded)).await.expect(WORKS));
    }
    work.commit().await.expect(WORKS);
    let prune = |before, limit| async move {
        let mut work = write(store).await;
        let removed = work.dead_letters().prune(at(before), limit).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        removed
    };
    assert_eq!(prune(10, 10).await, 0);
    assert_eq!(prune(30, 1).await, 1);
    assert_eq!(find(store, letters[1].id).await, None);
    assert_eq!((prune(30, 10).await, prune(30, 10).await), (1, 0));
    assert!(find(store, letters[0].id).await.is_some());
    assert_eq!(prune(1_000, 10).await, 1);
    assert!(find(store, letters[3].id).await.is_some(), "it waits for a person");
}

/// Of any number of calls those are told whose letters were discarded, and no others.
pub async fn what_is_discarded_is_told(store: &dyn Store) {
    let (waiting, discarded) = (letter(1), letter(2));
    put(store, &[waiting.clone(), discarded.clone()]).await;
    let mut asked: Vec<_> = (0..300).map(|_| CallId::mint(clock(), entropy())).collect();
    asked.extend([discarded.id, waiting.id]);
    assert_eq!(read(store).await.dead_letters().discarded(&asked).await.expect(WORKS), []);
    let mut work = write(store).await;
    work.dead_letters().discard(discarded.id, at(3)).await.expect(WORKS);
    assert_eq!(work.dead_letters().discarded(&asked).await.expect(WORKS), [discarded.id]);
    work.commit().await.expect(WORKS);
    let mut work = read(store).await;
    assert_eq!(work.dead_letters().discarded(&asked).await.expect(WORKS), [discarded.id]);
    assert_eq!(work.dead_letters().discarded(&[waiting.id]).await.expect(WORKS), []);
}

/// The list has the last that was tried first; the count is that of the list.
pub async fn they_are_listed_and_counted(store: &dyn Store) {
    let letters: Vec<_> = [5, 1, 3].map(letter).into();
    put(store, &letters).await;
    let mut work = read(store).await;
    assert_eq!(work.dead_letters().waiting().await.expect(WORKS), 3);
    let filter = DeadLetterFilter::default();
    let page = work.dead_letters().list(filter, PageRequest::clamped(1, 2)).await.expect(WORKS);
    assert_eq!((page.items, page.total), (vec![letters[0].clone(), letters[2].clone()], 3));
    let page = work.dead_letters().list(filter, PageRequest::clamped(2, 2)).await.expect(WORKS);
    assert_eq!(page.items, [letters[1].clone()]);
}
