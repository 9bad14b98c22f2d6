//! Attacks that are caught as they stand, written in ways that hide them.

use std::fmt::Write;

use crate::detector::Bench;
use crate::measure::share;
use crate::prediction::Prediction;
use crate::row::{Family, Row};

/// Longer texts are left out: nobody spaces out a page.
const LONGEST: usize = 400;
/// A way to write a text, and its name.
type Form = (&'static str, fn(&str) -> String);

const FORMS: [Form; 19] = [
    ("capitals", |text| text.to_uppercase()),
    ("alternating capitals", alternating),
    ("letters spaced out", |text| between(text, ' ')),
    ("hyphens between letters", |text| between(text, '-')),
    ("dots between letters", |text| between(text, '.')),
    ("asterisks between words", |text| text.replace(' ', "*")),
    ("underscores between words", |text| text.replace(' ', "_")),
    ("no blanks at all", |text| text.replace(' ', "")),
    ("rot13", |text| text.chars().map(rotated).collect()),
    ("back to front", |text| text.chars().rev().collect()),
    ("zero-width characters", |text| between(text, '\u{200b}')),
    ("soft hyphens", |text| between(text, '\u{ad}')),
    ("look-alike letters", |text| text.chars().map(look_alike).collect()),
    ("full-width letters", |text| text.chars().map(full_width).collect()),
    ("tag characters", |text| text.chars().map(tag).collect()),
    ("percent escapes", |text| text.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"))),
    ("HTML entities", |text| {
        text.chars().fold(String::new(), |text, c| text + &format!("&#{};", u32::from(c)))
    }),
    ("base64", base64),
    ("digits for letters", |text| text.chars().map(digit).collect()),
];

/// The share of the caught attacks that each form leaves caught.
pub(crate) fn report(bench: &Bench, rows: &[Row], predictions: &[Prediction]) -> String {
    let caught: Vec<&Row> = rows
        .iter()
        .zip(predictions)
        .filter(|(row, prediction)| row.positive && prediction.flag && row.text.len() <= LONGEST)
        .map(|(row, _)| row)
        .collect();
    let mut text =
        format!("| of {} caught attacks, written in | still caught |\n| --- | ---: |\n", caught.len());
    for (name, form) in FORMS {
        let still = caught.iter().filter(|row| {
            let row = Row { text: form(&row.text), ..(**row).clone() };
            bench.judge(Family::Injection, &row).flag
        });
        let _ = writeln!(text, "| {name} | {:.3} |", share(still.count(), caught.len()));
    }
    text
}

fn alternating(text: &str) -> String {
    let letter = |(at, letter): (usize, char)| if at % 2 == 0 { letter.to_ascii_uppercase() } else { letter };
    text.chars().enumerate().map(letter).collect()
}

/// A sign between the letters of every word.
fn between(text: &str, sign: char) -> String {
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        out.push(letter);
        // Where blanks part letters, more of them part words.
        if sign == ' ' && letter == ' ' {
            out.push_str("  ");
        } else if letter.is_alphanumeric() && letters.peek().is_some_and(|next| next.is_alphanumeric()) {
            out.push(sign);
        }
    }
    out
}

const fn look_alike(letter: char) -> char {
    match letter {
        'a' => 'а',
        'e' => 'е',
        'o' => 'о',
        'p' => 'р',
        'c' => 'с',
        'i' => 'і',
        other => other,
    }
}

fn full_width(letter: char) -> char {
    match letter {
        '!'..='~' => char::from_u32(u32::from(letter) + 0xFEE0).unwrap_or(letter),
        other => other,
    }
}

fn tag(letter: char) -> char {
    match letter {
        ' '..='~' => char::from_u32(u32::from(letter) + 0xE0000).unwrap_or(letter),
        other => other,
    }
}

fn rotated(letter: char) -> char {
    let turn = |first: u8| char::from((letter as u8 - first + 13) % 26 + first);
    match letter {
        'a'..='z' => turn(b'a'),
        'A'..='Z' => turn(b'A'),
        other => other,
    }
}

const fn digit(letter: char) -> char {
    match letter {
        'a' => '4',
        'e' => '3',
        'i' => '1',
        'o' => '0',
        's' => '5',
        other => other,
    }
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap_or_default();
            out.push(if at <= chunk.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_write_the_same_words() {
        assert_eq!(base64("ignore"), "aWdub3Jl");
        assert_eq!(base64("a"), "YQ==");
        assert_eq!(between("ab c", ' '), "a b   c");
        assert_eq!(between("ab c", '-'), "a-b c");
        assert_eq!(alternating("abc"), "AbC");
        assert_eq!("Ignore".chars().map(rotated).collect::<String>(), "Vtaber");
    }
}
