//! Behaviour of an audit repository.

use futures_util::future::join_all;
use promptgate_audit::{Chained, Event, verify};
use promptgate_kernel::ProjectId;

use super::samples::{WORKS, audit_event, clock, entropy, read, write};
use crate::Store;

async fn append(store: &dyn Store, event: &Event) {
    let mut work = write(store).await;
    work.audit().append(event).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn log(store: &dyn Store) -> Vec<Chained> {
    read(store).await.audit().list_after(0, 1_000).await.expect(WORKS)
}

/// Whatever the unit of work, each event follows the one before it, and comes back as it was.
pub async fn the_chain_spans_units_of_work(store: &dyn Store) {
    let plain = audit_event("1");
    let full = Event {
        actor_id: Some("018f".into()),
        project_id: Some(ProjectId::mint(clock(), entropy())),
        details: [("ü 日本".into(), "\"🦀\"".into()), (String::new(), "x".repeat(10_000))].into(),
        ..audit_event("2")
    };
    let last = audit_event("3");
    append(store, &plain).await;
    let mut work = write(store).await;
    work.audit().append(&full).await.expect(WORKS);
    work.audit().append(&last).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let log = log(store).await;
    assert_eq!(verify(&log), Ok(()));
    assert_eq!(log.iter().map(|chained| chained.position).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(log[0].previous, None);
    assert_eq!(log.into_iter().map(|chained| chained.event).collect::<Vec<_>>(), [plain, full, last]);
}

/// Writers queue; none of them forks the chain, none is lost.
pub async fn the_chain_holds_under_many_writers(store: &dyn Store) {
    join_all((0..50).map(|writer: u8| async move {
        append(store, &audit_event(&writer.to_string())).await;
    }))
    .await;
    let log = log(store).await;
    assert_eq!((log.len(), verify(&log)), (50, Ok(())));
    assert_eq!((log[0].position, log[49].position), (1, 50));
}

/// An event that was not committed is not part of the chain.
pub async fn a_rollback_leaves_no_gap(store: &dyn Store) {
    append(store, &audit_event("kept")).await;
    let mut work = write(store).await;
    work.audit().append(&audit_event("discarded")).await.expect(WORKS);
    drop(work);
    append(store, &audit_event("next")).await;
    let log = log(store).await;
    assert_eq!((log.len(), log[1].position, verify(&log)), (2, 2, Ok(())));
}

/// What is hashed is what is stored, also where a character had to be replaced.
pub async fn a_text_that_cannot_be_kept_does_not_break_the_chain(store: &dyn Store) {
    let details = [("name\0".to_owned(), "\0".to_owned())].into();
    append(store, &Event { details, ..audit_event("a\0b") }).await;
    append(store, &audit_event("next")).await;
    let log = log(store).await;
    assert_eq!((log[0].event.target_id.as_str(), verify(&log)), ("a\u{fffd}b", Ok(())));
}

/// A long log is read part by part, in order.
pub async fn it_is_read_in_parts(store: &dyn Store) {
    for number in 1..=5 {
        append(store, &audit_event(&number.to_string())).await;
    }
    let mut parts = Vec::new();
    loop {
        let after = parts.last().map_or(0, |last: &Chained| last.position);
        let part = read(store).await.audit().list_after(after, 2).await.expect(WORKS);
        assert!(part.len() <= 2);
        if part.is_empty() {
            break;
        }
        parts.extend(part);
    }
    assert_eq!(parts, log(store).await);
}
