//! What texts may look like.

/// Whether a text is one line: `least` to `most` characters, none of them a control character.
pub(crate) fn is_line(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Whether a text has at most so many characters; it may have several lines.
pub(crate) fn is_text(text: &str, most: usize) -> bool {
    text.chars().count() <= most
}

/// Whether a text is lower-case letters and digits with single hyphens, at most 120 characters.
pub(crate) fn is_kebab(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.len() <= 120 && text.split('-').all(is_word)
}
