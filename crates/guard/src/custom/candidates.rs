//! Where in a text matches of many patterns may start, in one pass.

use super::starts::{LENGTH, Starts};

/// How many kinds of starts are told apart.
const KINDS: usize = 64;

/// At how many places at most, of so many, a kind is noted: what starts everywhere is not worth it.
const ONE_OF: usize = 16;

/// Looks for the starts of many patterns at once.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    /// For each of the first places, the kinds that may have a byte there.
    places: Box<[[u64; 256]; LENGTH]>,
    kinds: usize,
}

/// Where matches of a kind may start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) places: Vec<usize>,
    /// Whether there are more behind the last of them.
    pub(super) more: bool,
}

impl Candidates {
    /// Looks for these; says which kind each of them is. With more than there are kinds, some share one.
    pub(super) fn new(starts: &[Starts]) -> (Self, Vec<usize>) {
        let mut sorted: Vec<&Starts> = starts.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        // Neighbours have most in common.
        let share = sorted.len().div_ceil(KINDS).max(1);
        let kind = |starts: &Starts| sorted.binary_search(&starts).map_or(0, |at| at / share);
        let of_each: Vec<usize> = starts.iter().map(kind).collect();
        let mut places = Box::new([[0; 256]; LENGTH]);
        for (starts, kind) in starts.iter().zip(&of_each) {
            for (place, kinds) in places.iter_mut().enumerate() {
                for (byte, kinds) in (0..=u8::MAX).zip(kinds) {
                    *kinds |= u64::from(starts.at(place).has(byte)) << kind;
                }
            }
        }
        (Self { places, kinds: sorted.len().div_ceil(share) }, of_each)
    }

    /// Where each kind may start.
    pub(super) fn within(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found = vec![Found::default(); self.kinds];
        let most = bytes.len() / ONE_OF + 1;
        // The kinds that are still looked for.
        let mut live = u64::MAX;
        let [first, second, ..] = &*self.places;
        for (at, two) in bytes.windows(2).enumerate() {
            let both = first[usize::from(two[0])] & second[usize::from(two[1])] & live;
            if both != 0 {
                live &= !self.note(bytes, at, both, most, &mut found);
            }
        }
        // What ends with the text may be a whole match of one byte.
        if let Some((last, before)) = bytes.split_last() {
            self.note(bytes, before.len(), first[usize::from(*last)] & live, most, &mut found);
        }
        found
    }

    /// Notes which of some kinds may start at a place; tells which of them start at too many.
    fn note(&self, bytes: &[u8], at: usize, kinds: u64, most: usize, found: &mut [Found]) -> u64 {
        let mut kinds = bytes[at..]
            .iter()
            .zip(&*self.places)
            .fold(kinds, |kinds, (byte, place)| kinds & place[usize::from(*byte)]);
        let mut full = 0;
        while kinds != 0 {
            let kind = kinds.trailing_zeros() as usize;
            kinds &= kinds - 1;
            let found = &mut found[kind];
            found.places.push(at);
            if found.places.len() == most {
                found.more = true;
                full |= 1 << kind;
            }
        }
        full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(patterns: &[&str]) -> (Candidates, Vec<usize>) {
        let starts = |pattern: &&str| {
            let parsed = regex_syntax::parse(pattern).expect("pattern is sound");
            Starts::of(&parsed, 1 << 20).expect("its matches start like nothing else")
        };
        Candidates::new(&patterns.iter().map(starts).collect::<Vec<_>>())
    }

    #[test]
    fn every_kind_is_found_where_it_may_start() {
        let (candidates, kinds) = candidates(&[r"[A-Z]{2}\d{2}", r"\d{3}-\d", r"[A-Z]{2}\d\d"]);
        assert_eq!(kinds[0], kinds[2], "they start alike");
        let found = candidates.within(b"see AB12, 123-4 and CD99, then");
        assert_eq!(found[kinds[0]].places, [4, 20]);
        assert_eq!(found[kinds[1]].places, [10]);
    }

    #[test]
    fn what_starts_everywhere_is_not_noted_everywhere() {
        let (candidates, _) = candidates(&[r"\d{4}"]);
        let found = candidates.within(&[b'1'; 3200]);
        assert_eq!((found[0].places.len(), found[0].more), (201, true));
    }

    #[test]
    fn many_kinds_share_places() {
        let patterns: Vec<String> = (0..200).map(|number| format!("[A-Z]{number:03}[a-z]")).collect();
        let (candidates, kinds) = candidates(&patterns.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(candidates.kinds <= KINDS && kinds.iter().all(|kind| *kind < KINDS));
        for (number, kind) in kinds.iter().enumerate() {
            let text = format!("some X{number:03}y");
            assert_eq!(candidates.within(text.as_bytes())[*kind].places, [5], "{text}");
        }
    }
}
