//! Numbers of persons that are written with letters and digits.

use super::bytes::{DIGIT, LETTER};
use super::checks::{day_of_month, value, weighted, year_month_day};
use super::context::{Context, Sense};
use super::scan::Scan;
use super::{PiiKind, bytes};
use crate::finding::Certainty;

/// A number of persons: `A` stands for a letter, `d` for a digit, `x` for either, the rest for itself.
struct Form {
    kind: PiiKind,
    layout: &'static str,
    check: fn(&[u8]) -> bool,
    /// Whether the checksum is enough.
    alone: bool,
    /// How many letters and digits stand before the first sign.
    head: usize,
}

const fn form(kind: PiiKind, layout: &'static str, check: fn(&[u8]) -> bool, alone: bool) -> Form {
    let mut head = 0;
    while head < layout.len() && layout.as_bytes()[head].is_ascii_alphabetic() {
        head += 1;
    }
    Form { kind, layout, check, alone, head }
}

const FORMS: [Form; 26] = [
    form(PiiKind::UkNino, "AAddddddA", nino, true),
    form(PiiKind::UkNino, "AA dd dd dd A", nino, true),
    form(PiiKind::UkNino, "AA dddddd A", nino, true),
    form(PiiKind::EsDni, "ddddddddA", dni, true),
    form(PiiKind::EsDni, "dddddddd-A", dni, true),
    form(PiiKind::EsDni, "dddddddd A", dni, false),
    form(PiiKind::EsDni, "AdddddddA", nie, true),
    form(PiiKind::EsDni, "A-ddddddd-A", nie, true),
    form(PiiKind::ItCodiceFiscale, "AAAAAAxxAxxAxxxA", codice_fiscale, true),
    form(PiiKind::FiHetu, "dddddd-dddA", hetu, true),
    form(PiiKind::FiHetu, "dddddd+dddA", hetu, true),
    form(PiiKind::FiHetu, "ddddddAdddx", hetu, true),
    form(PiiKind::FrNir, "ddddddAdddddddd", corsican, true),
    form(PiiKind::BrCnpj, "xxxxxxxxxxxxdd", cnpj, false),
    form(PiiKind::InPan, "AAAAAddddA", pan, false),
    form(PiiKind::IePps, "dddddddA", pps, false),
    form(PiiKind::IePps, "dddddddAA", pps, false),
    form(PiiKind::MxCurp, "AAAAddddddAAAAAAxd", curp, true),
    form(PiiKind::SgNric, "AdddddddA", nric, true),
    form(PiiKind::CnResidentId, "dddddddddddddddddA", resident_id, true),
    form(PiiKind::UsPassport, "Adddddddd", |_| true, false),
    form(PiiKind::ClRut, "dd.ddd.ddd-A", rut, true),
    form(PiiKind::ClRut, "d.ddd.ddd-A", rut, true),
    form(PiiKind::ClRut, "dddddddd-A", rut, false),
    form(PiiKind::ClRut, "ddddddd-A", rut, false),
    form(PiiKind::ClRut, "ddddddddA", rut, false),
];

/// How many letters and digits are counted: no form has as many before its first sign.
const LONGEST: usize = 20;

/// The forms by the letters and digits before their first sign: a bit for each.
static BY_HEAD: [u32; LONGEST + 1] = by_head();

const fn by_head() -> [u32; LONGEST + 1] {
    let mut by_head = [0; LONGEST + 1];
    let mut at = 0;
    while at < FORMS.len() {
        by_head[FORMS[at].head] |= 1 << at;
        at += 1;
    }
    by_head
}

/// How many letters and digits stand there, as far as they count.
#[inline]
pub(super) fn head(bytes: &[u8], start: usize) -> usize {
    bytes::end(bytes, start, LONGEST, DIGIT | LETTER) - start
}

/// Reads a number that begins there with so many letters and digits; says where it ends.
#[inline]
pub(super) fn at(reading: &mut Scan<'_>, start: usize, head: usize) -> Option<usize> {
    match BY_HEAD[head.min(LONGEST)] {
        0 => None,
        forms => first(reading, start, forms),
    }
}

