//! Behaviour of a repository of answers that may be asked for again.

use futures_util::future::join_all;
use promptgate_kernel::{CallId, Sealed, TokenId};
use promptgate_usage::{IdempotencyKey, IdempotencyRecord, IdempotencyState, RememberedAnswer};

use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::Store;

fn key(number: u8) -> IdempotencyKey {
    IdempotencyKey { token_id: TokenId::mint(clock(), entropy()), hash: [number; 32] }
}

/// A call that begins at an instant and is given up ten microseconds later.
fn begun(key: IdempotencyKey, micros: i64) -> IdempotencyRecord {
    IdempotencyRecord::begin(key, [7; 32], CallId::mint(clock(), entropy()), at(micros), at(micros + 10))
}

fn answer(status: u16) -> RememberedAnswer {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    RememberedAnswer {
        status,
        headers: vec![header("x-b", "ü\""), header("x-a", ""), header("x-b", "2")],
        body: Sealed::from_text("pg1:a:b".to_owned()),
    }
}

async fn claim(store: &dyn Store, record: &IdempotencyRecord) -> Option<IdempotencyRecord> {
    let mut work = write(store).await;
    let taken = work.idempotency().claim(record).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    taken
}

async fn complete(store: &dyn Store, record: &IdempotencyRecord, answer: &RememberedAnswer) -> bool {
    let mut work = write(store).await;
    let done = work.idempotency().complete(record.key, record.call_id, answer, at(1_000)).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    done
}

async fn release(store: &dyn Store, record: &IdempotencyRecord) -> bool {
    let mut work = write(store).await;
    let done = work.idempotency().release(record.key, record.call_id).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    done
}

async fn find(store: &dyn Store, key: IdempotencyKey) -> Option<IdempotencyRecord> {
    read(store).await.idempotency().find(key).await.expect(WORKS)
}

fn done(record: &IdempotencyRecord, answer: &RememberedAnswer) -> IdempotencyRecord {
    let state = IdempotencyState::Done(answer.clone());
    IdempotencyRecord { state, expires_at: at(1_000), ..record.clone() }
}

/// A claimed key is in progress until it is answered, and then has the answer, as it was.
pub async fn a_claim_is_answered(store: &dyn Store) {
    let record = begun(key(1), 0);
    assert_eq!(find(store, record.key).await, None);
    assert_eq!(claim(store, &record).await, None);
    assert_eq!(claim(store, &begun(record.key, 1)).await.as_ref(), Some(&record));
    let answer = answer(u16::MAX);
    assert!(complete(store, &record, &answer).await);
    assert_eq!(claim(store, &begun(record.key, 2)).await, Some(done(&record, &answer)));
    assert_eq!(find(store, record.key).await, Some(done(&record, &answer)));
}

/// The same key of another token, or another one of the same token, is another one.
pub async fn keys_of_other_tokens_are_others(store: &dyn Store) {
    let record = begun(key(1), 0);
    let sibling = IdempotencyKey { hash: [2; 32], ..record.key };
    assert_eq!(claim(store, &record).await, None);
    assert_eq!(claim(store, &begun(key(1), 0)).await, None);
    assert_eq!(claim(store, &begun(sibling, 0)).await, None);
}

/// Of fifty that claim a key at the same time one gets it, and all others are told by whom.
pub async fn of_many_that_claim_at_once_one_wins(store: &dyn Store) {
    let key = key(1);
    let records: Vec<_> = (0..50).map(|_| begun(key, 0)).collect();
    let taken = join_all(records.iter().map(|record| claim(store, record))).await;
    let winners: Vec<_> = records.iter().zip(&taken).filter(|(_, taken)| taken.is_none()).collect();
    assert_eq!(winners.len(), 1);
    let winner = winners[0].0;
    assert!(taken.iter().flatten().all(|holder| holder == winner));
    assert_eq!(find(store, key).await.as_ref(), Some(winner));
}

/// An expired record is as good as none, for one claimer: also where many try.
pub async fn an_expired_claim_is_taken_over_once(store: &dyn Store) {
    let first = begun(key(1), 0);
    assert_eq!(claim(store, &first).await, None);
    assert_eq!(claim(store, &begun(first.key, 9)).await.as_ref(), Some(&first));
    let records: Vec<_> = (0..20).map(|_| begun(first.key, 10)).collect();
    let taken = join_all(records.iter().map(|record| claim(store, record))).await;
    assert_eq!(taken.iter().filter(|taken| taken.is_none()).count(), 1);
    assert!(!complete(store, &first, &answer(200)).await, "the key is another call's now");
    assert!(!release(store, &first).await);
}

/// A key whose call came to nothing is free again; one that was answered is not given back.
pub async fn a_claim_is_given_back(store: &dyn Store) {
    let record = begun(key(1), 0);
    assert_eq!(claim(store, &record).await, None);
    assert!(!release(store, &begun(record.key, 0)).await, "it is another call's");
    assert!(release(store, &record).await);
    assert_eq!(find(store, record.key).await, None);
    let next = begun(record.key, 1);
    assert_eq!(claim(store, &next).await, None);
    assert!(complete(store, &next, &answer(200)).await);
    assert!(!release(store, &next).await);
}

/// A claim that is held on to expires later; one that was answered, or is another call's, does not.
pub async fn a_claim_is_held_on_to(store: &dyn Store) {
    let renew = async |record: &IdempotencyRecord, until: i64| {
        let mut work = write(store).await;
        let done = work.idempotency().renew(record.key, record.call_id, at(until)).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        done
    };
    let record = begun(key(1), 0);
    assert!(!renew(&record, 20).await, "nobody claimed it");
    assert_eq!(claim(store, &record).await, None);
    assert!(renew(&record, 20).await);
    let held = IdempotencyRecord { expires_at: at(20), ..record.clone() };
    assert_eq!(claim(store, &begun(record.key, 15)).await, Some(held));
    let next = begun(record.key, 20);
    assert_eq!(claim(store, &next).await, None);
    assert!(!renew(&record, 50).await, "it is another call's");
    assert!(complete(store, &next, &answer(200)).await);
    assert!(!renew(&next, 2_000).await);
    assert_eq!(find(store, next.key).await, Some(done(&next, &answer(200))));
}

/// A claim that was not committed was never made.
pub async fn rollback_discards(store: &dyn Store) {
    let record = begun(key(1), 0);
    let mut work = write(store).await;
    assert_eq!(work.idempotency().claim(&record).await.expect(WORKS), None);
    drop(work);
    assert_eq!(claim(store, &begun(record.key, 0)).await, None);
}

/// Each call takes at most as many as allowed, the longest expired first, and none that still counts.
pub async fn pruning_takes_the_longest_expired_in_batches(store: &dyn Store) {
    let records = [3, 1, 4, 2].map(|micros| begun(key(1), micros));
    for record in &records {
        assert_eq!(claim(store, record).await, None);
    }
    for (removed, left) in [(2, 2), (1, 1), (0, 1)] {
        let mut work = write(store).await;
        assert_eq!(work.idempotency().prune(at(14), 2).await.expect(WORKS), removed);
        work.commit().await.expect(WORKS);
        let mut found = 0;
        for record in &records {
            found += usize::from(find(store, record.key).await.is_some());
        }
        assert_eq!(found, left);
    }
    assert!(find(store, records[2].key).await.is_some());
}
