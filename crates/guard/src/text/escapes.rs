//! Escapes among plain text: percent-encoding, HTML's entities, backslash escapes, `[at]` and `[dot]`,
//! and letters that were spaced out.

use std::ops::Range;

use super::layers::LAYER_LIMIT;
use super::spaced;
use super::spans::{Rewriting, Spans};
use crate::bits;

/// How much of the text around an escape is decoded with it.
const AROUND: usize = 256;

/// The parts of a text with escapes in them: each escape with what stands around it, joined where they meet.
pub(super) fn windows(plain: &str) -> Vec<Range<usize>> {
    let mut windows: Vec<Range<usize>> = Vec::new();
    let mut escapes: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some(found) = next(plain, at) {
        at = found.span.end;
        escapes.push(found.span);
        if escapes.len() > LAYER_LIMIT * 4 {
            break;
        }
    }
    escapes.extend(spaced::runs(plain).map(|run| run.span));
    escapes.sort_by_key(|span| span.start);
    for escape in escapes {
        let start = plain.floor_char_boundary(escape.start.saturating_sub(AROUND));
        let end = plain.ceil_char_boundary(escape.end.saturating_add(AROUND).min(plain.len()));
        match windows.last_mut() {
            Some(last) if start <= last.end && end - last.start <= LAYER_LIMIT => {
                last.end = end.max(last.end);
            }
            _ => windows.push(start..end),
        }
    }
    windows
}

/// A part of a text decoded, if anything in it is.
pub(super) fn decode(plain: &str) -> Option<(String, Spans)> {
    let mut rewriting = Rewriting::default();
    let mut copied = 0;
    let mut at = 0;
    let mut spaced = spaced::runs(plain).peekable();
    loop {
        let escape = next(plain, at);
        while spaced.peek().is_some_and(|run| run.span.start < at) {
            spaced.next();
        }
        let before =
            |run: &mut spaced::Run| escape.as_ref().is_none_or(|escape| run.span.start < escape.span.start);
        if let Some(run) = spaced.peek_mut().and_then(|run| before(run).then(|| run.clone())) {
            rewriting.copy(plain, copied..run.span.start);
            for (offset, c) in run.letters(plain) {
                rewriting.put(c.encode_utf8(&mut [0; 4]), offset..offset + c.len_utf8());
            }
            copied = run.span.end;
            at = copied;
        } else if let Some(escape) = escape {
            rewriting.copy(plain, copied..escape.span.start);
            rewriting.put(&escape.text, escape.span.clone());
            copied = escape.span.end;
            at = copied;
        } else {
            break;
        }
    }
    if copied == 0 {
        return None;
    }
    rewriting.copy(plain, copied..plain.len());
    Some(rewriting.finish())
}

struct Escape {
    span: Range<usize>,
    text: String,
}

/// The next escape at or after `at`.
fn next(plain: &str, at: usize) -> Option<Escape> {
    let bytes = plain.as_bytes();
    let mut from = at;
    loop {
        let start = anchor(bytes, from)?;
        let found = match bytes[start] {
            b'%' => percent(bytes, start),
            b'&' => entity(plain, start),
            b'\\' => backslash(bytes, start),
            _ => match obfuscated(plain, start) {
                // The spaces before it may belong to an escape that came before.
                Some(escape) if escape.span.start >= at => return Some(escape),
                _ => None,
            },
        };
        match found {
            Some((text, end)) => return Some(Escape { span: start..end, text }),
            None => from = start + 1,
        }
    }
}

/// The next byte that an escape may begin with.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches the compiler can look at many bytes at once"
)]
fn anchor(bytes: &[u8], mut at: usize) -> Option<usize> {
    let opens = |byte: u8| {
        (byte == b'%') | (byte == b'&') | (byte == b'(') | (byte == b'[') | (byte == b'\\') | (byte == b'{')
    };
    let is_anchor = |place: &usize| {
        let Some([first, second, third]) = bytes.get(*place..).and_then(<[u8]>::first_chunk) else {
            return false;
        };
        let (second, third) = (second | 0x20, third | 0x20);
        match first {
            b'%' => second.is_ascii_digit() || matches!(second, b'a'..=b'f'),
            b'&' => second == b'#' || second.is_ascii_lowercase(),
            b'\\' => matches!(second, b'u' | b'x'),
            _ => matches!((second, third), (b'a', b't') | (b'd', b'o') | (b' ', _)),
        }
    };
    while at < bytes.len() {
        let opening = bits::of(&bits::block(bytes, at), opens);
        if let Some(place) = bits::places(opening).map(|place| at + place).find(is_anchor) {
            return Some(place);
        }
        at += bits::BLOCK;
    }
    None
}

