//! The plain form of a text.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

use super::lookalikes;
use super::spans::{Rewriting, Spans};

/// The plain form, and the steps that led to it: none where the text is plain.
pub(super) fn of(original: &str) -> (Cow<'_, str>, Vec<Spans>) {
    if original.is_ascii() {
        return (Cow::Borrowed(original), Vec::new());
    }
    let mut steps = Vec::new();
    let (folded, foreign) = fold(original);
    let mut plain = Cow::Borrowed(original);
    if let Some((text, spans)) = folded {
        plain = Cow::Owned(text);
        steps.push(spans);
    }
    if foreign && let Some((text, spans)) = lookalikes::to_latin(&plain) {
        plain = Cow::Owned(text);
        steps.push(spans);
    }
    (plain, steps)
}

/// Rewrites every character that is not plain; says too whether there are letters that may look Latin.
fn fold(original: &str) -> (Option<(String, Spans)>, bool) {
    let mut rewriting = Rewriting::default();
    let mut copied = 0;
    let mut foreign = false;
    let mut at = 0;
    while let Some(next) = next_beyond_ascii(original.as_bytes(), at) {
        at = next;
        let Some(c) = original[at..].chars().next() else { break };
        let end = at + c.len_utf8();
        match habit(c) {
            Habit::Stays => at = end,
            Habit::Foreign => {
                foreign = true;
                at = end;
            }
            Habit::Hidden => {
                rewriting.copy(original, copied..at);
                let mut shown = [0; 4];
                let tag = tag_letter(c).map_or("", |letter| &*letter.encode_utf8(&mut shown));
                if c == FLAG {
                    at = flag_end(original, end);
                    rewriting.copy(original, end - c.len_utf8()..end);
                } else {
                    rewriting.put(tag, at..end);
                    at = end;
                }
                copied = at;
            }
            Habit::Changes => {
                let cluster = cluster(original, copied, at, end);
                let new = folded(&original[cluster.clone()]);
                if new != original[cluster.clone()] {
                    rewriting.copy(original, copied..cluster.start);
                    rewriting.put(&new, cluster.clone());
                    copied = cluster.end;
                }
                foreign |= new.chars().any(|c| !c.is_ascii() && lookalikes::may_look_latin(c));
                at = cluster.end;
            }
        }
    }
    if copied == 0 && rewriting.len() == 0 {
        return (None, foreign);
    }
    rewriting.copy(original, copied..original.len());
    (Some(rewriting.finish()), foreign)
}

/// The next byte at or after a place that is not of ASCII.
pub(super) fn next_beyond_ascii(bytes: &[u8], mut at: usize) -> Option<usize> {
    while bytes.get(at..at + 32).is_some_and(<[u8]>::is_ascii) {
        at += 32;
    }
    bytes.get(at..)?.iter().position(|byte| !byte.is_ascii()).map(|skip| at + skip)
}

/// What is to be done with a character beyond ASCII.
enum Habit {
    /// It is plain, unless a mark follows.
    Stays,
    /// It is plain, and of a script with letters that look Latin.
    Foreign,
    /// Nobody sees it.
    Hidden,
    /// It may have a plainer form.
    Changes,
}

/// The black flag, which tags follow in the flags of Scotland, Wales and England.
const FLAG: char = '\u{1F3F4}';

fn habit(c: char) -> Habit {
    match c {
        '\u{C0}'..='\u{131}' | '\u{134}'..='\u{13E}' | '\u{141}'..='\u{148}' | '\u{14A}'..='\u{17E}' => {
            Habit::Stays
        }
        '\u{180}'..='\u{1C3}' | '\u{1CD}'..='\u{1F0}' | '\u{1F4}'..='\u{24F}' => Habit::Stays,
        '\u{1E00}'..='\u{1E99}' | '\u{1EA0}'..='\u{1EF9}' => Habit::Stays,
        '\u{388}'..='\u{3CE}' | '\u{400}'..='\u{481}' | '\u{48A}'..='\u{52F}' | '\u{531}'..='\u{586}' => {
            Habit::Foreign
        }
        '\u{5D0}'..='\u{5EA}' | '\u{621}'..='\u{64A}' | '\u{905}'..='\u{939}' | '\u{E01}'..='\u{E30}' => {
            Habit::Stays
        }
        '\u{3001}' | '\u{3002}' | '\u{3041}'..='\u{3094}' | '\u{30A1}'..='\u{30FC}' => Habit::Stays,
        '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}' | '\u{2022}' | '\u{20AC}' => Habit::Stays,
        FLAG => Habit::Hidden,
        '\u{1F300}'..='\u{1FAFF}' => Habit::Stays,
        _ if is_hidden(c) => Habit::Hidden,
        _ => Habit::Changes,
    }
}

fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// The character of ASCII that a character of the tag block stands for.
fn tag_letter(c: char) -> Option<char> {
    let code = u32::from(c).checked_sub(0xE0000)?;
    char::from_u32(code).filter(|c| matches!(c, ' '..='~'))
}

/// Where the tags after a flag end: they belong to its picture.
fn flag_end(original: &str, mut at: usize) -> usize {
    for c in original[at..].chars().take(8).take_while(|c| matches!(c, '\u{E0030}'..='\u{E007F}')) {
        at += c.len_utf8();
        if c == '\u{E007F}' {
            return at;
        }
    }
    at
}

/// The character at `at` with the marks that follow it, and where it is a mark itself, with its base.
fn cluster(original: &str, copied: usize, at: usize, end: usize) -> Range<usize> {
    let mark = |c: char| canonical_combining_class(c) != 0 || is_combining_mark(c) || is_jamo(c);
    let first = original[at..end].chars().all(mark);
    let before = original[copied..at].chars().next_back().filter(|_| first).map_or(0, char::len_utf8);
    let after: usize = original[end..].chars().take(31).take_while(|c| mark(*c)).map(char::len_utf8).sum();
    at - before..end + after
}

/// Whether it is a medial or final letter that composes to a syllable of Korean.
fn is_jamo(c: char) -> bool {
    matches!(c, '\u{1161}'..='\u{11FF}')
}

/// The plain form of a character with its marks.
fn folded(cluster: &str) -> String {
    // A mark without a letter before it goes too.
    let mut latin = true;
    let mut new = String::with_capacity(cluster.len());
    for c in cluster.nfkc() {
        if is_hidden(c) || (latin && is_stroke(c)) {
            continue;
        }
        let c = ascii_of(c);
        latin = c.is_ascii_alphanumeric() || (latin && is_combining_mark(c));
        new.push(c);
    }
    new
}

/// Whether it is a mark that stays uncomposed on a Latin letter: no language needs it there.
fn is_stroke(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// The character of ASCII that says the same: dashes, quotes, spaces, digits and boxed letters.
fn ascii_of(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{FE58}' => '-',
        '\u{2018}'..='\u{201B}' | '\u{2032}' | '\u{2BC}' => '\'',
        '\u{201C}'..='\u{201F}' | '\u{2033}' => '"',
        '\u{1680}' | '\u{180E}' => ' ',
        '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '\u{2044}' | '\u{2215}' => '/',
        '\u{2236}' => ':',
        '\u{2217}' => '*',
        '\u{1F150}'..='\u{1F169}' => letter(c, 0x1F150),
        '\u{1F170}'..='\u{1F189}' => letter(c, 0x1F170),
        _ => digit(c).unwrap_or_else(|| lookalikes::small_capital(c).unwrap_or(c)),
    }
}

fn letter(c: char, first: u32) -> char {
    char::from_u32(u32::from('A') + u32::from(c) - first).unwrap_or(c)
}

/// The noughts of the scripts that have digits of their own, in order.
const NOUGHTS: [u32; 34] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
    0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xAA50, 0xABF0,
];

fn digit(c: char) -> Option<char> {
    let code = u32::from(c);
    let nought = NOUGHTS[..NOUGHTS.partition_point(|nought| *nought <= code)].last()?;
    char::from_digit(code - nought, 10)
}
