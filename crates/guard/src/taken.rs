//! Which parts of a text something stands in already.

use std::collections::BTreeMap;
use std::ops::Range;

/// The parts of a text that are taken, each by a kind. However many there are, asking for one costs little.
#[derive(Debug)]
pub(crate) struct Taken<K>(BTreeMap<(K, usize), usize>);

impl<K> Default for Taken<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone> Taken<K> {
    /// Takes a part, which may reach over others of the kind.
    pub(crate) fn add(&mut self, kind: K, part: &Range<usize>) {
        if part.is_empty() {
            return;
        }
        let (mut start, mut end) = (part.start, part.end);
        while let Some((known, known_end)) = self.last_before(&kind, end)
            && known_end > start
        {
            start = start.min(known);
            end = end.max(known_end);
            self.0.remove(&(kind.clone(), known));
        }
        self.0.insert((kind, start), end);
    }

    /// Whether anything of a kind stands in a part.
    pub(crate) fn meets(&self, kind: &K, part: &Range<usize>) -> bool {
        self.last_before(kind, part.end).is_some_and(|(_, end)| end > part.start)
    }

    /// The last part of a kind that starts before a place.
    fn last_before(&self, kind: &K, place: usize) -> Option<(usize, usize)> {
        let mut before = self.0.range((kind.clone(), 0)..(kind.clone(), place));
        before.next_back().map(|((_, start), end)| (*start, *end))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_meet_those_that_they_overlap(
            parts in prop::collection::vec((0..2_u8, 0..40_usize, 0..9_usize), 0..12),
            kind in 0..2_u8,
            start in 0..50_usize,
            length in 1..9_usize,
        ) {
            let mut taken = Taken::default();
            for (kind, start, length) in &parts {
                taken.add(*kind, &(*start..start + length));
            }
            let end = start + length;
            let naive = parts.iter().any(|(of, from, length)| *of == kind && *length > 0 && *from < end && start < from + length);
            prop_assert_eq!(taken.meets(&kind, &(start..end)), naive);
        }
    }
}
