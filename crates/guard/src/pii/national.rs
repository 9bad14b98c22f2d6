//! Numbers of persons that are written with digits alone.

mod rules;

use std::ops::Range;

use self::rules::{RULES, Rule};
use super::context::{Context, Sense};
use super::number::{Found, Number};
use super::scan::Scan;
use crate::finding::{Certainty, Strictness};

/// How many digits the longest has.
const LONGEST: usize = 18;

/// Finds the first groups that are the number of a person.
pub(super) fn find(reading: &Scan<'_>, number: &Number, part: Range<usize>) -> Option<Found> {
    part.clone().find_map(|start| {
        let mut best: Option<Found> = None;
        let first = number.len(start);
        for rule in RULES.iter().filter(|rule| rule.begins(first) && reading.wants(rule.kind)) {
            let Some((groups, alone)) = rule.laid_out(reading, number, start, part.end) else { continue };
            if !number.is_apart(reading.bytes, &groups, &part) {
                continue;
            }
            let span = number.span(groups.clone());
            let mut digits = [0; LONGEST];
            let mut count = 0;
            for group in groups.clone() {
                for digit in number.digits(reading.bytes, group) {
                    digits[count] = digit - b'0';
                    count += 1;
                }
            }
            if !(rule.check)(&digits[..count]) || is_part(reading, &span) {
                continue;
            }
            let context = Context::before(reading.text, span.start);
            // `patient 9434765919, phone 9434765919`
            if context.is(Sense::PHONE) && !context.is(Sense::person(rule.kind)) && !alone {
                continue;
            }
            let certainty = if context.says(Sense::person(rule.kind)) {
                Certainty::Certain
            } else if alone || context.says(Sense::IDENTITY) {
                Certainty::Likely
            } else if reading.strictness == Strictness::Lenient && !context.thing() && groups.len() > 1 {
                Certainty::Shape
            } else {
                continue;
            };
            if best.as_ref().is_none_or(|best| best.certainty < certainty) {
                best = Some(Found { groups, span, kind: Some(rule.kind), certainty });
            }
        }
        best
    })
}

impl Rule {
    /// The groups from `start` on that are laid out in a way of this number, and whether that way needs
    /// no word near it.
    fn laid_out(
        &self,
        reading: &Scan<'_>,
        number: &Number,
        start: usize,
        end: usize,
    ) -> Option<(Range<usize>, bool)> {
        self.layouts.iter().find_map(|(lengths, gaps, alone)| {
            let groups = start..start + lengths.len();
            let fits = groups.end <= end
                && groups.clone().zip(*lengths).all(|(group, length)| number.len(group) == *length)
                && groups
                    .clone()
                    .skip(1)
                    .zip(gaps.bytes())
                    .all(|(group, gap)| number.gap(reading.bytes, group - 1) == [gap]);
            fits.then_some((groups, *alone))
        })
    }
}

/// Whether it is a part of a longer word or number.
fn is_part(reading: &Scan<'_>, span: &Range<usize>) -> bool {
    let joined_before = matches!(reading.before(span.start), Some('-' | '.' | '+' | '$' | '#' | '€'));
    let joined_after = matches!(reading.bytes.get(span.end), Some(b'-' | b'.' | b'%'))
        && reading.bytes.get(span.end + 1).is_some_and(u8::is_ascii_alphanumeric);
    joined_before || joined_after || !reading.stands_alone(span)
}
