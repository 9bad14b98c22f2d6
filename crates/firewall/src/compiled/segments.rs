//! All addresses of one family, cut into segments.

use std::collections::BTreeSet;

/// No rule is about the addresses of a segment. It fits beside what else a [`Slot`] says.
const NOBODY: u32 = u32::MAX >> Slot::KIND_BITS;

/// An address as a number.
pub(super) trait Position: Copy + Ord {
    /// The first of all.
    const FIRST: Self;

    /// The next one; none after the last of all.
    fn after(self) -> Option<Self>;

    /// How many bits it takes to say how far it is behind `base`.
    fn bits_behind(self, base: Self) -> u32;

    /// How often two to the power of `shift` fits between `base` and it.
    fn slot(self, base: Self, shift: u32) -> usize;

    /// The last position of a slot, or the one before `end` if that comes first.
    fn last_of_slot(base: Self, slot: usize, shift: u32, end: Self) -> Self;
}

impl Position for u32 {
    const FIRST: Self = 0;

    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn bits_behind(self, base: Self) -> u32 {
        Self::BITS - (self - base).leading_zeros()
    }

    fn slot(self, base: Self, shift: u32) -> usize {
        usize::try_from((self - base) >> shift).unwrap_or(usize::MAX)
    }

    fn last_of_slot(base: Self, slot: usize, shift: u32, end: Self) -> Self {
        let slot = Self::try_from(slot).unwrap_or(Self::MAX) << shift;
        base.saturating_add(slot | ((1 << shift) - 1)).min(end - 1)
    }
}

impl Position for u128 {
    const FIRST: Self = 0;

    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn bits_behind(self, base: Self) -> u32 {
        Self::BITS - (self - base).leading_zeros()
    }

    fn slot(self, base: Self, shift: u32) -> usize {
        usize::try_from((self - base) >> shift).unwrap_or(usize::MAX)
    }

    fn last_of_slot(base: Self, slot: usize, shift: u32, end: Self) -> Self {
        let slot = Self::try_from(slot).unwrap_or(Self::MAX) << shift;
        base.saturating_add(slot | ((1 << shift) - 1)).min(end - 1)
    }
}

/// Neighbouring segments, each with the rank of the rule that decides it, and tables that lead to them.
///
/// A table cuts the addresses between its first and its last border into slots of one size, about as many
/// as there are borders. Where more than a few fall into one slot, it has a table of its own. A
/// look-up takes as many steps as there are tables above one another, which the number of borders hardly
/// changes: each of them is finer than the one above by as many bits as it takes to count its borders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segments<N> {
    /// The first one starts at zero.
    in_order: Box<[Segment<N>]>,
    /// The first one is where a look-up begins; there is none for a single segment.
    tables: Box<[Table<N>]>,
    slots: Box<[Slot]>,
}

/// Addresses from one on, up to where the next segment starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment<N> {
    start: N,
    rank: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Table<N> {
    /// Its first border. What is before it is in the segment `before`.
    base: N,
    /// Its last border. What is not before it is in the segment `behind`.
    end: N,
    /// Each slot holds two to this power.
    shift: u32,
    before: u32,
    behind: u32,
    /// Where its slots begin.
    slots: u32,
}

/// What is known of all addresses of a slot: the rank of the rule that decides them, or the segment of the
/// first one and how many segments begin behind it, or the table that knows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot(u32);

impl Slot {
    const KIND_BITS: u32 = 4;
    const KIND: u32 = (1 << Self::KIND_BITS) - 1;
    /// What is left to a table.
    const TABLE: u32 = Self::KIND;
    /// The most segments that begin in a slot without a table.
    const MOST: usize = 8;

    const fn new(number: u32, kind: u32) -> Self {
        Self(number << Self::KIND_BITS | kind)
    }

    const fn number(self) -> u32 {
        self.0 >> Self::KIND_BITS
    }

    const fn kind(self) -> u32 {
        self.0 & Self::KIND
    }
}

