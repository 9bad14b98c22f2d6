//! Groups of digits that may be one number.

use std::ops::Range;

use super::bytes::{DIGIT, JOIN, LETTER, SIGN};
use super::scan::Scan;
use super::{bytes, card, internet, national, phone, security};
use crate::pii::PiiKind;

/// How many groups are read together.
const GROUPS: usize = 24;
/// How long they may be together, in bytes.
const LENGTH: usize = 200;
/// How many groups stand beside each other in a table or a dump, but not in a number.
const MANY: usize = 12;

/// Groups of digits with the signs between them that numbers are written with.
#[derive(Debug)]
pub(super) struct Number {
    /// Where each group begins and ends, from the first on.
    groups: [(u8, u8); GROUPS],
    count: usize,
    first: usize,
    /// Where it begins: at a `+` or `(` before the first digit, if there is one.
    start: usize,
}

impl Number {
    /// Reads from the first digit; what comes before `floor` belongs to something else.
    pub(super) fn read(bytes: &[u8], first: usize, floor: usize) -> Self {
        let mut number = Self { groups: [(0, 0); GROUPS], count: 0, first, start: first };
        for sign in [b'(', b'+', b'('] {
            if number.start > floor && bytes[number.start - 1] == sign {
                number.start -= 1;
            }
        }
        let place = |at: usize| u8::try_from(at - first).unwrap_or(u8::MAX);
        let mut at = first;
        while number.count < GROUPS {
            let end = bytes::end(bytes, at, LENGTH - (at - first), DIGIT);
            // After a space, digits with letters behind them are a word: a byte of a dump, a quantity.
            let letter =
                bytes.get(end).is_some_and(|byte| bytes::is(*byte, LETTER) && !matches!(byte, b'x' | b'X'));
            if number.count > 0 && letter && bytes[at - 1] == b' ' {
                break;
            }
            number.groups[number.count] = (place(at), place(end));
            number.count += 1;
            at = bytes::end(bytes, end, 4, SIGN);
            let joined = match at - end {
                0 => false,
                1 => bytes::is(bytes[end], JOIN),
                _ => joins(&bytes[end..at]),
            };
            if !joined || !bytes::is_at(bytes, at, DIGIT) || at - first >= LENGTH {
                break;
            }
        }
        number
    }

    /// Whether a sign stands before the first digit.
    pub(super) fn is_signed(&self) -> bool {
        self.start < self.first
    }

    /// How many groups there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The digits of a group.
    pub(super) fn digits<'b>(&self, bytes: &'b [u8], group: usize) -> &'b [u8] {
        &bytes[self.span(group..group + 1)]
    }

    /// How long a group is.
    pub(super) fn len(&self, group: usize) -> usize {
        usize::from(self.groups[group].1 - self.groups[group].0)
    }

    /// What stands between a group and the next.
    pub(super) fn gap<'b>(&self, bytes: &'b [u8], group: usize) -> &'b [u8] {
        &bytes[self.first + usize::from(self.groups[group].1)
            ..self.first + usize::from(self.groups[group + 1].0)]
    }

    /// Where groups stand, without signs around them.
    pub(super) fn span(&self, groups: Range<usize>) -> Range<usize> {
        self.first + usize::from(self.groups[groups.start].0)
            ..self.first + usize::from(self.groups[groups.end - 1].1)
    }

    /// Where groups stand, with the signs before them.
    pub(super) fn signed(&self, bytes: &[u8], groups: Range<usize>) -> Range<usize> {
        let Range { start, end } = self.span(groups.clone());
        if groups.start == 0 {
            return self.start..end;
        }
        start - usize::from(bytes[start - 1] == b'(')..end
    }

    /// Where it ends.
    pub(super) fn end(&self) -> usize {
        self.first + usize::from(self.groups[self.count - 1].1)
    }

    /// Whether groups are bordered by spaces or by the ends of the number.
    pub(super) fn is_apart(&self, bytes: &[u8], groups: &Range<usize>, within: &Range<usize>) -> bool {
        let loose = |gap: &[u8]| matches!(gap, b" " | b" (" | b") " | b" - ");
        (groups.start == within.start || loose(self.gap(bytes, groups.start - 1)))
            && (groups.end == within.end || loose(self.gap(bytes, groups.end - 1)))
    }

    /// Says what the number is; where to go on after it.
    pub(super) fn decide(&self, reading: &mut Scan<'_>) -> usize {
        let mut end = self.end();
        if self.count <= MANY {
            self.part(reading, 0..self.count, &mut end);
            return end;
        }
        // A row of a table or a dump: what spaces divide are numbers of their own.
        let mut start = 0;
        for last in 0..self.count {
            if last + 1 == self.count || self.gap(reading.bytes, last) == b" " {
                self.part(reading, start..last + 1, &mut end);
                start = last + 1;
            }
        }
        end
    }

    /// Says what a part of the groups is, and then what the parts before and after it are.
    fn part(&self, reading: &mut Scan<'_>, part: Range<usize>, end: &mut usize) {
        let digits: usize = part.clone().map(|group| self.len(group)).sum();
        if digits < 6 && part.len() < 4 {
            return;
        }
        if let Some(date) = self.date(reading.bytes, part.clone()) {
            self.part(reading, part.start..date.start, end);
            self.part(reading, date.end..part.end, end);
            return;
        }
        let Some(found) = self.find(reading, &part, digits) else { return };
        self.part(reading, part.start..found.groups.start, end);
        if let Some(kind) = found.kind {
            *end = (*end).max(found.span.end);
            reading.push(kind, found.span, found.certainty);
        }
        self.part(reading, found.groups.end..part.end, end);
    }

    /// The first kind that fits so many digits.
    fn find(&self, reading: &Scan<'_>, part: &Range<usize>, digits: usize) -> Option<Found> {
        if part.len() >= 4
            && let Some(found) = address(reading, self, part.clone())
        {
            return Some(found);
        }
        if digits < 6 || self.is_among_bytes(reading.bytes) {
            return None;
        }
        let card = || card::find(reading, self, part.clone());
        let person = || {
            national::find(reading, self, part.clone())
                .or_else(|| security::find(reading, self, part.clone()))
        };
        let phone = || phone::find(reading, self, part.clone());
        (digits >= 12)
            .then(card)
            .flatten()
            .or_else(|| (digits >= 9 || (digits == 8 && part.len() == 4)).then(person).flatten())
            .or_else(phone)
    }

    /// Whether hexadecimal digits stand beside it, as in a dump.
    fn is_among_bytes(&self, bytes: &[u8]) -> bool {
        let hex = |part: Option<&[u8]>| {
            part.is_some_and(|part| {
                let letters = part.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
                part.iter().all(u8::is_ascii_hexdigit)
                    && letters > 0
                    && (letters < part.len() || part.iter().all(|byte| *byte == b'f'))
            })
        };
        let (start, end) = (self.start, self.end());
        let word = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
        [2, 4].into_iter().any(|length| {
            let before = start > length
                && bytes[start - 1] == b' '
                && hex(bytes.get(start - 1 - length..start - 1))
                && !start.checked_sub(length + 2).is_some_and(word);
            let after = bytes.get(end) == Some(&b' ')
                && hex(bytes.get(end + 1..end + 1 + length))
                && !word(end + 1 + length);
            before || after
        })
    }

    /// The first three groups that are a date.
    fn date(&self, bytes: &[u8], part: Range<usize>) -> Option<Range<usize>> {
        (part.start..part.end.saturating_sub(2)).map(|at| at..at + 3).find(|groups| {
            // The number of a Belgian goes on after the day of birth.
            if groups.end + 2 == part.end && (self.len(groups.end), self.len(groups.end + 1)) == (3, 2) {
                return false;
            }
            let gap = self.gap(bytes, groups.start);
            matches!(gap, b"-" | b"." | b"/")
                && gap == self.gap(bytes, groups.start + 1)
                && (groups.start == part.start || gap != self.gap(bytes, groups.start - 1))
                && (groups.end == part.end || gap != self.gap(bytes, groups.end - 1))
                && is_date(groups.clone().map(|group| self.digits(bytes, group)))
        })
    }
}

