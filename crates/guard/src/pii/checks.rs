//! Checksums and dates. All take the digits of a number as values.

/// Luhn's sum: cards, Canada, Sweden, South Africa.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The sum of digits times weights.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// The number that digits make.
pub(super) fn value(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(*digit))
}

/// ISO 7064 MOD 11,10: Germany, Croatia.
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let rest = body.iter().fold(10, |product, digit| {
        let sum = (product + u32::from(*digit)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - rest) % 10 == u32::from(*check)
}

/// Verhoeff's check: India.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTATION: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // The multiplication of the dihedral group of five corners.
    let multiply = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let check = digits
        .iter()
        .rev()
        .enumerate()
        .fold(0, |check, (place, digit)| multiply(check, PERMUTATION[place % 8][usize::from(*digit)]));
    check == 0
}

/// Whether a day and a month are ones of a calendar.
pub(super) fn day_of_month(day: u64, month: u64) -> bool {
    const DAYS: [u64; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    (1..=12).contains(&month) && usize::try_from(month - 1).is_ok_and(|at| (1..=DAYS[at]).contains(&day))
}

/// Whether digits begin with year, month and day of two digits each.
pub(super) fn year_month_day(digits: &[u8]) -> bool {
    digits.len() >= 6 && day_of_month(value(&digits[4..6]), value(&digits[2..4]))
}

/// Whether digits begin with day and month of two digits each.
pub(super) fn day_month(digits: &[u8]) -> bool {
    digits.len() >= 4 && day_of_month(value(&digits[..2]), value(&digits[2..4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    #[test]
    fn checks_accept_what_is_right_and_refuse_what_is_not() {
        assert!(luhn(&digits("4111111111111111")) && !luhn(&digits("4111111111111112")));
        assert!(mod_11_10(&digits("86095742719")) && !mod_11_10(&digits("86095742710")));
        assert!(verhoeff(&digits("234123412346")) && !verhoeff(&digits("234123412347")));
        assert!(year_month_day(&digits("640823")) && !year_month_day(&digits("641323")));
        assert!(day_month(&digits("2902")) && !day_month(&digits("3002")));
    }
}