/// The first of some forms that a number has which begins there.
fn first(reading: &mut Scan<'_>, start: usize, mut forms: u32) -> Option<usize> {
    while forms != 0 {
        let form = &FORMS[forms.trailing_zeros() as usize];
        forms &= forms - 1;
        let end = start + form.layout.len();
        let Some(text) = reading.bytes.get(start..end).filter(|_| reading.wants(form.kind)) else { continue };
        if !fits(text, form.layout)
            || !reading.stands_alone(&(start..end))
            || matches!(reading.bytes.get(end), Some(b'-'))
        {
            continue;
        }
        if matches!(reading.before(start), Some('-' | '.' | '/' | '#')) {
            continue;
        }
        let number: Vec<u8> =
            text.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase).collect();
        if !(form.check)(&number) {
            continue;
        }
        let context = Context::before(reading.text, start);
        let upper = text.iter().all(|byte| !byte.is_ascii_lowercase());
        let certainty = if context.says(Sense::person(form.kind)) {
            Certainty::Certain
        } else if form.alone && upper && !context.thing_near() {
            Certainty::Likely
        } else {
            Certainty::Shape
        };
        if reading.push(form.kind, start..end, certainty) {
            return Some(end);
        }
    }
    None
}

fn fits(text: &[u8], layout: &str) -> bool {
    text.iter().zip(layout.bytes()).all(|(byte, place)| match place {
        b'A' => bytes::is(*byte, LETTER),
        b'd' => bytes::is(*byte, DIGIT),
        b'x' => bytes::is(*byte, LETTER | DIGIT),
        sign => *byte == sign,
    })
}

/// The digits of a part of a number.
fn digits(part: &[u8]) -> Vec<u8> {
    part.iter().map(|byte| byte.wrapping_sub(b'0')).collect()
}

fn nino(number: &[u8]) -> bool {
    let [first, second] = [number[0], number[1]];
    let barred = matches!(first, b'D' | b'F' | b'I' | b'Q' | b'U' | b'V')
        || matches!(second, b'D' | b'F' | b'I' | b'O' | b'Q' | b'U' | b'V');
    let unused = matches!(&[first, second], b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ");
    !barred && !unused && matches!(number[8], b'A'..=b'D')
}

fn spanish(number: u64, letter: u8) -> bool {
    usize::try_from(number % 23).is_ok_and(|at| b"TRWAGMYFPDXBNJZSQVHLCKE"[at] == letter)
}

fn dni(number: &[u8]) -> bool {
    let value = value(&digits(&number[..8]));
    value > 0 && spanish(value, number[8])
}

fn nie(number: &[u8]) -> bool {
    let Some(first) = b"XYZ".iter().position(|letter| *letter == number[0]) else { return false };
    spanish(value(&digits(&number[1..8])) + u64::try_from(first).unwrap_or(0) * 10_000_000, number[8])
}

fn codice_fiscale(number: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    // Where two persons would share a number, letters take the places of digits.
    let digit_like = |at: &usize| number[*at].is_ascii_digit() || b"LMNPQRSTUV".contains(&number[*at]);
    if !b"ABCDEHLMPRST".contains(&number[8]) || ![6, 7, 9, 10, 12, 13, 14].iter().all(digit_like) {
        return false;
    }
    let place = |byte: u8| u32::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' });
    let sum: u32 = number[..15]
        .iter()
        .enumerate()
        .map(|(at, byte)| if at % 2 == 0 { ODD[place(*byte) as usize] } else { place(*byte) })
        .sum();
    u32::from(number[15]) == u32::from(b'A') + sum % 26
}

fn hetu(number: &[u8]) -> bool {
    // Between the date and the number stands a sign of the century, which may be a letter.
    let (date, rest) = number.split_at(6);
    let rest = if rest.len() == 5 {
        let (century, rest) = rest.split_at(1);
        if !matches!(century[0], b'A'..=b'F' | b'U'..=b'Y') {
            return false;
        }
        rest
    } else {
        rest
    };
    let date = digits(date);
    let all: Vec<u8> = date.iter().copied().chain(digits(&rest[..3])).collect();
    let check = usize::try_from(value(&all) % 31).map(|at| b"0123456789ABCDEFHJKLMNPRSTUVWXY"[at]);
    day_of_month(value(&date[..2]), value(&date[2..4])) && check == Ok(rest[3])
}

fn pan(number: &[u8]) -> bool {
    b"PCHFATBLJGE".contains(&number[3])
}

fn pps(number: &[u8]) -> bool {
    let second = number
        .get(8)
        .filter(|letter| matches!(letter, b'A'..=b'I'))
        .map_or(0, |letter| u32::from(letter - b'A' + 1) * 9);
    let sum = weighted(&digits(&number[..7]), &[8, 7, 6, 5, 4, 3, 2]) + second;
    usize::try_from(sum % 23).is_ok_and(|at| b"WABCDEFGHIJKLMNOPQRSTUV"[at] == number[7])
}

fn curp(number: &[u8]) -> bool {
    let place = |byte: u8| {
        u32::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 + u8::from(byte > b'N') })
    };
    let sum: u32 = number[..17].iter().zip((2..=18).rev()).map(|(byte, weight)| place(*byte) * weight).sum();
    matches!(number[10], b'H' | b'M' | b'X')
        && year_month_day(&digits(&number[4..10]))
        && (10 - sum % 10) % 10 == u32::from(number[17] - b'0')
}

