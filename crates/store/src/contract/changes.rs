//! Behaviour of a change log.

use futures_util::future::join_all;
use promptgate_kernel::{EndpointId, ProjectId, ProviderId, Revision, TemplateId, TokenId};
use promptgate_tokens::TokenHash;

use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::{Change, Store};

fn change() -> Change {
    Change::Project(ProjectId::mint(clock(), entropy()))
}

async fn record(store: &dyn Store, change: Change, micros: i64) -> Revision {
    let mut work = write(store).await;
    let revision = work.changes().record(change, at(micros)).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    revision
}

async fn revision(store: &dyn Store) -> i64 {
    read(store).await.changes().revision().await.expect(WORKS).number()
}

async fn since(store: &dyn Store, revision: i64, limit: u32) -> Option<Vec<(Revision, Change)>> {
    read(store).await.changes().since(Revision::from_number(revision), limit).await.expect(WORKS)
}

async fn prune(store: &dyn Store, before: i64, limit: u32) -> u64 {
    let mut work = write(store).await;
    let removed = work.changes().prune(at(before), limit).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    removed
}

/// An empty store has a revision, and no changes.
pub async fn nothing_ever_changed_is_revision_zero(store: &dyn Store) {
    assert_eq!(revision(store).await, 0);
    assert_eq!(since(store, 0, 10).await, Some(vec![]));
    assert_eq!(prune(store, i64::from(u32::MAX), 10).await, 0);
}

/// Revisions have no gaps: what was not committed had none.
pub async fn a_rollback_gives_the_revision_back(store: &dyn Store) {
    let mut work = write(store).await;
    assert_eq!(work.changes().record(change(), at(0)).await.expect(WORKS).number(), 1);
    drop(work);
    assert_eq!(revision(store).await, 0);
    assert_eq!(record(store, change(), 0).await.number(), 1);
}

/// Every kind of change comes back as it was, each with its revision.
pub async fn changes_are_read_in_order_and_in_parts(store: &dyn Store) {
    let token =
        Change::Token { id: TokenId::mint(clock(), entropy()), hash: TokenHash::from_bytes([0xfe; 32]) };
    let changes = [
        change(),
        Change::Provider(ProviderId::mint(clock(), entropy())),
        Change::Template(TemplateId::mint(clock(), entropy())),
        Change::Endpoint(EndpointId::mint(clock(), entropy())),
        token,
    ];
    let mut expected = Vec::new();
    for change in changes {
        expected.push((record(store, change, 0).await, change));
    }
    assert_eq!(since(store, 0, 10).await.as_ref(), Some(&expected));
    assert_eq!(since(store, 0, 2).await.as_deref(), Some(&expected[..2]));
    assert_eq!(since(store, 2, 10).await.as_deref(), Some(&expected[2..]));
    assert_eq!(since(store, 5, 10).await, Some(vec![]));
}

/// Whoever sees a revision has all smaller ones: a reader that follows the log never meets a gap.
pub async fn revisions_commit_in_order_under_many_writers(store: &dyn Store) {
    const WRITERS: usize = 30;
    let writing = join_all((0..WRITERS).map(|_| record(store, change(), 0)));
    let reading = async {
        let mut seen: Vec<i64> = Vec::new();
        while seen.len() < WRITERS {
            let last = seen.last().copied().unwrap_or(0);
            let news = since(store, last, 7).await.expect("nothing was pruned");
            seen.extend(news.iter().map(|(revision, _)| revision.number()));
        }
        seen
    };
    let (mut written, seen) = futures_util::future::join(writing, reading).await;
    written.sort();
    let expected: Vec<i64> = (1..).take(WRITERS).collect();
    assert_eq!(written.into_iter().map(Revision::number).collect::<Vec<_>>(), expected);
    assert_eq!(seen, expected);
}

/// Who asks for something that is no longer there is told to read everything.
pub async fn what_was_pruned_is_told(store: &dyn Store) {
    for micros in 1..=4 {
        record(store, change(), micros).await;
    }
    assert_eq!(prune(store, 3, 10).await, 2);
    assert_eq!(since(store, 0, 10).await, None);
    assert_eq!(since(store, 1, 10).await, None);
    assert_eq!(since(store, 2, 10).await.map(|changes| changes.len()), Some(2));
}

/// An empty log still knows how far it was.
pub async fn pruning_keeps_the_latest_revision(store: &dyn Store) {
    for micros in 1..=3 {
        record(store, change(), micros).await;
    }
    assert_eq!((prune(store, 9, 2).await, prune(store, 9, 2).await, prune(store, 9, 2).await), (2, 1, 0));
    assert_eq!(revision(store).await, 3);
    assert_eq!(since(store, 2, 10).await, None);
    assert_eq!(since(store, 3, 10).await, Some(vec![]));
    assert_eq!(record(store, change(), 4).await.number(), 4);
}

/// Clocks differ: a change with an early instant stays while one before it does.
pub async fn pruning_leaves_no_gap(store: &dyn Store) {
    for micros in [1, 9, 2, 3] {
        record(store, change(), micros).await;
    }
    assert_eq!(prune(store, 5, 10).await, 1);
    assert_eq!(since(store, 1, 10).await.map(|changes| changes.len()), Some(3));
}

/// After the store was put back to an earlier state, whoever knows more must read everything.
pub async fn a_revision_from_the_future_is_told(store: &dyn Store) {
    record(store, change(), 0).await;
    assert_eq!(since(store, 2, 10).await, None);
}