fn hex(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0u32, |sum, byte| Some(sum * 16 + char::from(*byte).to_digit(16)?))
}

/// A run of percent-encoded bytes.
fn percent(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let mut decoded = Vec::new();
    let mut at = start;
    while decoded.len() < LAYER_LIMIT && bytes.get(at) == Some(&b'%') {
        let Some(value) = bytes.get(at + 1..at + 3).and_then(hex) else { break };
        decoded.push(u8::try_from(value).ok()?);
        at += 3;
    }
    (!decoded.is_empty()).then(|| (readable(&decoded), at)).filter(|(text, _)| !text.is_empty())
}

/// The bytes as text; nothing where they are none.
fn readable(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map(str::to_owned).unwrap_or_default()
}

/// Names of HTML for characters that instructions and data are written with.
const ENTITIES: [(&str, &str); 24] = [
    ("lt", "<"),
    ("gt", ">"),
    ("amp", "&"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("commat", "@"),
    ("period", "."),
    ("comma", ","),
    ("colon", ":"),
    ("semi", ";"),
    ("sol", "/"),
    ("bsol", "\\"),
    ("lpar", "("),
    ("rpar", ")"),
    ("plus", "+"),
    ("equals", "="),
    ("num", "#"),
    ("lowbar", "_"),
    ("hyphen", "-"),
    ("dash", "-"),
    ("Tab", "\t"),
    ("NewLine", "\n"),
    ("shy", ""),
];

fn entity(plain: &str, start: usize) -> Option<(String, usize)> {
    let rest = &plain[start + 1..];
    let length =
        rest.bytes().take(9).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#').count();
    if !rest[length..].starts_with(';') {
        return None;
    }
    let end = start + 1 + length + 1;
    let name = &rest[..length];
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return Some((char::from_u32(code).filter(|c| *c != '\0')?.to_string(), end));
    }
    ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, text)| ((*text).to_owned(), end))
}

/// `\u0069`, `\u{69}`, `\U00000069`, `\x69`: a run of them, as two halves may make one character.
fn backslash(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let mut units: Vec<u16> = Vec::new();
    let mut at = start;
    while units.len() < LAYER_LIMIT && bytes.get(at) == Some(&b'\\') {
        let (code, end) = match bytes.get(at + 1) {
            Some(b'u') if bytes.get(at + 2) == Some(&b'{') => {
                let length = bytes[at + 3..].iter().take(7).position(|byte| *byte == b'}').unwrap_or(0);
                (
                    bytes.get(at + 3..at + 3 + length).filter(|digits| !digits.is_empty()).and_then(hex),
                    at + 4 + length,
                )
            }
            Some(b'u') => (bytes.get(at + 2..at + 6).and_then(hex), at + 6),
            Some(b'U') => (bytes.get(at + 2..at + 10).and_then(hex), at + 10),
            Some(b'x') => (bytes.get(at + 2..at + 4).and_then(hex), at + 4),
            _ => (None, at),
        };
        let Some(code) = code.filter(|code| *code != 0) else { break };
        match u16::try_from(code) {
            Ok(unit) => units.push(unit),
            Err(_) => units.extend(char::from_u32(code)?.encode_utf16(&mut [0; 2]).iter()),
        }
        at = end;
    }
    let text = String::from_utf16(&units).ok()?;
    (!text.is_empty()).then_some((text, at))
}

/// `[at]`, `(dot)` and their like, with the spaces around them.
fn obfuscated(plain: &str, bracket: usize) -> Option<Escape> {
    let inner = &plain.as_bytes()[bracket + 1..];
    let spaces = inner.iter().take(2).take_while(|byte| **byte == b' ').count();
    let word = inner.get(spaces..spaces + 2)?;
    let (text, length) = if word.eq_ignore_ascii_case(b"at") {
        ("@", 2)
    } else if inner.get(spaces..spaces + 3)?.eq_ignore_ascii_case(b"dot") {
        (".", 3)
    } else {
        return None;
    };
    let after = &inner[spaces + length..];
    let closing = after.iter().take(3).position(|byte| matches!(byte, b']' | b')' | b'}'))?;
    if after[..closing].iter().any(|byte| *byte != b' ') {
        return None;
    }
    let end = bracket + 1 + spaces + length + closing + 1;
    let before = plain.as_bytes()[..bracket].iter().rev().take(2).take_while(|byte| **byte == b' ').count();
    let behind = plain.as_bytes()[end..].iter().take(2).take_while(|byte| **byte == b' ').count();
    Some(Escape { span: bracket - before..end + behind, text: text.to_owned() })
}
