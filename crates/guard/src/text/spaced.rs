//! Letters that were spaced out: `i g n o r e`, `i-g-n-o-r-e`.

use std::ops::Range;

use crate::bits;

/// How many single letters make a word that was spaced out.
const LETTERS: usize = 4;
/// How many are joined at most.
const LIMIT: usize = 512;
/// How many bytes stand between two letters of a run at most.
const GAP: usize = 4;

/// A run of single letters, with one kind of separator between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Where it stands.
    pub(super) span: Range<usize>,
    separator: u8,
}

impl Run {
    /// Its letters with their places, and what parts its words: a space where the gap was wider.
    pub(super) fn letters<'t>(&self, plain: &'t str) -> impl Iterator<Item = (usize, char)> + use<'t> {
        let Range { start, end } = self.span.clone();
        let separator = char::from(self.separator);
        let mut gap = 0;
        plain[start..end].char_indices().filter_map(move |(offset, letter)| {
            if letter != separator {
                gap = 0;
                return Some((start + offset, letter));
            }
            gap += 1;
            // The second separator of a gap is the space between two words.
            (gap == 2).then_some((start + offset, ' '))
        })
    }
}

/// How many bytes four letters take with the separators between them.
const TURNS: usize = 7;
/// So many places of a block have so many bytes from there on.
const WHOLE: usize = bits::BLOCK - (TURNS - 1);

/// The next letter from which four letters and the separators between them take turns.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches the compiler can look at many bytes at once"
)]
fn anchor(bytes: &[u8], mut at: usize) -> Option<usize> {
    // The separators but the bar and the wave stand in one row: space, and `*` to `/`.
    let separator = |byte: u8| {
        (byte == b' ') | (byte.wrapping_sub(b'*') < 6) | (byte == b'_') | (byte == b'|') | (byte == b'~')
    };
    let letters = |place: usize| {
        let turns = bytes.get(place..place + TURNS);
        turns.is_some_and(|turns| turns.iter().step_by(2).all(u8::is_ascii_alphabetic))
    };
    while at + TURNS <= bytes.len() {
        let separators = bits::of(&bits::block(bytes, at), separator);
        let between = separators >> 1 & separators >> 3 & separators >> 5;
        let others = !(separators | separators >> 2 | separators >> 4 | separators >> 6);
        let turns = between & others & ((1 << WHOLE) - 1);
        if let Some(place) = bits::places(turns).map(|place| at + place).find(|place| letters(*place)) {
            return Some(place);
        }
        at += WHOLE;
    }
    None
}

/// The runs of a text.
pub(super) fn runs(plain: &str) -> impl Iterator<Item = Run> + '_ {
    let bytes = plain.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(letter) = anchor(bytes, at) {
            if let Some(run) = run_around(plain, letter, at) {
                at = run.span.end;
                return Some(run);
            }
            at = letter + 1;
        }
        None
    })
}

/// The run that holds a letter, and does not begin before `from`.
fn run_around(plain: &str, letter: usize, from: usize) -> Option<Run> {
    let separator = plain.as_bytes()[letter + 1];
    // A letter that stands alone, by where it begins or ends.
    let behind = |at: usize| plain[at..].chars().next().filter(|letter| letter.is_alphanumeric());
    let before = |at: usize| plain[from..at].chars().next_back().filter(|letter| letter.is_alphanumeric());
    let single_from = |at: usize| {
        let end = at + behind(at)?.len_utf8();
        (behind(end).is_none() && plain[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric()))
            .then_some(end)
    };
    let single_to = |at: usize| {
        let start = at - before(at)?.len_utf8();
        (before(start).is_none() && behind(at).is_none()).then_some(start)
    };
    let mut end = single_from(letter)?;
    let (mut start, mut letters) = (letter, 1);
    while letters < LIMIT
        && let Some(next) = gap_before(&plain[from..start], separator).and_then(|gap| single_to(start - gap))
    {
        start = next;
        letters += 1;
    }
    while letters < LIMIT
        && let Some(next) = gap_behind(&plain[end..], separator).and_then(|gap| single_from(end + gap))
    {
        end = next;
        letters += 1;
    }
    (letters >= LETTERS).then_some(Run { span: start..end, separator })
}

/// How far it is to the next letter of a run: over one separator, or over what parts two words.
fn gap_behind(text: &str, separator: u8) -> Option<usize> {
    gap(text.bytes(), separator)
}

/// How far it is to the letter before.
fn gap_before(text: &str, separator: u8) -> Option<usize> {
    gap(text.bytes().rev(), separator)
}

fn gap(bytes: impl Iterator<Item = u8>, separator: u8) -> Option<usize> {
    let mut length = 0;
    let mut parted = false;
    for byte in bytes.take(GAP + 1).take_while(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric()) {
        parted |= byte == separator || byte == b' ';
        length += 1;
    }
    (parted && length <= GAP).then_some(length)
}
