//! Spans of time as Go writes them: `250ms`, `1.5h`, `1h30m`.

use std::time::Duration;

/// A span with its sign.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) length: Duration,
    pub(crate) is_negative: bool,
}

/// Reads a span. A number without a unit is none, but for a lone `0`.
pub(crate) fn parse(text: &str) -> Option<Span> {
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(Span { length: Duration::ZERO, is_negative: false });
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let number_length = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, after) = rest.split_at(number_length);
        let unit_length =
            after.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_length);
        nanos = nanos.checked_add(of_unit(number, unit_nanos(unit)?)?)?;
        rest = after;
    }
    let nanos = u64::try_from(nanos).ok()?;
    Some(Span { length: Duration::from_nanos(nanos), is_negative: is_negative && nanos > 0 })
}

fn unit_nanos(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

fn of_unit(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(18)];
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    whole.checked_mul(unit)?.checked_add(part * unit / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_syntax_is_read() {
        let cases = [
            ("250ms", 250),
            ("5m", 300_000),
            ("8h", 28_800_000),
            ("2160h", 7_776_000_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("+2s", 2_000),
            ("1s500ms", 1_500),
            ("1000us", 1),
            ("1000µs", 1),
            ("0", 0),
            ("0s", 0),
        ];
        for (text, millis) in cases {
            let span = parse(text).unwrap_or_else(|| panic!("{text} is a duration"));
            assert_eq!((span.length, span.is_negative), (Duration::from_millis(millis), false), "{text}");
        }
        assert!(parse("-5m").expect("a duration").is_negative);
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", "5", "300", "abc", "5 m", "1h30", "5d", ".s", "1..5s", "-", "9999999999999h", "s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
