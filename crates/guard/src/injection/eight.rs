//! Eight bytes at a time: where words of ASCII end, without a look at each of their letters.

/// One bit for each of eight bytes, its highest.
const HIGH: u64 = 0x8080_8080_8080_8080;
/// One for each of eight bytes.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The next eight bytes, the first one lowest, with nothing behind the end.
#[inline]
pub(super) fn load(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    }
}

/// The first few of eight bytes.
#[inline]
pub(super) fn first(ahead: u64, length: usize) -> u64 {
    static KEPT: [u64; 9] = {
        let mut kept = [u64::MAX; 9];
        let mut length = 0;
        while length < 8 {
            kept[length] = !(u64::MAX << (8 * length));
            length += 1;
        }
        kept
    };
    ahead & KEPT[length.min(8)]
}

/// A word of ASCII: where it ends and what it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    /// How many bytes it has.
    pub(super) length: usize,
    /// Whether there is a letter in it.
    pub(super) letters: bool,
    /// Whether there is a digit in it.
    pub(super) digits: bool,
}

/// The word that begins there, whose first eight bytes are these: as many letters and digits as there are.
#[inline]
pub(super) fn word(bytes: &[u8], start: usize, ahead: u64) -> Word {
    let mut word = Word { length: 0, letters: false, digits: false };
    let mut eight = ahead;
    loop {
        let (letters, digits) = (letters(eight), digits(eight));
        let others = !(letters | digits) & HIGH;
        // All bytes before the first other one.
        let within = others.wrapping_sub(1) & !others;
        word.letters |= letters & within != 0;
        word.digits |= digits & within != 0;
        word.length += (others.trailing_zeros() / 8) as usize;
        if others != 0 {
            return word;
        }
        eight = load(bytes.get(start + word.length..).unwrap_or_default());
    }
}

/// The highest bit of every byte that is a letter of ASCII.
const fn letters(eight: u64) -> u64 {
    let small = (eight | (ONES * 0x20)) & !HIGH;
    (small + ONES * (0x80 - b'a' as u64)) & !(small + ONES * (0x7F - b'z' as u64)) & !eight & HIGH
}

/// The highest bit of every byte that is a digit of ASCII.
const fn digits(eight: u64) -> u64 {
    let low = eight & !HIGH;
    (low + ONES * (0x80 - b'0' as u64)) & !(low + ONES * (0x7F - b'9' as u64)) & !eight & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let eight = u64::from(byte) << (8 * at);
                let high = 0x80 << (8 * at);
                assert_eq!(letters(eight), if byte.is_ascii_alphabetic() { high } else { 0 }, "{byte}");
                assert_eq!(digits(eight), if byte.is_ascii_digit() { high } else { 0 }, "{byte}");
            }
        }
    }

    #[test]
    fn a_word_ends_where_its_last_letter_does() {
        let word = |text: &str| word(text.as_bytes(), 0, load(text.as_bytes()));
        assert_eq!(word(""), Word { length: 0, letters: false, digits: false });
        assert_eq!(word("ab 1"), Word { length: 2, letters: true, digits: false });
        assert_eq!(word("12345678\u{e9}"), Word { length: 8, letters: false, digits: true });
        assert_eq!(word("abcdefgh1-"), Word { length: 9, letters: true, digits: true });
        assert_eq!(word(&"x".repeat(40)).length, 40);
    }

    #[test]
    fn the_first_few_bytes_are_kept() {
        assert_eq!(first(load(b"abcdefgh"), 2), load(b"ab"));
        assert_eq!(first(load(b"abcdefgh"), 8), load(b"abcdefgh"));
        assert_eq!(load(b"abc"), 0x63_6261);
    }
}
