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

/// How many bytes are looked at together.
const STRIDE: usize = 32;

/// The next letter from which four letters and the separators between them take turns.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches the compiler can look at many bytes at once"
)]
fn anchor(bytes: &[u8], mut at: usize) -> Option<usize> {
    let letter = |byte: u8| (byte | 0x20).wrapping_sub(b'a') < 26;
    // The separators but the bar and the wave stand in one row: space, and `*` to `/`.
    let separator = |byte: u8| {
        (byte == b' ') | (byte.wrapping_sub(b'*') < 6) | (byte == b'_') | (byte == b'|') | (byte == b'~')
    };
    let turns = |seven: [u8; 7]| {
        let separated = separator(seven[1]) & separator(seven[3]) & separator(seven[5]);
        separated & letter(seven[0]) & letter(seven[2]) & letter(seven[4]) & letter(seven[6])
    };
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ STRIDE + 6 }>) {
        let mut any = 0;
        for place in 0..STRIDE {
            any |= u8::from(turns(std::array::from_fn(|offset| chunk[place + offset])));
        }
        if any != 0 {
            break;
        }
        at += STRIDE;
    }
    bytes.get(at..)?.array_windows().position(|seven| turns(*seven)).map(|skip| at + skip)
}

/// The runs of a text.
pub(super) fn runs(plain: &str) -> impl Iterator<Item = Run> + '_ {
    let bytes = plain.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(letter) = anchor(bytes, at) {
            if let Some(span) = run_around(bytes, letter, at) {
                at = span.end;
                return Some(Run { span });
            }
            at = letter + 1;
        }
        None
    })
}

/// The run that holds a letter, and does not begin before `from`.
fn run_around(bytes: &[u8], letter: usize, from: usize) -> Option<Range<usize>> {
    let separator = bytes[letter + 1];
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
