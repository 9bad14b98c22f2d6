//! Letters that were spaced out: `i g n o r e`, `i-g-n-o-r-e`.

use std::ops::Range;

/// How many single letters make a word that was spaced out.
const LETTERS: usize = 4;
/// How many are joined at most.
const LIMIT: usize = 512;

/// A run of single letters, with one kind of separator between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Where it stands.
    pub(super) span: Range<usize>,
}

impl Run {
    /// Its letters with their places, and a space where the gap was wider.
    pub(super) fn letters<'t>(&self, plain: &'t str) -> impl Iterator<Item = (usize, char)> + use<'t> {
        let Range { start, end } = self.span.clone();
        let bytes = plain.as_bytes();
        (start..end).filter_map(move |at| {
            let byte = bytes[at];
            if byte.is_ascii_alphanumeric() {
                return Some((at, char::from(byte)));
            }
            // The second separator of a gap is the space between two words.
            (at > start && !bytes[at - 1].is_ascii_alphanumeric() && bytes[at + 1].is_ascii_alphanumeric())
                .then_some((at, ' '))
        })
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'_' | b'*' | b'/' | b'|' | b'+' | b',' | b'~')
}

/// The runs of a text. A run of four letters holds at least one place in four that stands between
/// separators or letters of it, so that only every fourth is looked at.
pub(super) fn runs(plain: &str) -> impl Iterator<Item = Run> + '_ {
    let bytes = plain.as_bytes();
    let mut at = 1;
    let mut done = 0;
    std::iter::from_fn(move || {
        while at + 1 < bytes.len() {
            let middle = at;
            at += 4;
            let letter = |at: usize| bytes[at].is_ascii_alphabetic();
            let alternates = if is_separator(bytes[middle]) {
                letter(middle - 1) && letter(middle + 1)
            } else {
                letter(middle) && is_separator(bytes[middle - 1]) && is_separator(bytes[middle + 1])
            };
            if middle >= done
                && alternates
                && let Some(span) = run_around(bytes, middle, done)
            {
                at = span.end + 1;
                done = span.end;
                return Some(Run { span });
            }
        }
        None
    })
}

/// The run that holds the place `middle`, and does not begin before `from`.
fn run_around(bytes: &[u8], middle: usize, from: usize) -> Option<Range<usize>> {
    let letter = if is_separator(bytes[middle]) { middle + 1 } else { middle };
    let separator = bytes[letter - 1];
    let single = |at: usize| {
        bytes[at].is_ascii_alphabetic()
            && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric())
            && bytes.get(at + 1).is_none_or(|next| !next.is_ascii_alphanumeric())
    };
    if !single(letter) {
        return None;
    }
    // From one letter of the run to the next: over one separator, or two or three between words.
    let gap_before = |at: usize| {
        (2..=4).find(|gap| {
            at >= from + gap
                && single(at - gap)
                && bytes[at - gap + 1..at].iter().all(|byte| *byte == separator)
        })
    };
    let gap_after = |at: usize| {
        (2..=4).find(|gap| {
            at + gap < bytes.len()
                && single(at + gap)
                && bytes[at + 1..at + gap].iter().all(|byte| *byte == separator)
        })
    };
    let (mut start, mut end, mut letters) = (letter, letter, 1);
    while let Some(gap) = gap_before(start).filter(|_| letters < LIMIT) {
        start -= gap;
        letters += 1;
    }
    while let Some(gap) = gap_after(end).filter(|_| letters < LIMIT) {
        end += gap;
        letters += 1;
    }
    (letters >= LETTERS).then_some(start..end + 1)
}
