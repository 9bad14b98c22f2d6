//! Places in a list: from 0, and without gaps.

/// A place that the list does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("position must be a whole number from 0 to {last}")]
pub struct InvalidPosition {
    /// The last place there is.
    pub last: u64,
}

/// The places after one of the ids, which are in order, was moved to a place: only those that differ
/// from `places`. `None` when the id is not among them.
pub fn move_to<I: Copy + PartialEq>(
    entries: &[(I, u64)],
    id: I,
    position: i64,
) -> Option<Result<Vec<(I, u64)>, InvalidPosition>> {
    let from = entries.iter().position(|(known, _)| *known == id)?;
    let last = entries.len() - 1;
    let Some(to) = usize::try_from(position).ok().filter(|to| *to <= last) else {
        return Some(Err(InvalidPosition { last: last as u64 }));
    };
    let mut order = entries.to_vec();
    let moved = order.remove(from);
    order.insert(to, moved);
    Some(Ok(close_gaps(&order)))
}

/// The places that make the ids, which are in order, stand from 0 without gaps: only those that differ.
pub fn close_gaps<I: Copy>(entries: &[(I, u64)]) -> Vec<(I, u64)> {
    let placed = (0u64..).zip(entries);
    placed.filter(|(place, (_, position))| place != position).map(|(place, (id, _))| (*id, place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The ids in the order that they have after some places changed.
    fn applied(entries: &[(u8, u64)], changes: &[(u8, u64)]) -> Vec<(u64, u8)> {
        let new = |id| changes.iter().find(|(changed, _)| *changed == id).map(|(_, place)| *place);
        let mut order: Vec<_> = entries.iter().map(|(id, place)| (new(*id).unwrap_or(*place), *id)).collect();
        order.sort_unstable();
        order
    }

    #[test]
    fn others_make_room_and_only_what_moves_is_named() {
        let entries = [(7, 0), (8, 1), (9, 2)];
        assert_eq!(move_to(&entries, 9, 0), Some(Ok(vec![(9, 0), (7, 1), (8, 2)])));
        assert_eq!(move_to(&entries, 8, 1), Some(Ok(vec![])));
        assert_eq!(move_to(&entries, 8, 3), Some(Err(InvalidPosition { last: 2 })));
        assert_eq!(move_to(&entries, 8, -1), Some(Err(InvalidPosition { last: 2 })));
        assert_eq!(move_to(&entries, 1, 0), None);
        assert_eq!(close_gaps(&[(7, 0), (9, 2)]), [(9, 1)]);
    }

    proptest! {
        #[test]
        fn places_stay_contiguous_and_the_others_keep_their_order(
            gaps in proptest::collection::vec(0u64..3, 1..20), which: usize, to: usize
        ) {
            // Gaps that something else left behind are closed too.
            let mut place = 0;
            let entries: Vec<(u8, u64)> = gaps.iter().zip(0u8..).map(|(gap, id)| {
                place += gap + 1;
                (id, place - 1)
            }).collect();
            let (which, to) = (which % entries.len(), to % entries.len());
            let id = entries[which].0;
            let changes = move_to(&entries, id, i64::try_from(to).unwrap()).unwrap().unwrap();
            let after = applied(&entries, &changes);
            prop_assert!(after.iter().map(|(place, _)| *place).eq(0..entries.len() as u64));
            prop_assert_eq!(after[to].1, id);
            let rest: Vec<u8> = after.iter().map(|(_, id)| *id).filter(|other| *other != id).collect();
            prop_assert!(rest.is_sorted());
        }
    }
}
