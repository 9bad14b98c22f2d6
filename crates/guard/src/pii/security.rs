//! Social security numbers of the United States, and the tax numbers that look like them.

use std::ops::Range;

use super::PiiKind;
use super::context::{Context, Sense};
use super::number::{Found, Number};
use super::scan::Scan;
use crate::finding::Certainty;

/// Finds the first groups that are a number of this kind.
pub(super) fn find(reading: &Scan<'_>, number: &Number, part: Range<usize>) -> Option<Found> {
    part.clone().find_map(|start| {
        (start + 1..=part.end.min(start + 3)).rev().find_map(|end| {
            let groups = start..end;
            let span = number.span(groups.clone());
            if !number.is_apart(reading.bytes, &groups, &part) || is_part(reading, &span) {
                return None;
            }
            let (kind, certainty) = read(reading, number, &groups, span.start)?;
            reading.accepts(kind, certainty).then_some(Found { groups, span, kind: Some(kind), certainty })
        })
    })
}

fn read(
    reading: &Scan<'_>,
    number: &Number,
    groups: &Range<usize>,
    start: usize,
) -> Option<(PiiKind, Certainty)> {
    let length = |at: usize| number.len(groups.start + at);
    let gap = |at: usize| number.gap(reading.bytes, groups.start + at);
    let context = || Context::before(reading.text, start);
    let spoken = |kind: PiiKind| context().says(Sense::person(kind));
    let (dashed, spaced) = match groups.len() {
        3 if (length(0), length(1), length(2)) == (3, 2, 4) && gap(0) == gap(1) => {
            (gap(0) == b"-", gap(0) == b" " || gap(0) == b".")
        }
        2 if (length(0), length(1)) == (2, 7) && gap(0) == b"-" && spoken(PiiKind::UsEin) => {
            return Some((PiiKind::UsEin, Certainty::Likely));
        }
        1 if length(0) == 9 => (false, false),
        _ => return None,
    };
    if groups.len() > 1 && !dashed && !spaced {
        return None;
    }
    let digits: Vec<u8> = groups
        .clone()
        .flat_map(|group| number.digits(reading.bytes, group))
        .map(|digit| digit - b'0')
        .collect();
    let [area, group, serial] = [&digits[..3], &digits[3..5], &digits[5..]].map(super::checks::value);
    if area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99) && spoken(PiiKind::UsItin) {
        return Some((PiiKind::UsItin, Certainty::Likely));
    }
    let valid = area != 0 && area != 666 && area < 900 && group != 0 && serial != 0;
    if !valid {
        return dashed.then_some((PiiKind::SsnUs, Certainty::Shape));
    }
    let context = context();
    let ssn = Sense::person(PiiKind::SsnUs);
    if if groups.len() == 1 { context.is_near(ssn) } else { context.says(ssn) } {
        return Some((PiiKind::SsnUs, Certainty::Certain));
    }
    if dashed {
        return Some((
            PiiKind::SsnUs,
            if context.thing_near() { Certainty::Shape } else { Certainty::Likely },
        ));
    }
    if groups.len() == 1 && context.says(Sense::person(PiiKind::UsPassport)) {
        return Some((PiiKind::UsPassport, Certainty::Likely));
    }
    None
}

/// Whether it is a part of a longer word or number.
fn is_part(reading: &Scan<'_>, span: &Range<usize>) -> bool {
    let joined_before = matches!(reading.before(span.start), Some('-' | '.' | '/' | '+' | '$' | '#'));
    let joined_after = matches!(reading.bytes.get(span.end), Some(b'-' | b'.' | b'/'))
        && reading.bytes.get(span.end + 1).is_some_and(u8::is_ascii_digit);
    joined_before || joined_after || !reading.stands_alone(span)
}