fn nric(number: &[u8]) -> bool {
    let sum = weighted(&digits(&number[1..8]), &[2, 7, 6, 5, 4, 3, 2]);
    let (letters, sum) = match number[0] {
        b'S' => (b"JZIHGFEDCBA", sum),
        b'T' => (b"JZIHGFEDCBA", sum + 4),
        b'F' => (b"XWUTRQPNMLK", sum),
        b'G' => (b"XWUTRQPNMLK", sum + 4),
        b'M' => (b"XWUTRQPNJLK", sum + 3),
        _ => return false,
    };
    usize::try_from(sum % 11).is_ok_and(|at| letters[at] == number[8])
}

fn resident_id(number: &[u8]) -> bool {
    let digits = digits(&number[..17]);
    let sum = weighted(&digits, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    number[17] == b'X' && sum % 11 == 2 && year_month_day(&digits[8..])
}

fn rut(number: &[u8]) -> bool {
    let (body, letter) = number.split_at(number.len() - 1);
    let weights = &[3, 2, 7, 6, 5, 4, 3, 2][8 - body.len()..];
    letter == b"K" && weighted(&digits(body), weights) % 11 == 1
}

/// A French number of somebody born in Corsica, where a letter stands in that of the department.
fn corsican(number: &[u8]) -> bool {
    let department = match &number[5..7] {
        b"2A" => 19,
        b"2B" => 18,
        _ => return false,
    };
    let born = digits(&number[..5]);
    let body = (value(&born) * 100 + department) * 1_000_000 + value(&digits(&number[7..13]));
    matches!(born[0], 1..=4) && 97 - body % 97 == value(&digits(&number[13..]))
}

/// A number of a Brazilian company with letters in it, as they are given out since 2026.
fn cnpj(number: &[u8]) -> bool {
    let values: Vec<u8> = number.iter().map(|byte| byte - b'0').collect();
    let check = |weights: &[u32]| {
        let rest = weighted(&values, weights) % 11;
        u32::from(values[weights.len()]) == if rest < 2 { 0 } else { 11 - rest }
    };
    number[..12].iter().any(u8::is_ascii_uppercase)
        && check(&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
        && check(&[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_takes_whatever_its_layout_lets_through() {
        for form in &FORMS {
            for letter in b'A'..=b'Z' {
                for digit in *b"0159" {
                    let fill = |place: u8| match place {
                        b'A' => Some(letter),
                        b'd' | b'x' => Some(digit),
                        _ => None,
                    };
                    let number: Vec<u8> = form.layout.bytes().filter_map(fill).collect();
                    let _ = (form.check)(&number);
                }
            }
        }
    }

    #[test]
    fn a_rut_may_end_in_k() {
        let rut_with_k = FORMS.iter().find(|form| form.kind == PiiKind::ClRut).map(|form| form.check);
        assert_eq!(rut_with_k.map(|check| check(b"10000013K")), Some(true));
        assert_eq!(rut_with_k.map(|check| check(b"10000014K")), Some(false));
    }

    #[test]
    fn known_numbers_pass_and_their_neighbours_do_not() {
        type Check = fn(&[u8]) -> bool;
        let known: [(Check, &str, &str); 9] = [
            (nino, "AB123456C", "DB123456C"),
            (dni, "12345678Z", "12345678A"),
            (nie, "X1234567L", "X1234567M"),
            (codice_fiscale, "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
            (hetu, "131052308T", "131052308U"),
            (pps, "1234567T", "1234567U"),
            (curp, "HEGG560427MVZRRL04", "HEGG560427MVZRRL05"),
            (nric, "S1234567D", "S1234567E"),
            (resident_id, "11010519491231002X", "11010519491231003X"),
        ];
        for (check, right, wrong) in known {
            assert!(check(right.as_bytes()), "{right}");
            assert!(!check(wrong.as_bytes()), "{wrong}");
        }
    }
}