impl<N: Position> Segments<N> {
    /// Cuts ranges, each with the rank of its rule, where another rule begins to decide. Those of one rule
    /// do not overlap.
    pub(super) fn cut(ranges: &[(N, N, u32)]) -> Self {
        let begins = ranges.iter().map(|(first, _, rank)| (*first, *rank, true));
        let ends = ranges.iter().filter_map(|(_, last, rank)| Some((last.after()?, *rank, false)));
        let mut edges: Vec<(N, u32, bool)> = begins.chain(ends).collect();
        edges.sort_unstable();
        let mut segments = vec![Segment { start: N::FIRST, rank: NOBODY }];
        let mut open = BTreeSet::new();
        for edges in edges.chunk_by(|one, other| one.0 == other.0) {
            for (_, rank, begins) in edges {
                if *begins {
                    open.insert(*rank);
                } else {
                    open.remove(rank);
                }
            }
            let next = Segment { start: edges[0].0, rank: open.first().copied().unwrap_or(NOBODY) };
            match segments.last_mut() {
                Some(last) if last.start == next.start => *last = next,
                Some(last) if last.rank == next.rank => {}
                Some(_) | None => segments.push(next),
            }
        }
        Tables { segments: &segments, made: Vec::new(), slots: Vec::new() }.into_segments()
    }

    /// The rank of the rule that decides here; none where no rule does.
    pub(super) fn at(&self, position: N) -> Option<u32> {
        Some(self.rank_at(position)).filter(|rank| *rank != NOBODY)
    }

    fn rank_at(&self, position: N) -> u32 {
        let of_segment = |index: u32| self.in_order[index as usize].rank;
        let Some(mut table) = self.tables.first() else { return of_segment(0) };
        loop {
            if position < table.base {
                return of_segment(table.before);
            }
            if position >= table.end {
                return of_segment(table.behind);
            }
            let slot = self.slots[table.slots as usize + position.slot(table.base, table.shift)];
            match slot.kind() {
                0 => return slot.number(),
                Slot::TABLE => table = &self.tables[slot.number() as usize],
                more => {
                    let first = slot.number() as usize;
                    let begun = self.in_order[first + 1..=first + more as usize].iter();
                    return self.in_order[first + begun.filter(|next| next.start <= position).count()].rank;
                }
            }
        }
    }

    /// How many segments there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.in_order.len()
    }
}

/// Tables in the making.
struct Tables<'a, N> {
    segments: &'a [Segment<N>],
    made: Vec<Table<N>>,
    slots: Vec<Slot>,
}

