//! Groups of digits, looked at as a telephone number.

use std::ops::Range;

use super::extension;
use crate::finding::Certainty;
use crate::pii::PiiKind;
use crate::pii::context::labels_phone;
use crate::pii::number::{Found, Number};
use crate::pii::plans::{country, is_north_american};
use crate::pii::scan::{Scan, is_word};

/// How many digits the longest number has, with the noughts before a country code.
const LONGEST: usize = 18;

/// Whose numbers are written like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    NorthAmerican,
    German,
    /// With the nought of a trunk, which German numbers have too.
    Trunk,
    Other,
}

impl Plan {
    fn of(code: u16) -> Self {
        match code {
            1 => Self::NorthAmerican,
            49 => Self::German,
            _ => Self::Other,
        }
    }

    /// The kind it is found as: the most telling of those that are looked for.
    pub(super) fn kind(self, reading: &Scan<'_>) -> Option<PiiKind> {
        let kinds: &[PiiKind] = match self {
            Self::NorthAmerican => &[PiiKind::PhoneUs, PiiKind::PhoneGeneric],
            Self::German => &[PiiKind::PhoneDe, PiiKind::PhoneGeneric],
            Self::Trunk => &[PiiKind::PhoneGeneric, PiiKind::PhoneDe],
            Self::Other => &[PiiKind::PhoneGeneric],
        };
        kinds.iter().copied().find(|kind| reading.wants(*kind))
    }
}

/// Groups that may be a number.
pub(super) struct Candidate<'n> {
    reading: &'n Scan<'n>,
    number: &'n Number,
    pub(super) groups: Range<usize>,
    digits: [u8; LONGEST],
    pub(super) count: usize,
    plus: bool,
}

