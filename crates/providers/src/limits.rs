//! Bounds of what people write.

/// Whether a text that is shown on one line has so many characters, none of them a control
/// character, and no blanks around it.
pub(crate) fn is_line(text: &str, least: usize, most: usize) -> bool {
    let length = text.chars().count();
    (least..=most).contains(&length) && !text.contains(char::is_control) && text.trim() == text
}

/// Whether a text of several lines has at most so many bytes and can be stored.
pub(crate) fn is_text(text: &str, most: usize) -> bool {
    text.len() <= most && !text.contains('\0')
}

/// Whether a text is a slug: lower-case letters and digits with single hyphens.
pub(crate) fn is_slug(text: &str) -> bool {
    text.len() <= 120
        && text.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// A model's name, as a provider knows it.
pub(crate) fn is_model(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= 200 && !text.contains(char::is_control)
}
