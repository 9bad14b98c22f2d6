//! Many words, looked for in a key at once.

/// How many pairs of letters there are, as far as their last five bits tell them apart.
const PAIRS: usize = 1 << 10;

/// Words of small letters and digits, by the first two.
#[derive(Debug)]
pub(super) struct Words<T> {
    /// Where the words of a pair start among `words`, and one more.
    starts: Box<[u16; PAIRS + 1]>,
    words: Vec<(&'static [u8], T)>,
}

impl<T: Copy> Words<T> {
    /// Words and what each of them means. None is a single letter.
    pub(super) fn new(words: impl IntoIterator<Item = (&'static [u8], T)>) -> Self {
        let mut words: Vec<_> = words.into_iter().collect();
        words.sort_by_key(|(word, _)| pair(word[0], word[1]));
        let mut starts = Box::new([0; PAIRS + 1]);
        for (at, start) in starts.iter_mut().enumerate() {
            let before = words.partition_point(|(word, _)| pair(word[0], word[1]) < at);
            *start = u16::try_from(before).expect("there are fewer words than that");
        }
        Self { starts, words }
    }

    /// Tells of every word within these letters where it stands and what it means. Where one starts, those that start
    /// there come in the order in which they were given.
    #[inline]
    pub(super) fn within(&self, letters: &[u8], mut tell: impl FnMut(usize, &'static [u8], T)) {
        for (at, first_two) in letters.windows(2).enumerate() {
            let pair = pair(first_two[0], first_two[1]);
            let (from, to) = (usize::from(self.starts[pair]), usize::from(self.starts[pair + 1]));
            for (word, means) in &self.words[from..to] {
                if letters[at..].starts_with(word) {
                    tell(at, word, *means);
                }
            }
        }
    }
}

/// What two letters have in common with few others.
#[inline]
fn pair(first: u8, second: u8) -> usize {
    usize::from(first & 31) << 5 | usize::from(second & 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [&[u8]; 6] = [b"ab", b"abc", b"b1", b"ca", b"cab", b"1c"];

    proptest! {
        #[test]
        fn all_words_are_found_wherever_they_stand(letters in "[abc1q]{0,12}") {
            let words = Words::new(ALL.into_iter().map(|word| (word, word.len())));
            let mut found = Vec::new();
            words.within(letters.as_bytes(), |at, word, length| {
                assert_eq!(word.len(), length);
                found.push((at, word));
            });
            found.sort_unstable();
            let places = |word: &'static [u8]| {
                let bytes = letters.as_bytes();
                (0..bytes.len()).filter(move |at| bytes[*at..].starts_with(word)).map(move |at| (at, word))
            };
            let mut naive: Vec<_> = ALL.into_iter().flat_map(places).collect();
            naive.sort_unstable();
            prop_assert_eq!(found, naive);
        }
    }
}
