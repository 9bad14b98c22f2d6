//! Sets of ASCII bytes, each a mask over sixteen atoms.

/// A set of ASCII bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class(u16);

const UPPER_HEX: Class = Class(1);
const UPPER_REST: Class = Class(1 << 1);
const LOWER_HEX: Class = Class(1 << 2);
const LOWER_REST: Class = Class(1 << 3);
const ZERO_ONE: Class = Class(1 << 4);
const TWO_TO_SEVEN: Class = Class(1 << 5);
const EIGHT_NINE: Class = Class(1 << 6);
pub(super) const DASH: Class = Class(1 << 7);
pub(super) const UNDERSCORE: Class = Class(1 << 8);
pub(super) const DOT: Class = Class(1 << 9);
pub(super) const PLUS: Class = Class(1 << 10);
pub(super) const SLASH: Class = Class(1 << 11);
pub(super) const EQUALS: Class = Class(1 << 12);
pub(super) const TILDE: Class = Class(1 << 13);
pub(super) const PERCENT: Class = Class(1 << 14);
pub(super) const QUOTE: Class = Class(1 << 15);

pub(super) const UPPER: Class = UPPER_HEX.or(UPPER_REST);
pub(super) const LOWER: Class = LOWER_HEX.or(LOWER_REST);
pub(super) const DIGIT: Class = ZERO_ONE.or(TWO_TO_SEVEN).or(EIGHT_NINE);
pub(super) const ALPHA: Class = UPPER.or(LOWER);
pub(super) const ALNUM: Class = ALPHA.or(DIGIT);
/// The digits of RFC 4648's base32.
pub(super) const BASE32: Class = UPPER.or(TWO_TO_SEVEN);
pub(super) const UPPER_DIGIT: Class = UPPER.or(DIGIT);
pub(super) const LOWER_DIGIT: Class = LOWER.or(DIGIT);
/// Hexadecimal digits, lower case.
pub(super) const HEX: Class = LOWER_HEX.or(DIGIT);
/// Hexadecimal digits of either case.
pub(super) const ANY_HEX: Class = HEX.or(UPPER_HEX);
pub(super) const BASE64: Class = ALNUM.or(PLUS).or(SLASH);
/// The digits of base64url.
pub(super) const URL: Class = ALNUM.or(DASH).or(UNDERSCORE);
/// The bytes of which a run is made: what stands in tokens, and not between them.
pub(super) const RUN: Class = URL.or(DOT).or(PLUS).or(SLASH).or(TILDE);

/// What every byte is.
static ATOMS: [u16; 256] = atoms();

const fn atoms() -> [u16; 256] {
    let mut atoms = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        atoms[byte as usize] = match byte {
            b'A'..=b'F' => UPPER_HEX.0,
            b'G'..=b'Z' => UPPER_REST.0,
            b'a'..=b'f' => LOWER_HEX.0,
            b'g'..=b'z' => LOWER_REST.0,
            b'0' | b'1' => ZERO_ONE.0,
            b'2'..=b'7' => TWO_TO_SEVEN.0,
            b'8' | b'9' => EIGHT_NINE.0,
            b'-' => DASH.0,
            b'_' => UNDERSCORE.0,
            b'.' => DOT.0,
            b'+' => PLUS.0,
            b'/' => SLASH.0,
            b'=' => EQUALS.0,
            b'~' => TILDE.0,
            b'%' => PERCENT.0,
            b'"' | b'\'' | b'`' => QUOTE.0,
            _ => 0,
        };
        byte += 1;
    }
    atoms
}

impl Class {
    /// Nothing at all.
    pub(super) const NONE: Self = Self(0);

    /// What is in either.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a byte is in it.
    #[inline]
    pub(super) fn has(self, byte: u8) -> bool {
        ATOMS[usize::from(byte)] & self.0 != 0
    }

    /// Whether the two share a byte.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all of another is in it.
    pub(super) const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The smallest set of atoms that a byte is in.
    #[inline]
    pub(super) fn of(byte: u8) -> Self {
        Self(ATOMS[usize::from(byte)])
    }

    /// The atoms of all bytes of a text.
    pub(super) fn of_all(bytes: &[u8]) -> Self {
        bytes.iter().fold(Self::NONE, |all, byte| all.or(Self::of(*byte)))
    }

    /// Where the run of its bytes ends that starts at `start`, at most `most` bytes later.
    #[inline]
    pub(super) fn end(self, bytes: &[u8], start: usize, most: usize) -> usize {
        let limit = bytes.len().min(start.saturating_add(most));
        let mut at = start;
        while at < limit && self.has(bytes[at]) {
            at += 1;
        }
        at
    }

    /// The same without a limit, and what the run is made of.
    #[inline]
    pub(super) fn run(self, bytes: &[u8], start: usize) -> (usize, Self) {
        let (mut at, mut all) = (start, Self::NONE);
        while let Some(byte) = bytes.get(at) {
            let atom = Self::of(*byte);
            if !self.meets(atom) {
                break;
            }
            all = all.or(atom);
            at += 1;
        }
        (at, all)
    }

    /// Where the run of its bytes starts that ends at `end`, at `floor` or later.
    #[inline]
    pub(super) fn start(self, bytes: &[u8], end: usize, floor: usize) -> usize {
        let mut at = end;
        while at > floor && self.has(bytes[at - 1]) {
            at -= 1;
        }
        at
    }

    /// Whether all bytes of a text are in it.
    pub(super) fn holds(self, bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| self.has(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_say() {
        assert!(BASE32.holds(b"AZ27") && !BASE32.has(b'1') && !BASE32.has(b'8') && !BASE32.has(b'a'));
        assert!(HEX.holds(b"09af") && !HEX.has(b'F') && ANY_HEX.has(b'F') && !ANY_HEX.has(b'g'));
        assert!(RUN.holds(b"aZ9-_.+/~") && !RUN.has(b'=') && !RUN.has(b' ') && !RUN.has(0xc3));
        assert!(Class::of_all(b"a1").meets(DIGIT) && !Class::of_all(b"ab").meets(DIGIT));
    }

    #[test]
    fn runs_end_where_the_class_ends() {
        assert_eq!(DIGIT.end(b"a123b", 1, 9), 4);
        assert_eq!(DIGIT.end(b"a123b", 1, 2), 3);
        assert_eq!(DIGIT.end(b"a123", 4, 9), 4);
        assert_eq!(DIGIT.start(b"a123", 4, 0), 1);
        assert_eq!(DIGIT.start(b"a123", 4, 2), 2);
    }
}
