//! How much of the end of a text is settled before what comes next is known.

/// Where the last break before the end of a text is: behind its last space.
pub(super) fn break_before(text: &str) -> usize {
    text.bytes().rposition(|byte| byte.is_ascii_whitespace()).map_or(0, |space| space + 1)
}

/// Where the token starts that a text may end in: its last word, with the single letters in front of it, or a private
/// key that has begun.
pub(super) fn token(tail: &str) -> usize {
    let key = memchr::memmem::rfind(tail.as_bytes(), b"-----BEGIN");
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
        assert_eq!(token(""), 0);
    }

    #[test]
    fn what_belongs_to_a_token_goes_on() {
        assert_eq!(goes_on("abc\nDEF= x"), 8);
        assert_eq!(goes_on(" x"), 0);
    }
}
