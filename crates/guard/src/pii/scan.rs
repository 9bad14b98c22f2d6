//! The loop over a text.

use std::ops::Range;

use super::bytes::{DIGIT, LETTER, SIGN};
use super::number::Number;
use super::{Wanted, account, bytes, email, internet, lettered};
use crate::finding::{Certainty, Strictness};
use crate::pii::PiiKind;

/// Something that was found in the plain form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) kind: PiiKind,
    pub(super) span: Range<usize>,
    pub(super) certainty: Certainty,
}

/// One reading of a text.
pub(super) struct Scan<'s> {
    pub(super) text: &'s str,
    pub(super) bytes: &'s [u8],
    pub(super) strictness: Strictness,
    wanted: Wanted,
    hits: Vec<Hit>,
}

/// How many digits are counted at once: longer runs are no numbers, and counting them again and again would cost.
const LONGEST: usize = 64;

/// How many digits the shortest number has.
const SHORTEST: usize = 6;

/// How many bytes are looked at together.
const STRIDE: usize = 32;

impl<'s> Scan<'s> {
    pub(super) fn new(text: &'s str, wanted: Wanted, strictness: Strictness) -> Self {
        Self { text, bytes: text.as_bytes(), strictness, wanted, hits: Vec::new() }
    }

    /// Everything in the text, in order; nothing overlaps.
    pub(super) fn run(mut self) -> Vec<Hit> {
        let mut at = 0;
        while let Some(anchor) = self.next_anchor(at) {
            at = match self.bytes[anchor] {
                b'@' => email::at(&mut self, anchor),
                b':' => internet::at_colon(&mut self, anchor, at),
                _ => self.at_digit(anchor, at),
            }
            .max(anchor + 1);
        }
        self.hits
    }

    /// The next digit, colon or `@`.
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "without branches the compiler can look at many bytes at once"
    )]
    fn next_anchor(&self, mut at: usize) -> Option<usize> {
        let is_anchor = |byte: u8| (byte.wrapping_sub(b'0') <= b':' - b'0') | (byte == b'@');
        // In rows of numbers the next one is near.
        if let Some(near) = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            if let Some(skip) = bytes::anchor(*near) {
                return Some(at + skip);
            }
            at += near.len();
        }
        while let Some(chunk) = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<STRIDE>) {
            let mut any = 0;
            for byte in chunk {
                any |= u8::from(is_anchor(*byte));
            }
            if any != 0 {
                break;
            }
            at += STRIDE;
        }
        while let Some(eight) = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            if let Some(skip) = bytes::anchor(*eight) {
                return Some(at + skip);
            }
            at += eight.len();
        }
        self.bytes.get(at..)?.iter().position(|byte| is_anchor(*byte)).map(|skip| at + skip)
    }

    /// Reads what stands around a digit; says where to go on.
    fn at_digit(&mut self, digit: usize, floor: usize) -> usize {
        let word = bytes::start(self.bytes, digit, floor.max(digit.saturating_sub(24)), DIGIT | LETTER);
        let start = word + usize::from(word < digit && self.is_escape(word + 1));
        let end = bytes::end(self.bytes, digit, LONGEST, DIGIT);
        let next = self.bytes.get(end).copied().unwrap_or(b' ');
        if start == digit && !bytes::is(next, LETTER) {
            if next == b':'
                && end - digit <= 4
                && let Some(end) = internet::version_6(self, start)
            {
                return end;
            }
            // Few digits without others beside them are nothing.
            let beside = end + usize::from(bytes::is(next, SIGN));
            let others = DIGIT | if beside > end { SIGN } else { 0 };
            if end - digit < SHORTEST && !bytes::is_at(self.bytes, beside, others) {
                return end;
            }
            return self.at_number(digit, floor);
        }
        let colon = bytes::end(self.bytes, end, usize::MAX, DIGIT | LETTER);
        if let Some(end) = account::iban(self, start).or_else(|| lettered::at(self, start, colon - start)) {
            return end;
        }
        if start == digit && matches!(next, b'x' | b'X') {
            return Number::read(self.bytes, digit, floor).decide(self);
        }
        if colon - start <= 4
            && self.bytes.get(colon) == Some(&b':')
            && let Some(end) = internet::version_6(self, start)
        {
            return end;
        }
        colon
    }

    /// Reads groups of digits that no letter stands before.
    fn at_number(&mut self, digit: usize, floor: usize) -> usize {
        let number = Number::read(self.bytes, digit, floor);
        // Letters may belong to it that stand apart: `AB 12 34 56 C`, `131052-308T`.
        let before = digit >= 2 && bytes::is(self.bytes[digit - 2], LETTER);
        let sign_after = usize::from(matches!(self.bytes.get(number.end()), Some(b'-' | b' ')));
        if (number.count() <= 3 || before) && bytes::is_at(self.bytes, number.end() + sign_after, LETTER) {
            for back in [0, 2, 3] {
                if digit >= floor + back
                    && self.text.is_char_boundary(digit - back)
                    && let head = lettered::head(self.bytes, digit - back)
                    && let Some(end) = lettered::at(self, digit - back, head)
                {
                    return end;
                }
            }
        }
        number.decide(self)
    }

    /// Whether a kind is looked for, and so much certainty enough.
    pub(super) fn accepts(&self, kind: PiiKind, certainty: Certainty) -> bool {
        self.wants(kind) && self.strictness.accepts(certainty)
    }

    /// Whether a kind is looked for.
    pub(super) fn wants(&self, kind: PiiKind) -> bool {
        self.wanted.has(kind)
    }

    /// Notes what was found, if that much certainty is enough; says whether it was.
    pub(super) fn push(&mut self, kind: PiiKind, span: Range<usize>, certainty: Certainty) -> bool {
        let counts = self.strictness.accepts(certainty);
        if counts && self.wants(kind) {
            // An address may hold a number that was found before its `@` was seen.
            while self.hits.last().is_some_and(|last| last.span.end > span.start) {
                self.hits.pop();
            }
            self.hits.push(Hit { kind, span, certainty });
        }
        counts
    }

    /// The character before a place.
    pub(super) fn before(&self, at: usize) -> Option<char> {
        self.text[..at].chars().next_back()
    }

    /// The character at a place.
    pub(super) fn after(&self, at: usize) -> Option<char> {
        self.text[at..].chars().next()
    }

    /// Whether what stands before a place is an escaped space or end of a line, `\n`, as in quoted text.
    pub(super) fn is_escape(&self, at: usize) -> bool {
        at >= 2 && self.bytes[at - 2] == b'\\' && matches!(self.bytes[at - 1], b'n' | b'r' | b't')
    }

    /// Whether a span is not a part of a longer word.
    pub(super) fn stands_alone(&self, span: &Range<usize>) -> bool {
        let is_word = |c: char| is_word(c) || c == '_';
        (!self.before(span.start).is_some_and(is_word) || self.is_escape(span.start))
            && !self.after(span.end).is_some_and(is_word)
    }
}

/// Whether a character may belong to the same word as a digit beside it: not where words have no spaces
/// between them.
pub(super) fn is_word(c: char) -> bool {
    let unspaced = matches!(c, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{2E80}'..='\u{D7FF}');
    c.is_alphanumeric() && !unspaced
}
