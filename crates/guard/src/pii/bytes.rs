//! What every byte is to numbers.

/// A digit.
pub(super) const DIGIT: u8 = 1;
/// A letter of ASCII.
pub(super) const LETTER: u8 = 1 << 1;
/// A hexadecimal digit.
pub(super) const HEX: u8 = 1 << 2;
/// A sign that stands between the groups of a number.
pub(super) const SIGN: u8 = 1 << 3;
/// A sign that joins two groups by itself.
pub(super) const JOIN: u8 = 1 << 4;
/// A colon.
pub(super) const COLON: u8 = 1 << 5;
/// A dot.
pub(super) const DOT: u8 = 1 << 6;

static KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        kinds[byte as usize] = match byte {
            b'0'..=b'9' => DIGIT | HEX,
            b'a'..=b'f' | b'A'..=b'F' => LETTER | HEX,
            b'g'..=b'z' | b'G'..=b'Z' => LETTER,
            b'.' => SIGN | JOIN | DOT,
            b' ' | b'-' | b'/' | b'_' | b'(' | b')' | b'*' => SIGN | JOIN,
            b'+' | b'\t' => SIGN,
            b':' => COLON,
            _ => 0,
        };
        byte += 1;
    }
    kinds
}

/// Whether a byte is any of these.
#[inline]
pub(super) fn is(byte: u8, any_of: u8) -> bool {
    KINDS[usize::from(byte)] & any_of != 0
}

/// Whether there is a byte at a place, and it is any of these.
#[inline]
pub(super) fn is_at(bytes: &[u8], at: usize, any_of: u8) -> bool {
    bytes.get(at).is_some_and(|byte| is(*byte, any_of))
}

/// Where bytes of these kinds end that start at a place, at most so many.
#[inline]
pub(super) fn end(bytes: &[u8], from: usize, most: usize, any_of: u8) -> usize {
    let limit = bytes.len().min(from.saturating_add(most));
    let mut at = from;
    while at < limit && is(bytes[at], any_of) {
        at += 1;
    }
    at
}

/// Where bytes of these kinds start that end at a place, at `floor` or later.
#[inline]
pub(super) fn start(bytes: &[u8], to: usize, floor: usize, any_of: u8) -> usize {
    let mut at = to;
    while at > floor && is(bytes[at - 1], any_of) {
        at -= 1;
    }
    at
}

/// Where the first digit, colon or `@` of eight bytes stands.
#[inline]
pub(super) fn anchor(eight: [u8; 8]) -> Option<usize> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const LOW: u64 = !HIGH;
    const ONE: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(eight);
    // In every byte the highest bit is set where what is left of it is more than the sum lets pass.
    let over = |rest: u64, most: u8| ((rest & LOW) + ONE * u64::from(0x7f - most)) | rest;
    let numbers = over(word ^ (ONE * u64::from(b'0')), b':' - b'0');
    let signs = over(word ^ (ONE * u64::from(b'@')), 0);
    let found = !(numbers & signs) & HIGH;
    (found != 0).then(|| (found.trailing_zeros() / 8) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_anchor_is_that_of_a_naive_search(eight: [u8; 8], digit in 0usize..9, byte in b'/'..=b'A') {
            let mut eight = eight;
            if let Some(place) = eight.get_mut(digit) {
                *place = byte;
            }
            let naive = eight.iter().position(|byte| matches!(byte, b'0'..=b':' | b'@'));
            prop_assert_eq!(anchor(eight), naive);
        }
    }

    #[test]
    fn runs_end_where_their_kinds_end() {
        assert_eq!(end(b"a12b", 1, 9, DIGIT), 3);
        assert_eq!(end(b"a12b", 1, 1, DIGIT), 2);
        assert_eq!(end(b"a12", 1, 9, DIGIT | LETTER), 3);
        assert_eq!(start(b"a12b", 3, 0, DIGIT), 1);
        assert_eq!(start(b"a12b", 3, 2, DIGIT), 2);
    }
}
