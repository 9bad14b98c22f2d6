//! Entries of the lexicon by a key of eight bytes.

/// What numbers are multiplied by to scatter them.
const SCATTER: u64 = 0x9E37_79B9_7F4A_7C15;

/// Groups of entries, each under a key.
#[derive(Debug)]
pub(super) struct Groups {
    /// Keys and where their groups begin and end, scattered; nought where there is none.
    places: Box<[(u64, u32, u32)]>,
    members: Vec<u32>,
    /// How far a scattered key is moved to be a place.
    shift: u32,
}

impl Groups {
    /// Takes keys, none of which is nought, and the numbers of their entries.
    pub(super) fn new(mut all: Vec<(u64, usize)>) -> Self {
        all.sort_unstable();
        let size = (all.len() * 2 + 2).next_power_of_two();
        let mut groups = Self {
            places: vec![(0, 0, 0); size].into(),
            members: Vec::with_capacity(all.len()),
            shift: 64 - size.ilog2(),
        };
        for group in all.chunk_by(|one, other| one.0 == other.0) {
            let from = groups.end();
            groups.members.extend(group.iter().map(|(_, entry)| u32::try_from(*entry).unwrap_or(u32::MAX)));
            let place = groups.place(group[0].0);
            groups.places[place] = (group[0].0, from, groups.end());
        }
        groups
    }

    fn end(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// The entries under a key.
    #[inline]
    pub(super) fn of(&self, key: u64) -> &[u32] {
        let (_, from, to) = self.places[self.place(key)];
        &self.members[from as usize..to as usize]
    }

    /// Where a key stands, or could.
    #[inline]
    fn place(&self, key: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "as many bits as there are places")]
        let mut place = (key.wrapping_mul(SCATTER) >> self.shift) as usize;
        while self.places[place].0 != 0 && self.places[place].0 != key {
            place = (place + 1) % self.places.len();
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_their_keys() {
        let groups = Groups::new((1..500_u16).flat_map(|key| [(key.into(), 7), (key.into(), 999)]).collect());
        for key in 1..500 {
            assert_eq!(groups.of(key), [7, 999]);
        }
        assert!(groups.of(500).is_empty() && groups.of(0).is_empty());
        assert!(Groups::new(Vec::new()).of(1).is_empty());
    }
}