/// What groups of a number are.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) groups: Range<usize>,
    pub(super) span: Range<usize>,
    /// Nothing, where it is known what it is and it is no data of a person.
    pub(super) kind: Option<PiiKind>,
    pub(super) certainty: crate::finding::Certainty,
}

fn address(reading: &Scan<'_>, number: &Number, part: Range<usize>) -> Option<Found> {
    let (groups, certainty) = internet::version_4(reading, number, part)?;
    let kind = Some(PiiKind::IpAddress).filter(|kind| reading.accepts(*kind, certainty));
    Some(Found { span: number.span(groups.clone()), groups, kind, certainty })
}

/// Whether two signs or more stand within a number, and not between two.
fn joins(signs: &[u8]) -> bool {
    matches!(
        signs,
        b" - "
            | b") "
            | b")-"
            | b")/"
            | b") - "
            | b" ("
            | b"-("
            | b"/("
            | b" / "
            | b".("
            | b")."
            | b") ("
            | b")("
            | b" -"
            | b"- "
            | b")/ "
            | b"/ "
    )
}

fn is_date<'b>(mut groups: impl Iterator<Item = &'b [u8]>) -> bool {
    let value = |digits: &[u8]| digits.iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    let (Some(a), Some(b), Some(c)) = (groups.next(), groups.next(), groups.next()) else { return false };
    let short = |digits: &[u8]| (1..=2).contains(&digits.len());
    let part = |digits: &[u8], most: u32| short(digits) && (1..=most).contains(&value(digits));
    let year = |digits: &[u8]| digits.len() == 4 && (1000..=2199).contains(&value(digits));
    let day_and_month = |a: &[u8], b: &[u8]| (part(a, 31) && part(b, 12)) || (part(a, 12) && part(b, 31));
    (year(a) && day_and_month(b, c))
        || ((year(c) || c.len() == 2) && day_and_month(a, b))
        || (a.len() == 2 && short(a) && day_and_month(b, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(text: &str) -> Vec<&str> {
        let Some(first) = text.find(|c: char| c.is_ascii_digit()) else { return Vec::new() };
        let number = Number::read(text.as_bytes(), first, 0);
        (0..number.count()).map(|group| &text[number.span(group..group + 1)]).collect()
    }

    #[test]
    fn groups_are_joined_by_the_signs_of_numbers() {
        assert_eq!(groups("+49 (0)89 / 123-45 67, 8"), ["49", "0", "89", "123", "45", "67"]);
        assert_eq!(groups("in 2019. 10 people"), ["2019"]);
        assert_eq!(groups("1, 2"), ["1"]);
    }

    #[test]
    fn dates_are_told_from_numbers() {
        let date = |text: &str| {
            let number = Number::read(text.as_bytes(), 0, 0);
            number.date(text.as_bytes(), 0..number.count())
        };
        assert_eq!(date("2019-06-12"), Some(0..3));
        assert_eq!(date("08/23/1994"), Some(0..3));
        assert_eq!(date("31.12.99 18"), Some(0..3));
        assert_eq!(date("123-45-6789"), None);
        assert_eq!(date("02.27.96.63.08"), None);
    }
}
