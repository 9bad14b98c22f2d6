//! Runs of base64 and hexadecimal digits that hold text.

use std::ops::Range;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::layers::{Encoding, LAYER_LIMIT};
use super::plain;

/// How long a run has to be.
const SHORTEST: usize = 24;

/// A run and the text that it holds.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) encoding: Encoding,
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

const fn digits() -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
    while at < alphabet.len() {
        table[alphabet[at] as usize] = true;
        at += 1;
    }
    table
}

static DIGIT: [bool; 256] = digits();

/// The runs of a text that decode to mostly printable text. A run of the shortest length holds a place
/// in every step of that length, so that most of a text is not looked at.
pub(super) fn runs(text: &str) -> Vec<Run> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut from = 0;
    while from + SHORTEST <= bytes.len() {
        let window = &bytes[from..from + SHORTEST];
        if let Some(last) = window.iter().rposition(|byte| !DIGIT[usize::from(*byte)]) {
            from += last + 1;
            continue;
        }
        let digits =
            bytes[from..].iter().position(|byte| !DIGIT[usize::from(*byte)]).unwrap_or(bytes.len() - from);
        let padding = bytes[from + digits..].iter().take(2).take_while(|byte| **byte == b'=').count();
        let span = from..from + digits + padding;
        if let Some((encoding, decoded)) = unpack(&text[span.clone()]) {
            let text = plain::of(&decoded).0.into_owned();
            found.push(Run { encoding, span: span.clone(), text });
        }
        from = span.end + 1;
    }
    found
}

fn unpack(run: &str) -> Option<(Encoding, String)> {
    let digits = run.trim_end_matches('=');
    let digits = &digits[..digits.len().min(LAYER_LIMIT)];
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let bytes: Option<Vec<u8>> = digits.as_bytes().chunks_exact(2).map(byte).collect();
        return printable(bytes?).map(|text| (Encoding::Hex, text));
    }
    if is_word(digits) {
        return None;
    }
    let whole = &digits[..digits.len() - usize::from(digits.len() % 4 == 1)];
    let bytes = if whole.contains(['-', '_']) { URL.decode(whole) } else { PLAIN.decode(whole) };
    printable(bytes.ok()?).map(|text| (Encoding::Base64, text))
}

fn byte(pair: &[u8]) -> Option<u8> {
    let high = char::from(pair[0]).to_digit(16)?;
    let low = char::from(pair[1]).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

/// Whether a run is written of letters of one case alone, as words, paths and rows of dashes are.
fn is_word(run: &str) -> bool {
    let has = |of: fn(&u8) -> bool| run.as_bytes().iter().any(of);
    !(has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase))
}

/// The bytes as text, if nearly all of it can be read.
fn printable(bytes: Vec<u8>) -> Option<String> {
    let end = match std::str::from_utf8(&bytes) {
        Ok(_) => bytes.len(),
        // The limit may have cut a character.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => return None,
    };
    let mut bytes = bytes;
    bytes.truncate(end);
    let text = String::from_utf8(bytes).ok()?;
    let odd = text.chars().filter(|c| c.is_control() && !c.is_whitespace()).count();
    (!text.is_empty() && odd * 16 <= text.len()).then_some(text)
}
