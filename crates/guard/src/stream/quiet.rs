//! How much of the end of a text is settled before what comes next is known.

use std::sync::LazyLock;

use memchr::memmem::{Finder, rfind};

/// What both lines around a private key begin with.
static DASHES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"-----"));

/// Where the last break before the end of a text is: behind its last space.
pub(super) fn break_before(text: &str) -> usize {
    text.bytes().rposition(|byte| byte.is_ascii_whitespace()).map_or(0, |space| space + 1)
}

/// Where the token starts that a text may end in: its last word, with the single letters in front of it, or a line that
/// begins or ends a private key.
pub(super) fn token(tail: &str) -> usize {
    // Most texts have no such lines, and this is asked for every piece of a stream.
    let key = DASHES.find(tail.as_bytes()).and_then(|_| key_line(tail));
    let mut from = break_before(tail);
    loop {
        let words = tail[..from].trim_ascii_end();
        let word = break_before(words);
        if words.is_empty() || words.len() - word > 2 {
            break;
        }
        from = word;
    }
    key.map_or(from, |key| from.min(key))
}

/// Where the last line begins that opens a private key, or one that ends it and is not over.
fn key_line(tail: &str) -> Option<usize> {
    let line = |start: &[u8]| rfind(tail.as_bytes(), start);
    let is_open = |at: &usize| !tail[at + b"-----END".len()..].contains("-----");
    line(b"-----BEGIN").into_iter().chain(line(b"-----END").filter(is_open)).min()
}

/// Where the words start of which a text may end in a phrase of so many.
pub(super) fn words(tail: &str, most: usize) -> usize {
    (0..most).fold(token(tail), |from, _| break_before(tail[..from].trim_ascii_end()))
}

/// How many plain words stand between the parts of something written apart, such as `ada (at) example (dot) org`.
const APART: usize = 3;

/// Where something of personal data may start that a text ends in: the words in which there is more than letters, with
/// up to three plain ones before and between them, as far as they are not followed by more plain ones.
pub(super) fn number(tail: &str) -> usize {
    let mut from = token(tail);
    let mut rest = &tail[..from];
    let mut plain = 0;
    while plain < APART {
        rest = rest.trim_ascii_end();
        if rest.is_empty() {
            return if plain == 0 { 0 } else { from };
        }
        let word = break_before(rest);
        plain = if is_plain(&rest[word..]) { plain + 1 } else { 0 };
        from = word;
        rest = &rest[..word];
    }
    from
}

/// How long a word is at most that is certainly no token: one byte less than the shortest run that may be one.
const SHORT: usize = 11;

/// Whether a text is nothing but short words of Western letters, with the signs that sentences have: no digit, no sign
/// that joins words, and no letters that were spaced out.
pub(super) fn are_plain(words: &str) -> bool {
    let mut single = false;
    for word in words.split(|c: char| c.is_ascii_whitespace()).filter(|word| !word.is_empty()) {
        let letters = word.trim_start_matches(['"', '\'', '“', '‘']);
        let letters = letters.strip_suffix(['"', '\'', '”', '’']).unwrap_or(letters);
        let letters = letters.strip_suffix(['.', ',', ';', ':', '!', '?']).unwrap_or(letters);
        if matches!(letters, "" | "-" | "–" | "—") {
            continue;
        }
        let is_letter = |c: char| {
            c.is_ascii_alphabetic()
                || matches!(c, '\u{C0}'..='\u{FF}' if !matches!(c, '×' | '÷'))
                || matches!(c, '\'' | '’')
        };
        let is_single = letters.chars().nth(1).is_none();
        if word.chars().count() > SHORT || !letters.chars().all(is_letter) || (single && is_single) {
            return false;
        }
        single = is_single;
    }
    true
}

/// Whether nothing but letters is in a word, and the signs that stand at the ends of words.
fn is_plain(word: &str) -> bool {
    let inner =
        word.trim_start_matches(['"', '\'']).trim_end_matches(['.', ',', ';', ':', '!', '?', '"', '\'']);
    inner.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’'))
}

/// How far what began before a piece goes on in it.
pub(super) fn goes_on(piece: &str) -> usize {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_.\r\n\\".contains(&byte);
    piece.bytes().position(|byte| !belongs(byte)).unwrap_or(piece.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_waits_and_single_letters_with_it() {
        assert_eq!(token("some plain words"), 11);
        assert_eq!(token("some plain words "), 17);
        assert_eq!(token("some g h p"), 5);
        assert_eq!(token("some g h p "), 5);
        assert_eq!(token("x\n-----BEGIN RSA PRIVATE KEY-----\nMII and more"), 2);
        assert_eq!(token("AwEH\n-----END RSA PRIVATE "), 5);
        assert_eq!(token("AwEH\n-----END RSA PRIVATE KEY----- and"), 35);
        assert_eq!(token(""), 0);
    }

    #[test]
    fn phrases_wait() {
        assert_eq!(words("one two three fo", 0), 14);
        assert_eq!(words("one two three fo", 2), 4);
        assert_eq!(words("one", 2), 0);
    }

    #[test]
    fn numbers_wait_until_plain_words_follow() {
        assert_eq!(number("one two three four five six se"), 14);
        assert_eq!(number("one two three 030 12345 a"), 0);
        assert_eq!(number("one two three four five 030 12345 then it goes on wi"), 34);
    }

    #[test]
    fn plain_words_are_told_from_all_others() {
        for plain in ["", "it's a quiet day: \"he said\"", "Größe — für alle!\nund", "a cat"] {
            assert!(are_plain(plain), "{plain}");
        }
        for other in [
            "ada@x",
            "be::",
            "at 5",
            "a b",
            "a - b",
            "one-two",
            "x.y",
            "internationally",
            "слово",
            "ada (at)",
            "%41",
            "&lt;",
            "\u{200b}x",
        ] {
            assert!(!are_plain(other), "{other}");
        }
    }

    #[test]
    fn what_belongs_to_a_token_goes_on() {
        assert_eq!(goes_on("abc\nDEF= x"), 8);
        assert_eq!(goes_on(" x"), 0);
    }
}