impl<'n> Candidate<'n> {
    pub(super) fn read(reading: &'n Scan<'n>, number: &'n Number, groups: Range<usize>) -> Option<Self> {
        let mut digits = [0; LONGEST];
        let mut count = 0;
        for group in groups.clone() {
            let more = number.digits(reading.bytes, group);
            digits.get_mut(count..count + more.len())?.copy_from_slice(more);
            count += more.len();
        }
        let first = number.span(groups.clone()).start;
        let plus = reading.bytes[number.signed(reading.bytes, groups.clone()).start..first].contains(&b'+');
        Some(Self { reading, number, groups, digits, count, plus })
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.count]
    }

    pub(super) fn start(&self) -> usize {
        self.number.signed(self.reading.bytes, self.groups.clone()).start
    }

    /// How long each group is, as far as there are eight.
    fn lengths(&self) -> ([usize; 8], usize) {
        let mut lengths = [0; 8];
        for (length, group) in lengths.iter_mut().zip(self.groups.clone()) {
            *length = self.number.len(group);
        }
        (lengths, self.groups.len().min(8))
    }

    fn gap(&self, at: usize) -> &[u8] {
        self.number.gap(self.reading.bytes, self.groups.start + at)
    }

    /// The byte before the digits of a group.
    fn opened(&self, at: usize) -> bool {
        let (start, floor) =
            (self.number.span(self.groups.start + at..self.groups.start + at + 1).start, self.start());
        start > floor && self.reading.bytes[start - 1] == b'('
    }

    /// Whose number it is, where it is written as no other number is, and whether that is so even with
    /// other numbers beside it.
    pub(super) fn is_unmistakable(&self) -> Option<(Plan, bool)> {
        if self.has_decimals() || self.digits().iter().all(|digit| *digit == self.digits[0]) {
            return None;
        }
        if let Some(code) = self.country_code() {
            return Some((Plan::of(code), true));
        }
        if let Some(freely) = self.is_grouped_as_in_north_america() {
            return Some((Plan::NorthAmerican, freely));
        }
        if self.has_trunk_and_groups() || self.is_a_field() {
            return Some((self.plan(), self.is_in_pairs()));
        }
        self.has_form_of_a_country().then_some((Plan::Other, true))
    }

    /// The country code, after a plus, or after noughts with signs between the groups.
    fn country_code(&self) -> Option<u16> {
        let digits = self.digits();
        if self.plus {
            return country(digits);
        }
        let abroad = digits.strip_prefix(b"00").or_else(|| digits.strip_prefix(b"011"))?;
        let first = self.number.len(self.groups.start);
        (self.groups.len() > 1
            && (2..=5).contains(&first)
            && digits.len() > 8
            && !self.is_in_pairs()
            && abroad.first() != Some(&b'0'))
        .then(|| country(abroad))
        .flatten()
    }

    /// Three, three and four digits, with the code in parentheses or the same sign between all; and
    /// whether that sign leaves no doubt.
    fn is_grouped_as_in_north_america(&self) -> Option<bool> {
        let (lengths, count) = self.lengths();
        let first = match &lengths[..count] {
            [3, 3, 4] => 0,
            [1, 3, 3, 4] if self.digits[0] == b'1' => 1,
            [3, 3, 3, 4] if self.digits().starts_with(b"001") => 1,
            _ => return None,
        };
        let (one, two) = (self.gap(first), self.gap(first + 1));
        let code_apart = self.opened(first) && matches!(one, b") " | b")" | b")-" | b") - ");
        let dashed = matches!(two, b"-" | b".") && (one == two || matches!(one, b" "));
        let local = is_north_american(&self.digits()[self.count - 10..]);
        if (code_apart && matches!(two, b"-" | b"." | b" ")) || dashed {
            Some(true)
        } else {
            (first == 1 && local && one == two).then_some(false)
        }
    }

    /// A nought, and the rest in groups as countries with a trunk write them.
    fn has_trunk_and_groups(&self) -> bool {
        let (lengths, count) = self.lengths();
        if self.digits().windows(6).any(|digits| digits == b"000000") {
            return false;
        }
        if self.plus
            || self.digits[0] != b'0'
            || self.digits[1] == b'0'
            || !(8..=13).contains(&self.count)
            || !(2..=6).contains(&count)
        {
            return false;
        }
        if self.is_in_pairs() {
            return self.count == 10;
        }
        let lengths = &lengths[..count];
        let dotted = (0..count - 1).any(|at| self.gap(at) == b".");
        let odd = (0..count - 1).any(|at| matches!(self.gap(at), b"_" | b"*"));
        if odd || lengths[1..].iter().any(|length| !(2..=8).contains(length)) {
            return false;
        }
        match count {
            2 if dotted => false,
            2 => {
                let code = (3..=6).contains(&lengths[0])
                    || (lengths[0] == 2 && lengths[1] >= 7 && self.gap(0) != b" ");
                self.count >= 9 && code && lengths[1] >= 4 && !(lengths[0] == 5 && lengths[1] == 4)
            }
            _ => {
                (2..=5).contains(&lengths[0])
                    && (self.count >= 9 || self.gap(0) == b"-")
                    && !is_uniform(&lengths[1..])
            }
        }
    }

    /// Whether it is all that stands in a line, a cell or between quotes, with the nought of a trunk or
    /// in groups that tables of numbers do not have.
    fn is_a_field(&self) -> bool {
        let digits = self.digits();
        let rises = digits.windows(2).all(|pair| pair[1] == pair[0] + 1);
        let span = self.number.span(self.groups.clone());
        let border = |c: Option<char>| {
            c.is_none_or(|c| matches!(c, '\n' | '\r' | '"' | '\'' | '|' | ',' | ';' | '\t' | '<' | '>'))
        };
        let is_blank = |c: &char| *c == ' ';
        let text = self.reading.text;
        let before = text[..span.start].chars().rev().take(3).find(|c| !is_blank(c));
        let after = text[span.end..].chars().take(3).find(|c| !is_blank(c));
        if text[span.end..].starts_with("   ") || text[..span.start].ends_with("   ") {
            return false;
        }
        if self.plus || rises || !border(before) || !border(after) {
            return false;
        }
        if self.groups.len() == 1 {
            return digits[0] == b'0' && digits[1] != b'0' && (10..=11).contains(&self.count);
        }
        let (lengths, count) = self.lengths();
        let quoted = before == after && matches!(before, Some('"' | '\''));
        let spaced = (0..count - 1).all(|at| self.gap(at) == b" ");
        // Weights, sizes and coordinates are round.
        let round = (0..count)
            .filter(|at| self.number.digits(self.reading.bytes, self.groups.start + at).ends_with(b"0"))
            .count();
        let grouped = matches!(&lengths[..count], [3, 3, 3 | 4] | [2 | 3, 2 | 3, 2, 2] | [4, 4]);
        let years = count == 2 && matches!(&digits[..2], b"19" | b"20");
        quoted && spaced && grouped && !years && digits[0] != b'0' && round * 2 <= count
    }

    /// Five groups of two digits, as in France.
    fn is_in_pairs(&self) -> bool {
        let (lengths, count) = self.lengths();
        count == 5
            && lengths[..5].iter().all(|length| *length == 2)
            && (1..4).all(|at| self.gap(at) == self.gap(0))
            && matches!(self.gap(0), b" " | b"." | b"-")
    }

    /// A form that one country alone uses.
    fn has_form_of_a_country(&self) -> bool {
        let (lengths, count) = self.lengths();
        match &lengths[..count] {
            // Brazil.
            [2, 4 | 5, 4] => self.opened(0) && matches!(self.gap(0), b") " | b")") && self.gap(1) == b"-",
            // Russia.
            [1, 3, 3, 2, 2] => matches!(self.digits[0], b'7' | b'8') && matches!(self.gap(3), b"-" | b" "),
            // A country code in parentheses.
            [3, 9] | [3, 3, 3, 3] => self.opened(0) && country(self.digits()).is_some_and(|code| code > 99),
            _ => false,
        }
    }

    /// Whether it looks like numbers with decimals, beside each other.
    fn has_decimals(&self) -> bool {
        let gaps = || (0..self.groups.len() - 1).map(|at| self.gap(at));
        !self.plus
            && gaps().any(|gap| gap == b".")
            && gaps().any(|gap| gap.contains(&b' ') && !gap.contains(&b')'))
    }

    /// Whether it can be a telephone number at all.
    pub(super) fn is_possible(&self) -> bool {
        let (lengths, count) = self.lengths();
        let digits = self.digits();
        if count == 1 {
            return (7..=15).contains(&self.count);
        }
        let decimal = count == 2 && self.gap(0) == b"." && !self.plus && (lengths[0] < 3 || lengths[1] < 3);
        let odd = (0..count - 1).any(|at| matches!(self.gap(at), b"_" | b"*"));
        let sound = lengths[..count].iter().all(|length| *length <= 10) && self.groups.len() <= 8;
        let one = digits.iter().all(|digit| *digit == digits[0]);
        let other = decimal || odd || self.has_decimals() || (one && self.count < 9);
        (6..=16).contains(&self.count) && sound && !other
    }

    /// Whether it looks so much like one that a word such as `call` is enough.
    pub(super) fn is_likely(&self) -> bool {
        let seconds = self.count == 10 && self.digits[0] == b'1' && matches!(self.digits[1], b'4'..=b'8');
        let decimal = self.groups.len() == 2 && self.gap(0) == b".";
        let address = self.groups.len() == 2 && self.count == 6 && self.gap(0) == b" ";
        (self.groups.len() > 1 && !decimal && !address && !self.is_years())
            || (self.groups.len() == 1 && (8..=12).contains(&self.count) && !seconds)
    }

    /// Whether it is a span of years, or a year and a month: `2023-2026`, `2020-12`.
    fn is_years(&self) -> bool {
        let (lengths, count) = self.lengths();
        let is_year = |digits: &[u8]| digits.starts_with(b"19") || digits.starts_with(b"20");
        let (first, second) = self.digits().split_at(4.min(self.count));
        match &lengths[..count] {
            [4, 4] => is_year(first) && is_year(second),
            [4, 2] => is_year(first) && second <= &b"12"[..],
            _ => false,
        }
    }

    /// Whose number it is.
    pub(super) fn plan(&self) -> Plan {
        let digits = self.digits();
        let abroad = digits.strip_prefix(b"00").or_else(|| self.plus.then_some(digits));
        if let Some(code) = abroad.and_then(country) {
            return Plan::of(code);
        }
        if digits[0] == b'0' {
            let (lengths, count) = self.lengths();
            let german = digits[1] != b'0'
                && (count <= 2 || (count == 3 && lengths[2] > 4) || (lengths[0] == 4 && self.count > 10));
            return if german { Plan::German } else { Plan::Trunk };
        }
        let ten = digits.strip_prefix(b"1").filter(|rest| rest.len() == 10).unwrap_or(digits);
        if is_north_american(ten) { Plan::NorthAmerican } else { Plan::Other }
    }

    /// Whether it is no part of a word, a path, an amount, a time or a longer number.
    pub(super) fn stands_free(&self) -> bool {
        let reading = self.reading;
        let span = self.number.span(self.groups.clone());
        let start = self.start();
        let before = reading.before(start);
        let behind = before.and_then(|c| reading.before(start - c.len_utf8()));
        let fits_before = match before {
            Some(c) if is_word(c) => reading.is_escape(start),
            Some('_' | '#' | '$' | '€' | '£' | '@' | '\\' | '+' | '*' | '^' | '%' | '&') => false,
            Some('.' | '/' | '-' | ':') => {
                !behind.is_some_and(|c| c.is_ascii_digit())
                    && (before == Some(':')
                        || before == Some('.')
                        || !behind.is_some_and(char::is_alphanumeric))
            }
            Some(',') => {
                !(behind.is_some_and(|c| c.is_ascii_digit()) && self.number.len(self.groups.start) == 3)
            }
            _ => true,
        };
        if !fits_before {
            return false;
        }
        let next = reading.after(span.end);
        let beyond = next.and_then(|c| reading.after(span.end + c.len_utf8()));
        match next {
            Some(c) if is_word(c) => extension::end(reading.text, span.end) > span.end,
            Some('_' | '@' | '%' | '€' | '$' | '*' | '^') => false,
            Some(':' | '.' | ',') if beyond.is_some_and(|c| c.is_ascii_digit()) => {
                next == Some(',') && self.count > 5
            }
            Some('.') => !beyond.is_some_and(char::is_alphanumeric),
            Some('-' | '/') => {
                !beyond.is_some_and(char::is_alphanumeric)
                    || labels_phone(reading.text, span.end)
                    || begins_with_word(&reading.text[span.end + 1..])
            }
            _ => true,
        }
    }

    pub(super) fn found(&self, kind: PiiKind, certainty: Certainty) -> Found {
        let end = self.number.span(self.groups.clone()).end;
        let span = self.start()..extension::end(self.reading.text, end);
        Found { groups: self.groups.clone(), span, kind: Some(kind), certainty }
    }
}

/// Whether a text begins with a word, and not with the next part of an identifier.
fn begins_with_word(text: &str) -> bool {
    let length = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    let word = &text[..length];
    word.chars().all(char::is_alphabetic)
        && word.bytes().any(|byte| !byte.is_ascii_hexdigit())
        && word.chars().count() > 2
}

/// Whether three or more groups of four digits are a card or a code rather than a telephone.
fn is_uniform(rest: &[usize]) -> bool {
    rest.len() > 2 && rest.iter().all(|length| *length >= 4)
}
