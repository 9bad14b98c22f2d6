//! Texts as JSON writes them: decoding, encoding, and which character stands where.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2};

/// What stands for half of a character that has no other half.
const BROKEN: char = char::REPLACEMENT_CHARACTER;

/// The first quote or backslash. Where escapes are many they are near, and a call costs more than a
/// look at eight bytes at once.
#[inline]
pub(crate) fn special(bytes: &[u8]) -> Option<usize> {
    const NEAR: usize = 32;
    let (mut rest, mut at) = (bytes, 0);
    while let Some((word, behind)) = rest.split_first_chunk::<8>().filter(|_| at < NEAR) {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        (rest, at) = (behind, at + 8);
    }
    memchr2(b'"', b'\\', rest).map(|found| at + found)
}

const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);

/// The highest bit of every byte that is zero; only the first of them is sure.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(u64::from_le_bytes([1; 8])) & !word & u64::from_le_bytes([0x80; 8])
}

/// One unit of what stands between the quotes: a run without escapes, or one character by an escape
/// or two.
pub(crate) enum Unit<'a> {
    Run(&'a str),
    Escaped {
        /// The bytes of the escapes.
        length: usize,
        character: char,
    },
}

impl Unit<'_> {
    fn raw_length(&self) -> usize {
        match self {
            Unit::Run(run) => run.len(),
            Unit::Escaped { length, .. } => *length,
        }
    }

    fn length(&self) -> usize {
        match self {
            Unit::Run(run) => run.len(),
            Unit::Escaped { character, .. } => character.len_utf8(),
        }
    }
}

/// The units of what stands between the quotes of a well-formed text.
pub(crate) struct Units<'a> {
    pub(crate) rest: &'a str,
}

impl<'a> Iterator for Units<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        let run = special(self.rest.as_bytes()).unwrap_or(self.rest.len());
        if run > 0 {
            let (run, rest) = self.rest.split_at(run);
            self.rest = rest;
            return Some(Unit::Run(run));
        }
        if self.rest.is_empty() {
            return None;
        }
        let (length, character) = escaped(self.rest.as_bytes());
        self.rest = self.rest.get(length..).unwrap_or_default();
        Some(Unit::Escaped { length, character })
    }
}

/// How long an escape is, and what it stands for.
#[inline]
fn escaped(bytes: &[u8]) -> (usize, char) {
    match bytes.get(1) {
        Some(b'n') => (2, '\n'),
        Some(b't') => (2, '\t'),
        Some(b'r') => (2, '\r'),
        Some(b'b') => (2, '\u{8}'),
        Some(b'f') => (2, '\u{c}'),
        Some(b'u') => by_code(bytes),
        Some(other) => (2, char::from(*other)),
        None => (1, BROKEN),
    }
}

/// The character that `\uXXXX` or two of them stand for.
fn by_code(bytes: &[u8]) -> (usize, char) {
    let high = code(bytes).unwrap_or_default();
    if let Some(character) = char::from_u32(high) {
        return (6, character);
    }
    let low = bytes.get(6..).filter(|rest| rest.starts_with(b"\\u")).and_then(code);
    match low.and_then(|low| joined(high, low)) {
        Some(character) => (12, character),
        None => (6, BROKEN),
    }
}

