//! Numbers of payment cards.

use std::ops::Range;

use super::PiiKind;
use super::checks::{luhn, value};
use super::context::{Context, Sense};
use super::number::{Found, Number};
use super::scan::Scan;
use crate::finding::{Certainty, Strictness};

/// Finds the first groups that are a card.
pub(super) fn find(reading: &Scan<'_>, number: &Number, part: Range<usize>) -> Option<Found> {
    if !reading.wants(PiiKind::CreditCard) {
        return None;
    }
    for start in part.clone() {
        let mut digits = Digits::default();
        for end in start + 1..=part.end {
            if !digits.add(number.digits(reading.bytes, end - 1)) {
                break;
            }
            let groups = start..end;
            if digits.len < 12
                || is_in_row(number, &groups, &part)
                || !number.is_apart(reading.bytes, &groups, &part)
                || !is_laid_out(reading.bytes, number, &groups)
            {
                continue;
            }
            let span = number.span(groups.clone());
            if let Some(certainty) = certainty(reading, digits.get(), &groups, &span) {
                return Some(Found { groups, span, kind: Some(PiiKind::CreditCard), certainty });
            }
        }
    }
    None
}

#[derive(Default)]
struct Digits {
    digits: [u8; 19],
    len: usize,
}

impl Digits {
    fn add(&mut self, more: &[u8]) -> bool {
        let Some(place) = self.digits.get_mut(self.len..self.len + more.len()) else { return false };
        for (to, from) in place.iter_mut().zip(more) {
            *to = from - b'0';
        }
        self.len += more.len();
        true
    }

    fn get(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

/// Whether groups of four go on before or after: a dump or a table.
fn is_in_row(number: &Number, groups: &Range<usize>, part: &Range<usize>) -> bool {
    let four = |group: usize| number.len(group) == 4;
    groups.len() > 1
        && ((groups.start > part.start && four(groups.start - 1))
            || (groups.end < part.end && four(groups.end)))
}

/// Whether groups are as long as those of cards, with one sign between all of them.
fn is_laid_out(bytes: &[u8], number: &Number, groups: &Range<usize>) -> bool {
    if groups.len() == 1 {
        return true;
    }
    let gaps = groups.start..groups.end - 1;
    let gap = number.gap(bytes, groups.start);
    if gap.len() != 1 || gap == b"(" || gaps.clone().any(|at| number.gap(bytes, at) != gap) {
        return false;
    }
    let lengths: &mut [usize; 8] = &mut [0; 8];
    if groups.len() > lengths.len() {
        return groups.clone().all(|group| number.len(group) == 1);
    }
    for (to, group) in lengths.iter_mut().zip(groups.clone()) {
        *to = number.len(group);
    }
    match &lengths[..groups.len()] {
        [4, 4, 4, 1..=4] | [4, 6, 4 | 5] | [4, 4, 4, 4, 1..=3] | [4, 4, 5] | [4, 5, 6] => true,
        lengths => lengths.len() > 4 && lengths.iter().all(|length| *length == 2),
    }
}

fn certainty(
    reading: &Scan<'_>,
    digits: &[u8],
    groups: &Range<usize>,
    span: &Range<usize>,
) -> Option<Certainty> {
    if !reading.stands_alone(span) || is_part(reading, span) || digits.iter().all(|digit| *digit == digits[0])
    {
        return None;
    }
    let lengths = lengths(digits);
    let known = lengths.contains(&digits.len());
    let usual = known && (14..=16).contains(&digits.len());
    let context = Context::before(reading.text, span.start);
    if luhn(digits) {
        if usual && (groups.len() > 1 || !context.thing()) {
            return Some(Certainty::Certain);
        }
        if context.says(Sense::CARD.or(Sense::PAY)) {
            return Some(if known { Certainty::Certain } else { Certainty::Likely });
        }
    } else if usual && context.is(Sense::CARD) && !context.thing() {
        return Some(Certainty::Likely);
    }
    let shaped = usual || digits.len() == 16;
    (reading.strictness == Strictness::Lenient && shaped && !context.thing()).then_some(Certainty::Shape)
}

/// Whether it is a part of a longer number, of an amount or of a path.
fn is_part(reading: &Scan<'_>, span: &Range<usize>) -> bool {
    let sign_before = matches!(reading.before(span.start), Some('.' | '-' | '/' | '+' | '$' | '€' | '£'));
    let digit_after = reading.bytes.get(span.end + 1).is_some_and(u8::is_ascii_digit);
    let word_after = reading.bytes.get(span.end + 1).is_some_and(u8::is_ascii_alphanumeric);
    sign_before
        || match reading.bytes.get(span.end) {
            Some(b'.' | b',') => digit_after && reading.bytes.get(span.end) == Some(&b'.'),
            Some(b'-' | b'%') => word_after,
            _ => false,
        }
}

/// How long the cards of the brand are that the first digits stand for.
fn lengths(digits: &[u8]) -> std::ops::RangeInclusive<usize> {
    let first = |count: usize| value(&digits[..count]);
    match (first(1), first(2), first(3), first(4)) {
        (4, ..) => 13..=19,
        (_, 51..=55, ..) | (_, _, _, 2221..=2720) => 16..=16,
        (_, 34 | 37, ..) => 15..=15,
        (_, 36 | 38 | 39, ..) | (_, _, 300..=305, _) => 14..=16,
        (_, 65, ..) | (_, _, 644..=649, _) | (_, _, _, 6011) => 16..=19,
        (_, 35, ..) => 16..=19,
        (_, _, _, 2131 | 1800) => 15..=15,
        (_, 62, ..) => 16..=19,
        (_, _, _, 2200..=2204) => 16..=19,
        (_, 50 | 56..=58 | 60 | 63 | 67..=69 | 81 | 82, ..) | (_, _, _, 9792) => 12..=19,
        _ => 0..=0,
    }
}
