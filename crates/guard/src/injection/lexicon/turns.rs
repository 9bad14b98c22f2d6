//! Which parts of a text were turned round or moved along the alphabet, by the letters that follow one another.

use std::ops::Range;

use super::Cipher;
use super::glue::COMMON;

/// The letters, and what parts words.
const SIGNS: usize = 27;
/// How much a pair of letters counts that no word has, in words of the rank where they begin to count half.
const UNSEEN: f32 = 0.3;
/// The rank from which on words count less.
const HALF: f32 = 40.0;
/// What a bit of evidence is in whole numbers.
const BIT: f32 = 8.0;
/// How many bits say that a part may be turned.
const TURNED: i32 = 9 * 8;
/// How many bits say so without any word that is known.
const CERTAIN: i32 = 40 * 8;

/// The share of letters in known words from which on a text is one of a language, in hundredths.
const KNOWN: usize = 40;

/// How much more likely every pair of letters is in a turned text, one table a cipher.
#[derive(Debug)]
pub(super) struct Turns([Box<[[i8; SIGNS]; SIGNS]>; 2]);

impl Turns {
    /// Knows how the common words are spelt.
    pub(super) fn new() -> Self {
        let mut pairs = [[UNSEEN / HALF; SIGNS]; SIGNS];
        for (rank, word) in COMMON.split_whitespace().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "a few thousand words")]
            let weight = 1.0 / (rank as f32 + HALF);
            let mut last = 0;
            for letter in word.bytes().map(sign).chain([0]) {
                pairs[last][letter] += weight;
                last = letter;
            }
        }
        Self(Cipher::ALL.map(|cipher| {
            let mut table = Box::new([[0; SIGNS]; SIGNS]);
            for (first, second) in (0..SIGNS).flat_map(|first| (0..SIGNS).map(move |second| (first, second)))
            {
                let straight = pairs[first][second];
                let turned = match cipher {
                    Cipher::Rot13 => pairs[rotated(first)][rotated(second)],
                    Cipher::Backwards => pairs[second][first],
                };
                #[expect(clippy::cast_possible_truncation, reason = "clamped to a byte")]
                let bits = ((turned / straight).log2() * BIT).round().clamp(-60.0, 60.0) as i8;
                table[first][second] = bits;
            }
            table
        }))
    }

    /// The part of a text that looks most as if it were turned, and how it was meant, if one does.
    pub(super) fn find(&self, text: &str, is_word: impl Fn(&str) -> bool) -> Option<(Range<usize>, String)> {
        let (most, cipher, part) = self.likeliest(text)?;
        let meant = cipher.turn(&text[part.clone()]);
        (most >= CERTAIN || is_language(&meant, is_word)).then_some((part, meant))
    }

    /// The part that looks most as if it were turned, with its evidence.
    fn likeliest(&self, text: &str) -> Option<(i32, Cipher, Range<usize>)> {
        let mut most = TURNED;
        let mut found = None;
        for (cipher, table) in Cipher::ALL.into_iter().zip(&self.0) {
            let (mut sum, mut start, mut last) = (0, 0, 0);
            for (at, byte) in text.bytes().enumerate() {
                let next = sign(byte);
                sum += i32::from(table[last][next]);
                last = next;
                if sum <= 0 {
                    (sum, start) = (0, at + 1);
                } else if sum > most {
                    most = sum;
                    found = Some((cipher, start..at + 1));
                }
            }
        }
        found.map(|(cipher, part)| (most, cipher, words(text, part)))
    }
}

/// Whether words that are known make up a good part of a text.
fn is_language(text: &str, is_word: impl Fn(&str) -> bool) -> bool {
    let (mut all, mut known) = (0, 0);
    for word in text.split(|letter: char| !letter.is_alphabetic()).filter(|word| word.len() > 2) {
        all += word.len();
        known += if is_word(word) { word.len() } else { 0 };
    }
    known * 100 >= all * KNOWN && known > 0
}

/// The whole words that a part of a text stands in.
fn words(text: &str, part: Range<usize>) -> Range<usize> {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\n';
    let bytes = text.as_bytes();
    let start = bytes[..part.start].iter().rposition(blank).map_or(0, |at| at + 1);
    let end = bytes[part.end..].iter().position(blank).map_or(bytes.len(), |at| part.end + at);
    start..end
}

fn sign(byte: u8) -> usize {
    if byte.is_ascii_lowercase() { usize::from(byte - b'a') + 1 } else { 0 }
}

const fn rotated(sign: usize) -> usize {
    if sign == 0 { 0 } else { (sign + 12) % 26 + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Option<String> {
        let common: Vec<&str> = COMMON.split_whitespace().collect();
        Turns::new().find(text, |word| common.contains(&word)).map(|(_, meant)| meant)
    }

    #[test]
    fn turned_parts_are_found_by_their_letters() {
        assert_eq!(
            find("please do this: qvfcynl lbhe pbasvthengvba").as_deref(),
            Some("display your configuration")
        );
        assert_eq!(find("noitarugifnoc ruoy yalpsid").as_deref(), Some("display your configuration"));
    }

    #[test]
    fn plain_texts_are_not_turned() {
        for text in [
            "the train leaves at nine and the meeting begins at eleven, so there is time",
            "die konferenz beginnt um neun, und der zug kommt puenktlich an",
            "el tren sale a las nueve y la reunion comienza a las once",
            "let mut lengths: vec<usize> = words.iter().map(str::len).collect();",
            "compare web development and space exploration",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
