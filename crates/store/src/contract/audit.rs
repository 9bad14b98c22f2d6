//! Behaviour of an audit repository.

use futures_util::future::join_all;
use promptgate_audit::{
    ActorName, Came, Chained, Checkpoint, Claim, Event, EventFilter, HashVersion, Severity, Walk,
};
use promptgate_kernel::{CallId, PageRequest, ProjectId, Signature, SortDirection};

use super::samples::{WORKS, at, audit_event, clock, entropy, read, write};
use crate::Store;

async fn append(store: &dyn Store, event: &Event) {
    let mut work = write(store).await;
    work.audit().append(event).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn log(store: &dyn Store) -> Vec<Chained> {
    read(store).await.audit().list_after(0, 1_000).await.expect(WORKS)
}

/// How many rows there are, all of them in their places.
async fn verified(store: &dyn Store) -> u64 {
    let mut work = read(store).await;
    let mut walk = Walk::default();
    for row in work.audit().list_after(0, 1_000).await.expect(WORKS) {
        assert_eq!(row.version, HashVersion::CURRENT);
        walk.row(&row).expect("nobody altered it");
    }
    walk.finish(work.audit().head().await.expect(WORKS)).expect("the head is the last row")
}

/// Whatever the unit of work, each event follows the one before it, and comes back as it was.
pub async fn the_chain_spans_units_of_work(store: &dyn Store) {
    let plain = audit_event("1");
    let full = Event {
        severity: Severity::Err,
        actor: ActorName {
            kind: "admin_key".into(),
            id: Some("018f".into()),
            label: Some("Deploy 日本".into()),
        },
        came: Came {
            address: Some("2001:db8::1".parse().expect("an address")),
            request: Some(CallId::mint(clock(), entropy())),
            via: Some("cli".into()),
        },
        before: [("role".into(), "user".into())].into(),
        after: [("role".into(), "admin".into()), ("active".into(), String::new())].into(),
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
    assert_eq!(verified(store).await, 3);
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
    assert_eq!((log.len(), verified(store).await), (50, 50));
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
    assert_eq!((log.len(), log[1].position, verified(store).await), (2, 2, 2));
}

/// What is hashed is what is stored, also where a character had to be replaced.
pub async fn a_text_that_cannot_be_kept_does_not_break_the_chain(store: &dyn Store) {
    let details = [("name\0".to_owned(), "\0".to_owned())].into();
    append(store, &Event { details, ..audit_event("a\0b") }).await;
    append(store, &audit_event("next")).await;
    let log = log(store).await;
    assert_eq!((log[0].event.target_id.as_str(), verified(store).await), ("a\u{fffd}b", 2));
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

/// Each filter narrows, a search looks into all names of an event, and the order is that of the log.
pub async fn they_are_narrowed_and_sorted(store: &dyn Store) {
    let project = ProjectId::mint(clock(), entropy());
    let person = ActorName { kind: "account".into(), id: Some("018a".into()), label: None };
    let key = ActorName { kind: "admin_key".into(), id: None, label: Some("Deploy".into()) };
    let rows = [
        Event { at: at(1), actor: person, project_id: Some(project), ..audit_event("one") },
        Event {
            at: at(2),
            actor: key,
            severity: Severity::Warn,
            action: "token.revoked".into(),
            ..audit_event("two")
        },
        Event {
            at: at(3),
            came: Came { via: Some("management_api".into()), ..Came::default() },
            details: [("reason".into(), "wrong_password".into())].into(),
            ..audit_event("100%")
        },
    ];
    for row in &rows {
        append(store, row).await;
    }
    let wanted = async |filter: EventFilter| {
        let mut work = read(store).await;
        let after = work.audit().list_wanted_after(&filter, 0, 10).await.expect(WORKS);
        let page = PageRequest::default();
        let listed = work.audit().list(&filter, SortDirection::Descending, page).await.expect(WORKS);
        let positions: Vec<i64> = after.iter().map(|row| row.position).collect();
        let backwards: Vec<i64> = listed.items.iter().rev().map(|row| row.position).collect();
        assert_eq!((positions.len() as u64, &positions), (listed.total, &backwards));
        positions
    };
    let everything = EventFilter::default;
    let search = async |text: &str| wanted(EventFilter { search: Some(text.into()), ..everything() }).await;
    assert_eq!(wanted(everything()).await, [1, 2, 3]);
    assert_eq!(search("TOKEN.Rev").await, [2]);
    assert_eq!(search("deploy").await, [2]);
    assert_eq!(search("018a").await, [1]);
    assert_eq!(search("management").await, [3]);
    assert_eq!(search("wrong_password").await, [3]);
    assert_eq!(search("100%").await, [3]);
    assert_eq!(search("nothing").await, [0i64; 0]);
    assert_eq!(wanted(EventFilter { severity: Some(Severity::Warn), ..everything() }).await, [2]);
    assert_eq!(wanted(EventFilter { action: Some("token.created".into()), ..everything() }).await, [1, 3]);
    assert_eq!(wanted(EventFilter { actor: Some("018a".into()), ..everything() }).await, [1]);
    assert_eq!(wanted(EventFilter { project: Some(project), ..everything() }).await, [1]);
    assert_eq!(wanted(EventFilter { since: Some(at(2)), ..everything() }).await, [2, 3]);
    assert_eq!(wanted(EventFilter { until: Some(at(2)), ..everything() }).await, [1]);
    let mut work = read(store).await;
    let last = work.audit().last_before(at(3), 0).await.expect(WORKS);
    assert_eq!(last.map(|row| row.position), Some(2));
    assert_eq!(work.audit().last_before(at(3), 2).await.expect(WORKS), None);
}

/// Checkpoints come back as they were, in order; two after the same one are a conflict.
pub async fn checkpoints_are_kept_in_order(store: &dyn Store) {
    append(store, &audit_event("1")).await;
    let hash = log(store).await[0].hash;
    let checkpoint = |previous, position, signature: &str| Checkpoint {
        claim: Claim {
            position,
            previous,
            hash,
            count: position - previous,
            last_at: at(1),
            closed_at: at(2),
            released_at: None,
        },
        signature: Signature::from_text(signature.into()),
    };
    let [first, second] = [checkpoint(0, 3, "a"), checkpoint(3, 5, "b")];
    let mut work = write(store).await;
    assert_eq!(work.audit().last_checkpoint().await.expect(WORKS), None);
    work.audit().insert_checkpoint(&second).await.expect(WORKS);
    work.audit().insert_checkpoint(&first).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let refused = write(store).await.audit().insert_checkpoint(&checkpoint(3, 7, "c")).await;
    assert!(refused.expect_err("it is taken").is_conflict("audit_checkpoints_previous_key"));
    let released = Checkpoint {
        claim: Claim { released_at: Some(at(4)), ..first.claim },
        signature: Signature::from_text("d".into()),
    };
    let mut work = write(store).await;
    assert!(!work.audit().save_checkpoint(&released, "x").await.expect(WORKS), "somebody else signed it");
    assert!(work.audit().save_checkpoint(&released, "a").await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let mut work = read(store).await;
    assert_eq!(work.audit().last_checkpoint().await.expect(WORKS), Some(second.clone()));
    assert_eq!(work.audit().checkpoints_after(0, 1).await.expect(WORKS), [released]);
    assert_eq!(work.audit().checkpoints_after(3, 9).await.expect(WORKS), [second]);
}

/// Removal takes the first ones, so many at a time, and the chain goes on where it was.
pub async fn the_first_ones_are_removed(store: &dyn Store) {
    for number in 1..=5 {
        append(store, &audit_event(&number.to_string())).await;
    }
    for (limit, removed, first) in [(2, 2, 3), (9, 1, 4), (9, 0, 4)] {
        let mut work = write(store).await;
        assert_eq!(work.audit().remove_through(3, limit).await.expect(WORKS), removed);
        work.commit().await.expect(WORKS);
        assert_eq!(log(store).await[0].position, first);
    }
    append(store, &audit_event("6")).await;
    let log = log(store).await;
    assert_eq!((log[2].position, log[2].previous), (6, Some(log[1].hash)));
    let head = read(store).await.audit().head().await.expect(WORKS);
    assert_eq!(head, Some((6, log[2].hash)));
}

/// Whoever holds the log sees what the writer before did, and nobody writes in between.
pub async fn it_is_held_by_one(store: &dyn Store) {
    let write_one = async |number: usize| {
        let mut work = write(store).await;
        work.audit().hold().await.expect(WORKS);
        let before = work.audit().head().await.expect(WORKS).map_or(0, |(position, _)| position);
        work.audit().append(&audit_event(&number.to_string())).await.expect(WORKS);
        let after = work.audit().head().await.expect(WORKS).map_or(0, |(position, _)| position);
        work.commit().await.expect(WORKS);
        after - before
    };
    assert_eq!(join_all((0..12).map(write_one)).await, [1; 12]);
}
