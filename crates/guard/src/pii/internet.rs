//! Addresses of the internet protocol.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::bytes::{COLON, DOT, HEX};
use super::context::{Context, Sense};
use super::number::Number;
use super::scan::Scan;
use super::{PiiKind, bytes};
use crate::finding::Certainty;

/// How long an address of version 6 is at most, with a dot behind it.
const LONGEST: usize = 46;

/// Reads an address of version 6 around a colon that no digit came before; says where to go on.
pub(super) fn at_colon(reading: &mut Scan<'_>, colon: usize, floor: usize) -> usize {
    if !bytes::is_at(reading.bytes, colon + 1, HEX | COLON) {
        return colon + 1;
    }
    let start = bytes::start(reading.bytes, colon, floor.max(colon.saturating_sub(4)), HEX);
    // Of colons that an address begins with there are two.
    if start == colon && reading.bytes[colon + 1] != b':' {
        return colon + 1;
    }
    version_6(reading, start).unwrap_or(colon + 1)
}

/// Reads an address of version 6 that begins there.
pub(super) fn version_6(reading: &mut Scan<'_>, start: usize) -> Option<usize> {
    let end = bytes::end(reading.bytes, start, LONGEST, HEX | COLON);
    // No address has a single colon.
    if memchr::memchr_iter(b':', &reading.bytes[start..end]).nth(1).is_none()
        || !reading.wants(PiiKind::IpAddress)
        || reading.before(start).is_some_and(|c| c.is_alphanumeric() || matches!(c, ':' | '_' | '.'))
    {
        return None;
    }
    let whole = reading.text[start..end].trim_end_matches(':');
    let dotted = bytes::end(reading.bytes, end, start + LONGEST - end, HEX | COLON | DOT);
    let mapped = reading.text[start..dotted].trim_end_matches('.');
    let (text, address) =
        [mapped, whole].into_iter().find_map(|text| Some((text, text.parse::<Ipv6Addr>().ok()?)))?;
    let end = start + text.len();
    if reading.after(end).is_some_and(|c| c.is_alphanumeric() || c == '_')
        || address.is_loopback()
        || address.is_unspecified()
    {
        return None;
    }
    let groups = || text.split(':').filter(|group| !group.is_empty());
    let bytes_only = groups().count() == 8 && groups().all(|group| group.len() == 2);
    let numbered = groups().any(|group| group.len() >= 3 && group.bytes().any(|byte| byte.is_ascii_digit()));
    let unmistakable = !text.contains("::") || (groups().count() >= 3 && numbered) || groups().count() >= 5;
    let certainty = if bytes_only {
        Certainty::Shape
    } else if unmistakable || text.contains('.') || text.starts_with("fe80:") || text.starts_with("2001:") {
        Certainty::Certain
    } else if Context::before(reading.text, start).is(Sense::INTERNET) {
        Certainty::Likely
    } else {
        Certainty::Shape
    };
    reading.push(PiiKind::IpAddress, start..end, certainty).then_some(end)
}

/// The groups of a number that are an address of version 4, and how sure that is.
pub(super) fn version_4(
    reading: &Scan<'_>,
    number: &Number,
    groups: Range<usize>,
) -> Option<(Range<usize>, Certainty)> {
    let dot = |at: usize| at + 1 < groups.end && number.gap(reading.bytes, at) == b".";
    let first = (groups.start..groups.end.saturating_sub(3)).find(|at| {
        (*at == groups.start || !dot(at - 1)) && dot(*at) && dot(at + 1) && dot(at + 2) && !dot(at + 3)
    })?;
    let span = number.span(first..first + 4);
    let mut octets = [0_u16; 4];
    for (octet, group) in octets.iter_mut().zip(first..) {
        let digits = number.digits(reading.bytes, group);
        if digits.len() > 3 || (digits.len() > 1 && digits[0] == b'0') {
            return None;
        }
        *octet = digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    }
    let glued =
        reading.before(span.start).is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-'))
            || reading.after(span.end).is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '+'));
    if octets.iter().any(|octet| *octet > 255) || glued {
        return None;
    }
    let context = Context::before(reading.text, span.start);
    let special = matches!(octets[0], 0 | 127 | 240..) || octets == [1, 1, 1, 1] || octets == [8, 8, 8, 8];
    let small = octets.iter().all(|octet| *octet < 20);
    let certainty = if special {
        Certainty::Shape
    } else if context.is(Sense::INTERNET) {
        Certainty::Certain
    } else if context.is_near(Sense::VERSION) || (small && !has_port(reading, span.end)) {
        Certainty::Shape
    } else {
        Certainty::Certain
    };
    Some((first..first + 4, certainty))
}

fn has_port(reading: &Scan<'_>, end: usize) -> bool {
    matches!(reading.bytes.get(end), Some(b':' | b'/'))
        && reading.bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
}