/// The number of a `\uXXXX`.
pub(crate) fn code(escape: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(escape.get(2..6)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

/// The character of two halves.
pub(crate) fn joined(high: u32, low: u32) -> Option<char> {
    let is_pair = (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low);
    is_pair.then(|| 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)).and_then(char::from_u32)
}

/// The text of what stands between quotes. Half a character becomes U+FFFD.
pub(crate) fn decoded(raw: &str) -> Cow<'_, str> {
    if memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(run) = special(rest.as_bytes()) {
        text.push_str(&rest[..run]);
        let escape = &rest.as_bytes()[run..];
        let (length, character) = escaped(escape);
        text.push(character);
        rest = rest.get(run + length..).unwrap_or_default();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Writes a text as it stands between quotes.
pub(crate) fn encode(text: &str, out: &mut String) {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(&text[done..at]);
        out.push_str(short);
        if short.is_empty() {
            out.push_str("\\u00");
            for half in [byte >> 4, byte & 0xf] {
                out.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
            }
        }
        done = at + 1;
    }
    out.push_str(&text[done..]);
}

/// Finds where spans of a text stand in what is written between the quotes. Asked in order.
pub(crate) struct Placer<'a> {
    units: Units<'a>,
    unit: Option<Unit<'a>>,
    /// Where the unit begins as written, and in the text.
    raw: usize,
    text: usize,
}

impl<'a> Placer<'a> {
    pub(crate) fn new(raw: &'a str) -> Self {
        let mut units = Units { rest: raw };
        Self { unit: units.next(), units, raw: 0, text: 0 }
    }

    /// Where `span` of the text is written. What begins or ends inside of a character includes it.
    pub(crate) fn place(&mut self, span: Range<usize>) -> Range<usize> {
        let start = self.seek(span.start, false);
        start..self.seek(span.end, true).max(start)
    }

    fn seek(&mut self, offset: usize, is_end: bool) -> usize {
        while let Some(unit) = &self.unit {
            let length = unit.length();
            if self.text + length > offset {
                let inside = offset.saturating_sub(self.text);
                return self.raw
                    + match unit {
                        Unit::Run(run) if is_end => ceil(run, inside),
                        Unit::Run(run) => floor(run, inside),
                        Unit::Escaped { length, .. } if is_end && inside > 0 => *length,
                        Unit::Escaped { .. } => 0,
                    };
            }
            self.raw += unit.raw_length();
            self.text += length;
            self.unit = self.units.next();
        }
        self.raw
    }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn ceil(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &str) -> String {
        let mut out = String::new();
        encode(text, &mut out);
        out
    }

    #[test]
    fn escapes_are_read() {
        assert_eq!(
            decoded(r#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z"#),
            "a\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600}z"
        );
        assert!(matches!(decoded("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn half_a_character_is_one_that_nobody_can_read() {
        assert_eq!(decoded(r"\ud83dx"), "\u{fffd}x");
        assert_eq!(decoded(r"\ude00\ud83d"), "\u{fffd}\u{fffd}");
        assert_eq!(decoded(r"\ud83d\ud83d\ude00"), "\u{fffd}\u{1f600}");
        assert_eq!(decoded(r"\ud83d\u0041"), "\u{fffd}A");
    }

    #[test]
    fn spans_are_found_behind_escapes() {
        let raw = r"a\n\ud83d\ude00b\u00e9";
        assert_eq!(decoded(raw), "a\n\u{1f600}b\u{e9}");
        let place = |span| &raw[Placer::new(raw).place(span)];
        assert_eq!(place(0..1), "a");
        assert_eq!(place(1..2), r"\n");
        assert_eq!(place(2..6), r"\ud83d\ude00");
        assert_eq!(place(3..4), r"\ud83d\ude00", "a character is whole");
        assert_eq!(place(6..9), r"b\u00e9");
        assert_eq!(place(1..1), "");
        assert_eq!(place(9..9), "");
    }

    proptest! {
        #[test]
        fn what_is_special_is_found(text in "[a!#\\[\\]\u{a2}\u{80}]{0,50}[a\"\\\\]{0,20}") {
            prop_assert_eq!(special(text.as_bytes()), text.find(['"', '\\']));
        }

        #[test]
        fn what_is_written_is_read(text in any::<String>()) {
            let literal = encoded(&text);
            prop_assert_eq!(decoded(&literal), &*text);
            prop_assert_eq!(serde_json::from_str::<String>(&format!("\"{literal}\"")).unwrap(), text);
        }
    }
}
