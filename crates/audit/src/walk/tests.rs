use promptgate_kernel::testing::SeededEntropy;
use promptgate_kernel::{SecretsKey, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::Claim;
use crate::testing::chain;

fn keys(seed: u64) -> KeyRing {
    KeyRing::new(SecretsKey::generate(&SeededEntropy::new(seed)), vec![])
}

fn closing(log: &[Chained], previous: i64, position: i64, released: bool) -> Checkpoint {
    let last = log.iter().find(|row| row.position == position).unwrap();
    let at = Timestamp::from_micros(9);
    let claim = Claim {
        position,
        previous,
        hash: last.hash,
        count: position - previous,
        last_at: last.event.at,
        closed_at: at,
        released_at: released.then_some(at),
    };
    Checkpoint::sign(claim, &keys(1))
}

fn head(log: &[Chained]) -> Option<(i64, EventHash)> {
    log.last().map(|row| (row.position, row.hash))
}

fn walk(checkpoints: &[Checkpoint], log: &[Chained], head: Option<(i64, EventHash)>) -> Result<u64, Altered> {
    let mut walk = Walk::default();
    for checkpoint in checkpoints {
        walk.checkpoint(checkpoint, &keys(1))?;
    }
    for row in log {
        walk.row(row)?;
    }
    walk.finish(head)
}

#[test]
fn a_change_a_gap_a_swap_and_a_cut_are_named() {
    let log = chain(6);
    let id = |row: &Chained| row.event.id;
    assert_eq!(walk(&[], &log, head(&log)), Ok(6));
    assert_eq!(walk(&[], &[], None), Ok(0));

    let mut changed = log.clone();
    changed[2].event.target_id = "other".into();
    assert_eq!(walk(&[], &changed, head(&log)), Err(Altered::Changed { position: 3, id: id(&log[2]) }));

    let mut gap = log.clone();
    gap.remove(1);
    let removed = Altered::Removed { position: 2, next: 3, id: id(&log[2]) };
    assert_eq!(walk(&[], &gap, head(&log)), Err(removed));

    let mut swapped = log.clone();
    swapped.swap(1, 2);
    (swapped[1].position, swapped[2].position) = (2, 3);
    assert_eq!(walk(&[], &swapped, head(&log)), Err(Altered::Misplaced { position: 2, id: id(&log[2]) }));

    assert_eq!(walk(&[], &log[..4], head(&log)), Err(Altered::CutOff { position: 5 }));
    assert_eq!(
        walk(&[], &log[1..], head(&log)),
        Err(Altered::Removed { position: 1, next: 2, id: id(&log[1]) })
    );
}

#[test]
fn what_was_let_go_may_be_missing_and_nothing_else() {
    let log = chain(8);
    let checkpoints = |released| [closing(&log, 0, 3, released), closing(&log, 3, 6, false)];
    for from in 0..=3 {
        assert_eq!(walk(&checkpoints(true), &log[from..], head(&log)), Ok(8 - from as u64), "{from}");
    }
    let removed = |position, next: i64| {
        Err(Altered::Removed { position, next, id: log[usize::try_from(next).unwrap() - 1].event.id })
    };
    assert_eq!(walk(&checkpoints(true), &log[4..], head(&log)), removed(4, 5));
    assert_eq!(walk(&checkpoints(false), &log[3..], head(&log)), removed(1, 4));
    let all = [closing(&log, 0, 8, true)];
    assert_eq!(walk(&all, &[], head(&log)), Ok(0));
    assert_eq!(walk(&all[..], &[], None), Ok(0));
    assert_eq!(walk(&[], &[], head(&log)), Err(Altered::CutOff { position: 1 }));
}

#[test]
fn a_log_that_was_written_anew_is_not_the_signed_one() {
    let log = chain(4);
    let checkpoint = closing(&log, 0, 3, false);
    let mut anew: Vec<Chained> = Vec::new();
    for mut row in log.clone() {
        row.event.target_id = "x".into();
        anew.push(Chained::after(head(&anew), row.event));
    }
    assert_eq!(walk(&[], &anew, head(&anew)), Ok(4), "the chain alone cannot tell");
    let found = walk(std::slice::from_ref(&checkpoint), &anew, head(&anew));
    assert_eq!(found, Err(Altered::Rewritten { position: 3, id: log[2].event.id }));
    let cut = walk(&[checkpoint], &log[..2], head(&log[..2]));
    assert_eq!(cut, Err(Altered::CutOff { position: 3 }));
}

#[test]
fn checkpoints_are_checked_themselves() {
    let log = chain(6);
    let [first, second] = [closing(&log, 0, 2, true), closing(&log, 2, 4, false)];
    let gone = walk(std::slice::from_ref(&second), &log, head(&log));
    assert_eq!(gone, Err(Altered::CheckpointRemoved { position: 2 }));
    let mut forged = second;
    forged.claim.released_at = Some(Timestamp::from_micros(1));
    let found = walk(&[first.clone(), forged], &log[4..], head(&log));
    assert_eq!(found, Err(Altered::Checkpoint { position: 4, reason: SealError::Forged }));
    let mut walk = Walk::default();
    assert!(matches!(walk.checkpoint(&first, &keys(2)), Err(Altered::Checkpoint { position: 2, .. })));
}

proptest! {
    #[test]
    fn whatever_is_taken_away_or_changed_shows(length in 2usize..12, at in 0usize..12, kind in 0u8..3) {
        let log = chain(length as u64);
        let at = at % length;
        let mut altered = log.clone();
        match kind {
            0 => drop(altered.remove(at)),
            1 => altered[at].event.details = [("a".to_owned(), "b".to_owned())].into(),
            _ => {
                let other = (at + 1) % length;
                altered.swap(at, other);
                for (index, row) in altered.iter_mut().enumerate() {
                    row.position = i64::try_from(index).unwrap() + 1;
                }
            }
        }
        let found = walk(&[], &altered, head(&log)).unwrap_err();
        let first = i64::try_from(if kind == 2 { at.min((at + 1) % length) } else { at }).unwrap() + 1;
        let position = match found {
            Altered::Changed { position, .. }
            | Altered::Removed { position, .. }
            | Altered::Misplaced { position, .. }
            | Altered::CutOff { position } => position,
            other => panic!("{other}"),
        };
        prop_assert_eq!(position, first);
    }
}
