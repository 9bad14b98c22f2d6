//! International bank account numbers.

use super::PiiKind;
use super::context::{Context, Sense};
use super::scan::Scan;
use crate::finding::{Certainty, Strictness};

/// How long the numbers of each country are.
const LENGTHS: [(&[u8; 2], usize); 91] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
    (b"MA", 28),
    (b"SN", 28),
];

/// Reads an account number that begins there; says where it ends.
pub(super) fn iban(reading: &mut Scan<'_>, start: usize) -> Option<usize> {
    let head = reading.bytes.get(start..start + 4)?;
    let is_one = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    if !(head[..2].iter().all(u8::is_ascii_alphabetic) && is_one(&head[2..]) && reading.wants(PiiKind::Iban))
    {
        return None;
    }
    let country = [head[0].to_ascii_uppercase(), head[1].to_ascii_uppercase()];
    let Some((end, remainder)) = LENGTHS
        .iter()
        .find(|(known, _)| **known == country)
        .and_then(|(_, length)| read(reading.bytes, start, *length))
        .filter(|(end, _)| reading.stands_alone(&(start..*end)))
    else {
        return of_other_length(reading, start);
    };
    let certainty = if remainder == 1 {
        Certainty::Certain
    } else if Context::before(reading.text, start).says(Sense::person(PiiKind::Iban)) {
        Certainty::Likely
    } else if reading.strictness == Strictness::Lenient && !head[0].is_ascii_lowercase() {
        Certainty::Shape
    } else {
        return None;
    };
    reading.push(PiiKind::Iban, start..end, certainty).then_some(end)
}

/// Reads an account number of a country or a length that no register has, if its checksum is right.
fn of_other_length(reading: &mut Scan<'_>, start: usize) -> Option<usize> {
    let letters = |at: usize| reading.bytes.get(at).is_some_and(u8::is_ascii_uppercase);
    if !letters(start) || !letters(start + 1) {
        return None;
    }
    let (end, _) =
        (15..=34).filter_map(|length| read(reading.bytes, start, length)).find(|(end, remainder)| {
            *remainder == 1 && reading.stands_alone(&(start..*end)) && reading.bytes.get(*end) != Some(&b'-')
        })?;
    let upper = reading.bytes[start..end].iter().all(|byte| !byte.is_ascii_lowercase());
    let spaces = reading.bytes[start..end].iter().filter(|byte| !byte.is_ascii_alphanumeric()).count();
    let even = spaces == 0 || reading.text[start..end].split(' ').rev().skip(1).all(|group| group.len() == 4);
    (upper && even && reading.push(PiiKind::Iban, start..end, Certainty::Likely)).then_some(end)
}

/// Reads so many characters, with a sign between them here and there; where they end, and what is left of
/// them divided by 97.
fn read(bytes: &[u8], start: usize, length: usize) -> Option<(usize, u32)> {
    let mut values = [0_u32; 34];
    let mut known = 0;
    let mut at = start;
    while known < length {
        let byte = *bytes.get(at)?;
        if let Some(value) = char::from(byte).to_digit(36) {
            values[known] = value;
            known += 1;
        } else if !matches!(byte, b' ' | b'-' | b'.' | b'_')
            || !bytes.get(at + 1)?.is_ascii_alphanumeric()
            || known < 2
        {
            return None;
        }
        at += 1;
    }
    let add = |sum: u32, value: u32| (sum * if value > 9 { 100 } else { 10 } + value) % 97;
    let moved = values[4..length].iter().chain(&values[..4]);
    Some((at, moved.fold(0, |sum, value| add(sum, *value))))
}
