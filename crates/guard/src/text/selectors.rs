//! Bytes that are hidden in variation selectors: there are 256 of them, one for each byte.

use std::ops::Range;

/// How many make a run: emoji and ideographs take one.
const SHORTEST: usize = 4;

/// The runs of a text with what they hold.
pub(super) fn runs(original: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    // The first bytes of both blocks.
    while let Some(skip) = memchr::memchr2(0xEF, 0xF3, &original.as_bytes()[at..]) {
        let start = at + skip;
        let mut end = start;
        let mut bytes = Vec::new();
        for c in original[start..].chars() {
            let Some(byte) = byte(c) else { break };
            bytes.push(byte);
            end += c.len_utf8();
        }
        if bytes.len() >= SHORTEST
            && let Ok(text) = String::from_utf8(bytes)
        {
            found.push((start..end, text));
        }
        at = end.max(original.ceil_char_boundary(start + 1));
    }
    found
}

fn byte(c: char) -> Option<u8> {
    let code = u32::from(c);
    match c {
        '\u{FE00}'..='\u{FE0F}' => u8::try_from(code - 0xFE00).ok(),
        '\u{E0100}'..='\u{E01EF}' => u8::try_from(code - 0xE0100 + 16).ok(),
        _ => None,
    }
}
