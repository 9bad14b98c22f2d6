//! Telephone numbers.
//!
//! A number counts without a word near it where it is written as only telephone numbers are: with a
//! country code that its length fits, as North America groups its digits, or with the nought of a trunk
//! and groups. Any other needs a word that speaks of a telephone or of reaching somebody.

mod candidate;
mod extension;

use std::ops::Range;

use self::candidate::Candidate;
use super::PiiKind;
use super::context::{Context, Sense, labels_phone};
use super::number::{Found, Number};
use super::scan::Scan;
use crate::finding::{Certainty, Strictness};

/// Finds the first groups that are a telephone number.
pub(super) fn find(reading: &Scan<'_>, number: &Number, part: Range<usize>) -> Option<Found> {
    if ![PiiKind::PhoneUs, PiiKind::PhoneDe, PiiKind::PhoneGeneric].iter().any(|kind| reading.wants(*kind)) {
        return None;
    }
    let found = unmistakable(reading, number, &part);
    if found.is_some() {
        return found;
    }
    if part.len() > 8 {
        return None;
    }
    if part.len() == 1 {
        let whole = Candidate::read(reading, number, part.clone())?;
        if !whole.is_possible() || !whole.stands_free() {
            return None;
        }
    }
    // Written as other numbers are too: all groups, or those next to the word.
    let context = Context::before(reading.text, number.signed(reading.bytes, part.clone()).start);
    let near = Near {
        phone: context.says(Sense::PHONE)
            || is_lettered(&reading.text[..number.signed(reading.bytes, part.clone()).start]),
        call: context.says_in_sentence(Sense::CALL),
        shape: reading.strictness == Strictness::Lenient && !context.thing(),
    };
    if near.phone || near.call || near.shape {
        let found = (part.start + 1..=part.end.min(part.start + 8))
            .rev()
            .find_map(|end| spoken_of(reading, number, part.start..end, &part, &near));
        if found.is_some() {
            return found;
        }
    }
    if !labels_phone(reading.text, number.span(part.clone()).end) {
        return None;
    }
    let near = Near { phone: true, ..near };
    (part.start..part.end).find_map(|start| spoken_of(reading, number, start..part.end, &part, &near))
}

/// The first groups that are written as only telephone numbers are: the longest such ones, wherever they begin.
fn unmistakable(reading: &Scan<'_>, number: &Number, part: &Range<usize>) -> Option<Found> {
    let signed = part.clone().skip(1).any(|group| number.gap(reading.bytes, group - 1) != b" ");
    let begins = |start: usize| {
        let digits = number.digits(reading.bytes, start);
        let quoted = || matches!(reading.before(number.span(part.clone()).start), Some('"' | '\''));
        signed
            || (start == part.start && quoted())
            || (start == 0 && number.is_signed())
            || matches!(digits[0], b'0')
            || (digits.len() == 1 && matches!(digits[0], b'1' | b'7' | b'8'))
    };
    for start in part.clone().filter(|start| begins(*start)) {
        for end in (start + 1..=part.end.min(start + 8)).rev() {
            let groups = start..end;
            if !number.is_apart(reading.bytes, &groups, part) {
                continue;
            }
            let Some(candidate) = Candidate::read(reading, number, groups) else { continue };
            let others = part.len() - candidate.groups.len();
            let beside = |freely: bool| {
                freely || others == 0 || (others == 1 && part.clone().any(|group| number.len(group) != 4))
            };
            if let Some((plan, freely)) = candidate.is_unmistakable()
                && beside(freely)
                && candidate.stands_free()
                && !Context::before(reading.text, candidate.start()).thing_near()
                && let Some(kind) = plan.kind(reading)
            {
                return Some(candidate.found(kind, Certainty::Likely));
            }
        }
    }
    None
}

/// What stands near groups of digits.
struct Near {
    /// A word of a telephone.
    phone: bool,
    /// A word of reaching somebody.
    call: bool,
    /// Nothing, and the shape is enough.
    shape: bool,
}

fn spoken_of(
    reading: &Scan<'_>,
    number: &Number,
    groups: Range<usize>,
    part: &Range<usize>,
    near: &Near,
) -> Option<Found> {
    if !number.is_apart(reading.bytes, &groups, part) {
        return None;
    }
    let candidate = Candidate::read(reading, number, groups)?;
    if !candidate.is_possible() || !candidate.stands_free() {
        return None;
    }
    let certainty = if near.phone || (near.call && candidate.is_likely()) {
        Certainty::Likely
    } else if near.shape && candidate.groups.len() > 1 && candidate.count >= 7 {
        Certainty::Shape
    } else {
        return None;
    };
    let kind = candidate.plan().kind(reading)?;
    Some(candidate.found(kind, certainty))
}

/// Whether a text ends in the letter of a signature before a number: `T: `, `M: `.
fn is_lettered(before: &str) -> bool {
    let Some(label) = before.strip_suffix(": ") else { return false };
    let mut letters = label.chars().rev();
    letters.next().is_some_and(|c| matches!(c, 'T' | 'M' | 'F' | 'P'))
        && !letters.next().is_some_and(char::is_alphanumeric)
}
