//! Letters of other scripts that look Latin.
//!
//! A word is rewritten where it mixes scripts, or where all of its letters look Latin in a text that is
//! mainly Latin; Russian, Greek and Armenian stay what they are.

use std::sync::LazyLock;

use super::plain::next_beyond_ascii;
use super::spans::{Rewriting, Spans};

/// Which letters look like which Latin one (after Unicode's table of confusables).
const CONFUSABLE: [(char, &str); 46] = [
    ('a', "аαꭺ"),
    ('A', "АΑᎪᗅꓮ"),
    ('b', "Ьᖯᑲ"),
    ('B', "ВΒᏴᗷꓐ"),
    ('c', "сϲⲥꮯ"),
    ('C', "СᏟⲤꓚϹ"),
    ('d', "ԁᏧᑯꓒ"),
    ('D', "Ꭰᗞᗪꓓ"),
    ('e', "еҽєε"),
    ('E', "ЕΕᎬⴹꓰ"),
    ('f', "քϝ"),
    ('F', "Ϝᖴꓝ"),
    ('g', "ցԍ"),
    ('G', "ԌᏀᏳꓖ"),
    ('h', "һհᏂ"),
    ('H', "НΗᎻᕼⲎꓧ"),
    ('i', "іιꙇӏꭵᎥ"),
    ('I', "ІӀΙ"),
    ('j', "јϳ"),
    ('J', "ЈͿᎫᒍꓙ"),
    ('K', "КΚᏦⲔꓗ"),
    ('l', "ⵏꓲ"),
    ('L', "ᏞᒪⳐꓡ"),
    ('M', "МΜϺᎷᗰⲘꓟ"),
    ('n', "ոռ"),
    ('N', "ΝⲚꓠ"),
    ('o', "оοσօⲟჿ"),
    ('O', "ОΟՕⲞⵔꓳ"),
    ('p', "рρⲣ"),
    ('P', "РΡᏢᑭꓑ"),
    ('q', "ԛգզ"),
    ('Q', "ⵕԚ"),
    ('r', "гⲅꮁ"),
    ('R', "ᎡᏒᖇꓣ"),
    ('s', "ѕꮪ"),
    ('S', "ЅՏᏕᏚꓢ"),
    ('T', "ТΤᎢⲦꓔ"),
    ('u', "υս"),
    ('U', "Սᑌꓴ"),
    ('v', "ѵνꮩ"),
    ('V', "ѴᏙᐯⴸꓦ"),
    ('w', "ѡԝաꮃ"),
    ('W', "ԜᎳᏔꓪ"),
    ('x', "хχᕁ"),
    ('y', "уүγყ"),
    ('Y', "УҮΥᎩᎽⲨꓬ"),
];

/// Letters that pass for Latin ones only inside of a Latin word.
const PASSABLE: [(char, &str); 7] =
    [('k', "кκ"), ('m', "м"), ('t', "тτ"), ('b', "в"), ('h', "н"), ('n', "пη"), ('X', "ХΧⲬ᙭ꓫ")];

/// Small capitals and other letters of phonetics, which no language writes words of.
const PHONETIC: &str = "aᴀbʙcᴄdᴅeᴇfꜰgɢhʜiɪjᴊkᴋlʟmᴍnɴoᴏpᴘqꞯrʀsꜱtᴛuᴜvᴠwᴡyʏzᴢaɑgɡ";

struct Lookalike {
    letter: char,
    latin: char,
    confusable: bool,
}

static LOOKALIKES: LazyLock<Vec<Lookalike>> = LazyLock::new(|| {
    let of = |rows: &'static [(char, &'static str)], confusable: bool| {
        rows.iter().flat_map(move |(latin, letters)| {
            letters.chars().map(move |letter| Lookalike { letter, latin: *latin, confusable })
        })
    };
    let mut all: Vec<Lookalike> = of(&CONFUSABLE, true).chain(of(&PASSABLE, false)).collect();
    all.sort_by_key(|lookalike| lookalike.letter);
    all
});

fn lookalike(c: char) -> Option<&'static Lookalike> {
    LOOKALIKES.binary_search_by_key(&c, |lookalike| lookalike.letter).ok().map(|index| &LOOKALIKES[index])
}

/// Whether a letter is in the table.
pub(super) fn may_look_latin(c: char) -> bool {
    lookalike(c).is_some()
}

/// The letter that a letter of phonetics stands for.
pub(super) fn small_capital(c: char) -> Option<char> {
    if !matches!(c, '\u{250}'..='\u{2AF}' | '\u{1D00}'..='\u{1D2B}' | '\u{A730}'..='\u{A7AF}') {
        return None;
    }
    let mut letters = PHONETIC.chars();
    while let (Some(latin), Some(letter)) = (letters.next(), letters.next()) {
        if letter == c {
            return Some(latin);
        }
    }
    None
}

/// The text with Latin letters where others stand in for them, if there is such a word.
pub(super) fn to_latin(plain: &str) -> Option<(String, Spans)> {
    let latin = plain.bytes().filter(u8::is_ascii_alphabetic).count();
    if latin == 0 {
        return None;
    }
    let others = plain.chars().filter(|c| !c.is_ascii() && c.is_alphabetic()).count();
    let mainly_latin = latin > 2 * others;
    let mut rewriting = Rewriting::default();
    let mut copied = 0;
    let mut at = 0;
    let mut after_foreign = false;
    while let Some(next) = next_beyond_ascii(plain.as_bytes(), at) {
        let first = next;
        let start = first
            - plain.as_bytes()[at..first].iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let length: usize =
            plain[start..].chars().take_while(|c| c.is_alphabetic()).map(char::len_utf8).sum();
        let end = (start + length).max(first + plain[first..].chars().next().map_or(1, char::len_utf8));
        let word = &plain[start..end];
        let stands_in = match Word::of(word) {
            Word::Latin => {
                after_foreign = false;
                false
            }
            Word::Mixed => true,
            Word::AllLookLatin => mainly_latin && !after_foreign,
            Word::Foreign => {
                after_foreign = true;
                false
            }
            Word::None => false,
        };
        if stands_in {
            for (offset, c) in word.char_indices() {
                let here = start + offset..start + offset + c.len_utf8();
                if let Some(lookalike) = lookalike(c) {
                    rewriting.copy(plain, copied..here.start);
                    rewriting.put(lookalike.latin.encode_utf8(&mut [0; 4]), here.clone());
                    copied = here.end;
                }
            }
        }
        at = end;
    }
    if copied == 0 {
        return None;
    }
    rewriting.copy(plain, copied..plain.len());
    Some(rewriting.finish())
}

/// What the letters of a word are.
enum Word {
    /// There are none.
    None,
    Latin,
    /// Latin ones, and ones that look so.
    Mixed,
    /// None is Latin, and each looks so.
    AllLookLatin,
    /// At least one belongs to another script and looks it, and none is Latin.
    Foreign,
}

impl Word {
    fn of(word: &str) -> Self {
        let (mut latin, mut looks, mut foreign) = (false, false, false);
        for c in word.chars().filter(|c| c.is_alphabetic()) {
            if c < '\u{370}' || matches!(c, '\u{1E00}'..='\u{1EFF}') {
                latin = true;
            } else if let Some(lookalike) = lookalike(c) {
                looks = true;
                foreign |= !lookalike.confusable;
            } else {
                foreign = true;
            }
        }
        match (latin, looks, foreign) {
            (true, true, _) => Self::Mixed,
            (true, false, false) => Self::Latin,
            (false, true, false) => Self::AllLookLatin,
            (false, false, false) => Self::None,
            _ => Self::Foreign,
        }
    }
}