impl<N: Position> Tables<'_, N> {
    fn into_segments(mut self) -> Segments<N> {
        if self.segments.len() > 1 {
            self.add(0, self.segments.len() - 1);
        }
        Segments { in_order: self.segments.into(), tables: self.made.into(), slots: self.slots.into() }
    }

    /// Adds a table of where the segments behind `before` begin, up to `behind`. Says which one it is.
    fn add(&mut self, before: usize, behind: usize) -> usize {
        let (base, end) = (self.segments[before + 1].start, self.segments[behind].start);
        // About two slots for each border.
        let bits = usize::BITS - (behind - before).leading_zeros() + 1;
        let shift = end.bits_behind(base).saturating_sub(bits);
        let (number, begin) = (self.made.len(), self.slots.len());
        let slots = count(begin);
        self.made.push(Table { base, end, shift, before: count(before), behind: count(behind), slots });
        // With one border alone there is nothing in between.
        let many = if base == end { 0 } else { end.slot(base, shift) + 1 };
        self.slots.resize(begin + many, Slot::new(NOBODY, 0));
        let mut first = before + 1;
        for slot in 0..many {
            let last = N::last_of_slot(base, slot, shift, end);
            let more = self.segments[first + 1..].iter().take_while(|next| next.start <= last).count();
            self.slots[begin + slot] = match more {
                0 => Slot::new(self.segments[first].rank, 0),
                1..=Slot::MOST => Slot::new(count(first), count(more)),
                _ => Slot::new(count(self.add(first, first + more)), Slot::TABLE),
            };
            first += more;
            let begins_next = last.after().is_some_and(|next| {
                self.segments.get(first + 1).is_some_and(|segment| segment.start == next)
            });
            first += usize::from(begins_next);
        }
        number
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("rules are counted in thousands")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What all ranges say, one after the other.
    fn plain<N: Position>(ranges: &[(N, N, u32)], position: N) -> Option<u32> {
        let about = ranges.iter().filter(|(first, last, _)| *first <= position && position <= *last);
        about.map(|(.., rank)| *rank).min()
    }

    fn agrees<N: Position + std::fmt::Debug>(ranges: &[(N, N, u32)], others: &[N]) {
        let segments = Segments::cut(ranges);
        let borders = ranges.iter().flat_map(|(first, last, _)| [Some(*first), Some(*last), last.after()]);
        for position in borders.flatten().chain(others.iter().copied()) {
            assert_eq!(segments.at(position), plain(ranges, position), "{position:?} {ranges:?}");
        }
    }

    /// Ranges that lie close together in some places and far apart in others.
    fn ranges<N: Position + std::fmt::Debug + 'static>(
        position: impl Strategy<Value = N> + 'static,
    ) -> impl Strategy<Value = Vec<(N, N, u32)>> {
        let one = (position, 0usize..200);
        proptest::collection::vec(one, 0..300).prop_map(|all| {
            let ranged = |((first, length), rank): ((N, usize), u32)| {
                let last = (0..length).try_fold(first, |last, _| last.after()).unwrap_or(first);
                (first, last, rank)
            };
            all.into_iter().zip(0..).map(ranged).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
        #[test]
        fn tables_of_version_4_lead_to_what_the_list_says(
            ranges in ranges((any::<u32>(), 0u32..32).prop_map(|(bits, shift)| bits >> shift)),
            others in proptest::collection::vec((any::<u32>(), 0u32..32), 0..40),
        ) {
            agrees(&ranges, &others.iter().map(|(bits, shift)| bits >> shift).collect::<Vec<_>>());
        }

        #[test]
        fn tables_of_version_6_lead_to_what_the_list_says(
            ranges in ranges((any::<u128>(), 0u32..128).prop_map(|(bits, shift)| !(bits >> shift))),
            others in proptest::collection::vec((any::<u128>(), 0u32..128), 0..40),
        ) {
            agrees(&ranges, &others.iter().map(|(bits, shift)| !(bits >> shift)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn ranges_at_every_scale_need_few_tables_and_little_room() {
        let halves: Vec<_> = (0..128).map(|bit| (1u128 << bit, 1u128 << bit, bit)).collect();
        agrees(&halves, &[0, 1, 5, u128::MAX]);
        // A crowd in one place, the others all over it: the crowd has a table of its own.
        let crowd = (0..400u32).map(|at| at * 3);
        let far = (0..400u32).map(|at| at.wrapping_mul(0x9e37_79b9));
        let all: Vec<_> = crowd.chain(far).zip(0..).map(|(at, rank)| (at, at, rank)).collect();
        agrees(&all, &[0, 1, 2, u32::MAX]);
        let segments = Segments::cut(&all);
        assert!(segments.tables.len() > 1);
        assert!(segments.slots.len() < 8 * segments.len(), "{} of {}", segments.slots.len(), segments.len());
        let steps = |position: u32| {
            let (mut table, mut steps) = (segments.tables[0], 1);
            while position >= table.base && position < table.end {
                let slot = segments.slots[table.slots as usize + position.slot(table.base, table.shift)];
                if slot.kind() != Slot::TABLE {
                    break;
                }
                (table, steps) = (segments.tables[slot.number() as usize], steps + 1);
            }
            steps
        };
        let everywhere = (0..=u16::MAX).map(|high| u32::from(high) << 16).chain(0..1_200);
        assert!(everywhere.map(steps).max() <= Some(3));
    }
}
